"""Provenance as a value: its shape is SLSA's, and its order does not depend on chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2

from nixgen.attest.provenance import (
    PROVENANCE_TYPE,
    Builder,
    Material,
    PlatformBuild,
    Provenance,
    in_order,
)
from nixgen.attest.purls import (
    debian_source_purl,
    generic_purl,
    image_purl,
    npm_purl,
    pypi_purl,
)
from nixgen.attest.statement import Subject, make_statement
from nixgen.digest import Digest

SOME = Digest.of_bytes(b"some")
ZLIB = Material(
    name="zlib", uri="https://example.org/zlib", digest={"sha256": SOME.hex, "narHash": "00"}
)
LIBRARY = Material(name="library", digest={"narHash": SOME.hex}, annotations={"seed": True})


def provenance(materials: Sequence[Material] = (ZLIB, LIBRARY), sandbox: str = "on") -> Provenance:
    return Provenance(
        description=SOME,
        description_name="app.toml",
        profile=None,
        variables={"z": "1", "a": "2"},
        tags=["1.0"],
        lock=SOME,
        package_set=("bundled", SOME),
        generated=SOME,
        builds=[
            PlatformBuild(
                platform="linux/amd64",
                build_system="x86_64-linux",
                strategy="native",
                derivation="/nix/store/k70j83ij909krlv54r4n1diffij3wq73-app-conf.json.drv",
                writer=SOME,
            )
        ],
        materials=materials,
        builder=Builder(
            id="https://ci.example.org",
            version={"nix": "2.8.0", "nixgen": "1"},
            conditions={"sandbox": sandbox, "substitute": False},
        ),
    )


def test_the_predicate_is_slsa_provenance_by_its_official_definition() -> None:
    predicate = provenance().predicate()
    # why: parsing by the published definition refuses names and types that it does not have.
    parsed = json_format.ParseDict(predicate, provenance_pb2.Provenance())
    assert parsed.build_definition.build_type == "urn:nixgen:image-build:v1"
    assert parsed.run_details.builder.id == "https://ci.example.org"
    assert [each.name for each in parsed.build_definition.resolved_dependencies] == [
        "library",
        "zlib",
    ]


def test_materials_come_sorted_and_once() -> None:
    again = Material(name=ZLIB.name, uri=ZLIB.uri, digest=dict(reversed(ZLIB.digest.items())))
    assert in_order([ZLIB, LIBRARY, again]) == in_order([LIBRARY, again])
    one, other = (provenance(each).predicate() for each in ([ZLIB, LIBRARY], [LIBRARY, ZLIB, ZLIB]))
    subjects = [Subject(name="app", digest=SOME)]
    assert (
        make_statement(subjects, PROVENANCE_TYPE, one).data
        == make_statement(subjects, PROVENANCE_TYPE, other).data
    )


def test_conditions_stand_in_the_run_details_only() -> None:
    one, other = (provenance(sandbox=each).predicate() for each in ("on", "off"))
    assert one["buildDefinition"] == other["buildDefinition"]
    assert one["runDetails"] != other["runDetails"]
    assert one["runDetails"]["byproducts"][0]["annotations"]["sandbox"] == "on"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (generic_purl("zlib", "1.3"), "pkg:generic/zlib@1.3"),
        (generic_purl("motd", ""), "pkg:generic/motd"),
        (pypi_purl("x", "1", file="x-1.whl"), "pkg:pypi/x@1?file_name=x-1.whl"),
        (npm_purl("@a/b", "2", member="c/d"), "pkg:npm/%40a/b@2#c/d"),
        (debian_source_purl("x", "2-1"), "pkg:deb/debian/x@2-1?arch=source"),
    ],
)
def test_package_urls(made: Any, expected: str) -> None:
    assert made == expected


@pytest.mark.parametrize("tag", ["", ":1.2"])
def test_an_image_is_named_by_digest_and_repository(tag: str) -> None:
    purl = image_purl(f"registry.example:5000/team/app{tag}", SOME)
    assert purl.startswith(f"pkg:oci/app@sha256:{SOME.hex}?")
    assert "repository_url=registry.example:5000/team/app" in purl.replace("%3A", ":")
    assert ("tag=1.2" in purl) == bool(tag)
