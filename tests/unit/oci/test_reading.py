"""Reading layouts: everything is checked against the digest that names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nixgen.errors import BuildError, UsageError
from nixgen.oci import BuiltImage, ImageConf, canonical_json, write_layout
from nixgen.platforms import Platform
from tests.layouts import read_layout
from tests.unit.oci.synthetic import SyntheticStore

Hello = tuple[SyntheticStore, ImageConf]
Build = Callable[..., BuiltImage]


@pytest.fixture
def written(hello: Hello, build: Build, tmp_path: Path) -> tuple[Path, BuiltImage]:
    image = build(*hello, annotations={"org.opencontainers.image.title": "hello"})
    write_layout([image], tmp_path / "out", tags=["1.0"])
    return tmp_path / "out", image


def test_what_was_written_is_read(written: tuple[Path, BuiltImage], hello: Hello) -> None:
    path, built = written
    read = read_layout(path, tag="1.0")
    [image] = read.images
    assert (read.tag, read.digest, read.referrers) == ("1.0", built.digest, ())
    assert (image.manifest, image.config) == (built.manifest, built.config)
    assert image.runtime == hello[1].config
    assert image.annotations == {"org.opencontainers.image.title": "hello"}
    for one, other in zip(image.layers, built.layers, strict=True):
        assert (one.diff_id, one.store_paths) == (other.diff_id, other.store_paths)
        assert one.descriptor.digest == other.digest
    assert read.image(Platform.parse("linux/amd64")) is image
    with pytest.raises(UsageError, match="no image for linux/arm64, but for linux/amd64"):
        read.image(Platform.parse("linux/arm64"))


def test_an_unknown_tag_is_told_with_those_there_are(written: tuple[Path, BuiltImage]) -> None:
    with pytest.raises(UsageError, match=r"the tag '2'; its tags: 1\.0"):
        read_layout(written[0], tag="2")


def test_a_folder_that_is_no_layout_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not an OCI image layout"):
        read_layout(tmp_path)


def test_every_small_blob_is_checked_at_every_byte(written: tuple[Path, BuiltImage]) -> None:
    path, image = written
    for digest in (image.digest, image.config_digest):
        blob = path / "blobs" / "sha256" / digest.hex
        whole = blob.read_bytes()
        for place in range(0, len(whole), 11):
            flipped = bytearray(whole)
            flipped[place] ^= 1
            for damaged in (whole[:place], bytes(flipped), whole + b" "):
                blob.write_bytes(damaged)
                with pytest.raises(BuildError, match="does not have that digest and size"):
                    read_layout(path)
        blob.write_bytes(whole)


def test_a_damaged_layer_is_found_when_asked(written: tuple[Path, BuiltImage]) -> None:
    path, image = written
    blob = path / "blobs" / "sha256" / image.layers[1].digest.hex
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.unlink()
    blob.write_bytes(data)
    with pytest.raises(BuildError, match=blob.name):
        read_layout(path).verify_layers()
    blob.unlink()
    with pytest.raises(BuildError, match="can't read the blob"):
        read_layout(path).verify_layers()


@pytest.mark.parametrize(
    "change",
    [
        {"manifests": None},
        {"manifests": [{}]},
        {"manifests": [{"mediaType": "a/b", "digest": "sha256:../../etc/passwd", "size": 1}]},
        {"manifests": [{"mediaType": "a/b", "digest": "sha256:" + "0" * 64, "size": -1}]},
        {"manifests": [{"mediaType": "a/b", "digest": "sha256:" + "0" * 64, "size": True}]},
        {"manifests": [{"mediaType": "a/b", "digest": "sha256:" + "0" * 64, "size": 5}]},
    ],
)
def test_a_damaged_index_is_a_build_error(
    written: tuple[Path, BuiltImage], change: dict[str, Any]
) -> None:
    path, _ = written
    index = json.loads((path / "index.json").read_bytes())
    (path / "index.json").write_bytes(canonical_json({**index, **change}))
    with pytest.raises(BuildError, match="is damaged"):
        read_layout(path)


def test_a_huge_manifest_is_not_read(written: tuple[Path, BuiltImage]) -> None:
    path, _ = written
    index = json.loads((path / "index.json").read_bytes())
    index["manifests"][0]["size"] = 1 << 40
    (path / "index.json").write_bytes(canonical_json(index))
    with pytest.raises(BuildError, match="is said to have"):
        read_layout(path)
