"""Sources and seeds found in a build graph."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from nixgen.digest import Digest
from nixgen.nixcli import Derivation, FixedOutput, StorePath
from nixgen.pipeline.materials import fixed_outputs, material_of
from nixgen.pipeline.sourcing import bundled_catalogue

HASH = Digest.of_bytes(b"content")


def path(name: str) -> StorePath:
    return StorePath("0bn5y6q8jr2f5x4y1chpcpgxakln0dyj", f"{name}.drv")


def derivation(
    name: str, *inputs: str, fixed: FixedOutput | None = None, env: Mapping[str, str] = {}
) -> Derivation:
    return Derivation(
        path=path(name),
        name=name,
        system="x86_64-linux",
        builder="/bin/sh",
        args=(),
        env=env,
        outputs={"out": StorePath("0bn5y6q8jr2f5x4y1chpcpgxakln0dyj", name)},
        input_sources=(),
        input_derivations={path(each): ("out",) for each in inputs},
        fixed_output=fixed,
    )


def file(algorithm: str = "sha256", *, recursive: bool = False) -> FixedOutput:
    return FixedOutput(algorithm=algorithm, hex=HASH.hex, recursive=recursive)


def test_a_fetcher_s_own_inputs_are_no_materials() -> None:
    graph = [
        derivation("image", "app", "zlib.tar"),
        derivation("app", "zlib.tar"),
        derivation("zlib.tar", "curl", fixed=file()),
        derivation("curl", "curl.tar"),
        derivation("curl.tar", fixed=file()),
    ]
    found = fixed_outputs([path("image")], {each.path: each for each in graph})
    assert [each.name for each in found] == ["zlib.tar"]


@pytest.mark.parametrize(
    ("fixed", "digest"),
    [
        (file(), {"sha256": HASH.hex}),
        (file(recursive=True), {"narHash": HASH.hex}),
        (file("sha512"), {"sha512": HASH.hex}),
        (file("sha1", recursive=True), {"nar-sha1": HASH.hex}),
    ],
)
def test_a_digest_says_of_what_it_is(fixed: FixedOutput, digest: dict[str, str]) -> None:
    assert material_of(derivation("x", fixed=fixed), None).digest == digest


@pytest.mark.parametrize(
    ("env", "uri"),
    [
        ({"urls": "https://u:p@example.org/x https://example.com/x"}, "https://example.org/x"),
        ({"url": "mirror://gnu/x"}, "mirror://gnu/x"),
        ({"url": "nixgen-source:x is not in the store"}, None),
        ({"__json": json.dumps({"urls": ["https://example.org/x"]})}, "https://example.org/x"),
        ({}, None),
    ],
)
def test_where_a_source_comes_from_is_told_without_passwords(env: Any, uri: str | None) -> None:
    assert material_of(derivation("x", fixed=file(), env=env), None).uri == uri


def test_every_source_of_the_bundled_set_has_an_address_or_a_package_that_it_comes_from() -> None:
    for source in bundled_catalogue().sources:
        made = material_of(derivation("x", fixed=file(recursive=bool(source.unpacked))), source)
        assert made.uri is not None
        assert made.uri.startswith(("https://", "pkg:"))
        assert made.digest["sha256"] == source.digest.hex
