"""docker-archive and oci-archive."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.errors import BuildError, MachineError, UsageError
from nixgen.oci import (
    BuiltImage,
    ImageConf,
    archive,
    write_docker_archive,
    write_oci_archive,
    zstd_compressor,
)
from nixgen.oci.compress import Compressor
from tests.layouts import read_layout
from tests.unit.oci.synthetic import SyntheticStore

Hello = tuple[SyntheticStore, ImageConf]
Build = Callable[..., BuiltImage]


@pytest.mark.parametrize("compressor", [None, zstd_compressor("zstd")])
def test_a_docker_archive_holds_config_tags_and_plain_layers(
    hello: Hello, build: Build, tmp_path: Path, compressor: Compressor | None
) -> None:
    image = build(*hello, compressor=compressor)
    dest = tmp_path / "hello.tar"
    image_id = write_docker_archive(image, dest, repo_tags=["hello:1.0", "hello:latest"])
    assert image_id == image.config_digest
    with tarfile.open(dest) as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        contents = {name: file.read() for name, file in files.items() if file is not None}
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in tar} == {(1, 0, 0, "", "")}
    [manifest] = json.loads(contents["manifest.json"])
    assert manifest["RepoTags"] == ["hello:1.0", "hello:latest"]
    assert contents[manifest["Config"]] == image.config
    layers = [Digest.of_bytes(contents[name]) for name in manifest["Layers"]]
    assert layers == [layer.diff_id for layer in image.layers]
    assert dest.stat().st_size % 10240 == 0
    assert dest.stat().st_mode & 0o777 == 0o644


def test_a_docker_archive_does_not_depend_on_the_compression(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    for name, compressor in (("a", None), ("b", zstd_compressor("zstd"))):
        write_docker_archive(
            build(*hello, compressor=compressor), tmp_path / name, repo_tags=["hello:1"]
        )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_store_that_changed_meanwhile_is_an_error(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    synthetic, conf = hello
    image = build(synthetic, conf, compressor=zstd_compressor("zstd"))
    (synthetic.place(conf.store_layers[0][0]) / "lib" / "a").write_bytes(b"b" * 70_000)
    dest = tmp_path / "out.tar"
    with pytest.raises(BuildError, match="a layer changed"):
        write_docker_archive(image, dest, repo_tags=[])
    assert not [path for path in tmp_path.iterdir() if "out.tar" in path.name]


def test_an_oci_archive_is_the_layout_as_a_tar(hello: Hello, build: Build, tmp_path: Path) -> None:
    image = build(*hello)
    dest = tmp_path / "hello.tar"
    assert write_oci_archive([image], dest, tags=["1.0"]) == image.digest
    first = dest.read_bytes()
    write_oci_archive([image], dest, tags=["1.0"])
    assert dest.read_bytes() == first
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        for member in tar:
            place = tmp_path / "layout" / member.name
            content = tar.extractfile(member)
            if content is None:
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content.read())
    read = read_layout(tmp_path / "layout", tag="1.0")
    read.verify_layers()
    assert read.digest == image.digest


@pytest.mark.parametrize("name", ["folder", "/dev/null"])
def test_what_is_no_file_is_left_alone(
    hello: Hello, build: Build, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="is not a file: it is left alone"):
        write_docker_archive(build(*hello), tmp_path / name, repo_tags=[])


def test_a_file_that_is_no_image_is_left_alone(hello: Hello, build: Build, tmp_path: Path) -> None:
    image, dest = build(*hello), tmp_path / "notes"
    with tarfile.open(dest, "w") as tar:
        tar.addfile(tarfile.TarInfo("backup/notes"))
    for content in (b"precious", dest.read_bytes(), b"PK\3\4" * 200):
        dest.write_bytes(content)
        with pytest.raises(UsageError, match="is not an image: it is left alone"):
            write_docker_archive(image, dest, repo_tags=[])
        assert dest.read_bytes() == content
    dest.write_bytes(b"")
    write_docker_archive(image, dest, repo_tags=["a:1"])
    write_oci_archive([image], dest, tags=["1"])
    write_docker_archive(image, dest, repo_tags=["a:1"])


def test_a_link_to_an_archive_stays_a_link(hello: Hello, build: Build, tmp_path: Path) -> None:
    (tmp_path / "latest.tar").symlink_to("kept/image.tar")
    (tmp_path / "kept").mkdir()
    write_docker_archive(build(*hello), tmp_path / "latest.tar", repo_tags=["a:1"])
    assert (tmp_path / "latest.tar").is_symlink()
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["image.tar"]


def test_a_full_disk_leaves_the_old_archive(
    hello: Hello, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dest = tmp_path / "place" / "out.tar"
    image = build(*hello)
    write_docker_archive(image, dest, repo_tags=["a:1"])
    before = dest.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.os, "fsync", full)
    with pytest.raises(MachineError, match="No space left") as caught:
        write_docker_archive(image, dest, repo_tags=["a:2"])
    assert caught.value.hint
    assert dest.read_bytes() == before
    assert list(dest.parent.iterdir()) == [dest]
