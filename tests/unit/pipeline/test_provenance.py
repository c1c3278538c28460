"""Provenance from a build record: what it names besides the sources of the graph."""

from __future__ import annotations

import copy
from typing import Any

from nixgen.attest.provenance import Material, in_order
from nixgen.digest import Digest
from nixgen.nixcli import Derivation, StorePath
from nixgen.pipeline.provenance import make_provenance

SOME, OTHER = Digest.of_bytes(b"some"), Digest.of_bytes(b"other")
CONF = StorePath("0bn5y6q8jr2f5x4y1chpcpgxakln0dyj", "app-conf.json.drv")
RECORD: dict[str, Any] = {
    "description": {
        "path": "/home/me/project/app.toml",
        "digest": str(SOME),
        "profile": "debug",
        "variables": {"port": "1"},
        "revision": {
            "commit": "ab" * 20,
            "repository": "https://example.org/app",
            "clean": False,
        },
    },
    "inputs": {
        "lock": str(SOME),
        "packages": {"kind": "path", "digest": str(OTHER)},
        "generated": str(SOME),
        "library": str(SOME),
        "source": None,
        "bases": {
            "linux/amd64": {"name": "", "reference": "registry.example/b:1", "digest": str(SOME)},
            "linux/arm64": {"name": "base.oci", "reference": None, "digest": str(OTHER)},
        },
        "compressors": {},
    },
    "derivations": {
        "linux/amd64": {
            "build_system": "x86_64-linux",
            "strategy": "native",
            "conf": str(CONF),
            "output": "/nix/store/x",
            "variants": {"ffmpeg": "ffmpeg-headless"},
            "writer": str(SOME),
        }
    },
    "image": {"tags": ["1", "latest"]},
    "conditions": {"nix": "2.8.0", "nixgen": "1", "sandbox": "unknown"},
}
GRAPH = {
    CONF: Derivation(
        path=CONF,
        name="app-conf.json",
        system="x86_64-linux",
        builder="/bin/sh",
        args=(),
        env={},
        outputs={},
        input_sources=(),
        input_derivations={},
    )
}


def materials(record: Any) -> dict[str, Material]:
    made = make_provenance(record, GRAPH, builder_id="https://ci.example.org")
    return {each.name: each for each in in_order(made.materials)}


def test_package_set_library_and_base_images_are_named_by_digest() -> None:
    found = materials(RECORD)
    assert found["package set"].digest == {"narHash": OTHER.hex}
    assert found["nixgen library"].digest == {"narHash": SOME.hex}
    registry = found["base image registry.example/b:1 for linux/amd64"]
    assert registry.digest == {"sha256": SOME.hex}
    assert registry.uri is not None
    assert registry.uri.startswith(f"pkg:oci/b@sha256:{SOME.hex}?repository_url=")
    disk = found["base image base.oci for linux/arm64"]
    assert (disk.uri, disk.digest) == (None, {"sha256": OTHER.hex})


def test_a_project_is_named_by_its_commit_though_nothing_of_its_source_is_in_the_image() -> None:
    project = materials(RECORD)["project source"]
    assert project.uri == "git+https://example.org/app"
    assert project.digest == {"gitCommit": "ab" * 20}
    assert project.annotations == {"clean": False}


def test_a_project_without_source_or_repository_is_no_material() -> None:
    record = copy.deepcopy(RECORD)
    record["description"]["revision"] = None
    assert "project source" not in materials(record)
    record["inputs"]["source"] = str(OTHER)
    assert materials(record)["project source"].digest == {"narHash": OTHER.hex}


def test_no_path_of_the_machine_is_in_the_predicate() -> None:
    predicate = make_provenance(RECORD, GRAPH, builder_id="https://ci.example.org").predicate()
    assert "/home/me" not in str(predicate)
    external = predicate["buildDefinition"]["externalParameters"]
    assert external["description"]["name"] == "app.toml"
    assert (external["profile"], external["variables"]) == ("debug", {"port": "1"})
    assert external["tags"] == ["1", "latest"]
