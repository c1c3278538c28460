"""Base images: their layers come first and stay as they are, whatever form they come in."""

from __future__ import annotations

import contextlib
import json
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from nixgen.errors import BuildError, MachineError, UsageError
from nixgen.oci import ImageConf, LayerCache, write_docker_archive, write_layout
from nixgen.oci.base import BaseImage
from nixgen.oci.basefetch import find_base, read_base
from nixgen.oci.image import Descriptor
from nixgen.oci.opening import open_stored
from nixgen.oci.writing import write_conf
from tests.layouts import read_layout
from tests.unit.oci.bases import SECOND, SMALL, HandMade, folder, make_tar
from tests.unit.oci.conftest import Build
from tests.unit.oci.synthetic import SyntheticStore

Hello = tuple[SyntheticStore, ImageConf]


def read(layout: Path, work: Path, cache: LayerCache | None = None) -> BaseImage:
    work.mkdir(exist_ok=True)
    source = open_stored(layout)
    return read_base(source, source.images[0], work=work, cache=cache)


def write(hello: Hello, folder_: Path, base: Path | None, **more: Any) -> Any:
    """The image of a conf with this `from_image`, as `nixgen write` makes it."""
    synthetic, made = hello
    layers = [list(layer) for layer in made.store_layers]
    if base is not None:
        inside = synthetic.root / "base"
        inside.unlink(missing_ok=True)
        inside.symlink_to(base)
    document = synthetic.document(
        layers, made.customisation_layer, from_image="/base" if base else None, **more
    )
    (folder_ / "conf.json").write_text(json.dumps(document))
    return write_conf(folder_ / "conf.json", folder_ / "out", store=synthetic.store)


@pytest.mark.parametrize("packing", ["", "gzip", "zstd"])
def test_layers_of_the_base_come_first_byte_for_byte(
    hello: Hello, build: Build, tmp_path: Path, packing: str
) -> None:
    made = HandMade(packing=packing)
    base = read(made.write_layout(tmp_path / "base"), tmp_path / "w")
    alone, image = build(*hello), build(*hello, base=base)
    write_layout([image], tmp_path / "out", tags=["1"])
    [written] = read_layout(tmp_path / "out").images
    assert written.manifest == image.manifest
    layers = json.loads(written.manifest)["layers"]
    assert layers[:2] == json.loads(made.manifest)["layers"]
    for descriptor, data in zip(layers, made.stored, strict=False):
        blob = tmp_path / "out" / "blobs" / "sha256" / descriptor["digest"][7:]
        assert blob.read_bytes() == data
    diff_ids = json.loads(written.config)["rootfs"]["diff_ids"]
    assert diff_ids == made.diff_ids + [str(layer.diff_id) for layer in alone.layers]
    read_layout(tmp_path / "out").verify_layers()


@pytest.mark.parametrize(
    ("media_type", "packing", "stored_as"),
    [
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip", "tar+gzip"),
        ("application/vnd.docker.image.rootfs.diff.tar", "", "tar"),
        ("application/vnd.docker.image.rootfs.diff.tar.zstd", "zstd", "tar+zstd"),
    ],
)
def test_dockers_names_of_layers_become_those_of_oci(
    hello: Hello, build: Build, tmp_path: Path, media_type: str, packing: str, stored_as: str
) -> None:
    made = HandMade(packing=packing, media_type=media_type)
    image = build(*hello, base=read(made.write_layout(tmp_path / "base"), tmp_path / "w"))
    first = json.loads(image.manifest)["layers"][0]
    assert first["mediaType"] == f"application/vnd.oci.image.layer.v1.{stored_as}"
    assert first["digest"] == json.loads(made.manifest)["layers"][0]["digest"]


@pytest.mark.parametrize("packing", ["", "gzip", "zstd"])
def test_a_docker_archive_holds_the_bases_tars(
    hello: Hello, build: Build, tmp_path: Path, packing: str
) -> None:
    made = HandMade(packing=packing, layers=(SMALL, SECOND, SMALL))
    image = build(*hello, base=read(made.write_layout(tmp_path / "base"), tmp_path / "w"))
    write_docker_archive(image, tmp_path / "out.tar", repo_tags=["hello:1"])
    with tarfile.open(tmp_path / "out.tar") as tar:
        [entry] = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
        held = [tar.extractfile(name).read() for name in entry["Layers"][:3]]  # type: ignore[union-attr]
    assert held == [SMALL, SECOND, SMALL]


def test_a_layer_that_repeats_is_kept_twice_and_stored_once(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    made = HandMade(layers=(SMALL, SECOND, SMALL), packing="gzip")
    base = read(made.write_layout(tmp_path / "base"), tmp_path / "w")
    assert len(list((tmp_path / "w").iterdir())) == 2
    image = build(*hello, base=base)
    assert [str(layer.diff_id) for layer in image.layers[:3]] == made.diff_ids
    write_layout([image], tmp_path / "out", tags=["1"])
    [written] = read_layout(tmp_path / "out").images
    assert len(written.layers) == 6


def test_history_of_the_base_is_kept(hello: Hello, build: Build, tmp_path: Path) -> None:
    history = [
        {"created": "2020-01-01T00:00:00Z", "created_by": "ADD"},
        {"created_by": "ENV A=base", "empty_layer": True},
        {"created_by": "RUN make"},
    ]
    made = HandMade(history=history)
    image = build(*hello, base=read(made.write_layout(tmp_path / "base"), tmp_path / "w"))
    written = json.loads(image.config)["history"]
    assert written[:3] == history
    assert [entry["created_by"] for entry in written[3:]] == ["nixgen"] * 3


@pytest.mark.parametrize("history", [None, [], [{"created_by": "one"}], ["x", "y"], {"a": 1}])
def test_history_that_does_not_fit_the_layers_is_replaced(
    hello: Hello, build: Build, tmp_path: Path, history: Any
) -> None:
    made = HandMade(history=history)
    source = made.write_layout(tmp_path / "base")
    if history in (["x", "y"], {"a": 1}):
        with pytest.raises(BuildError, match="is damaged"):
            read(source, tmp_path / "w")
        return
    image = build(*hello, base=read(source, tmp_path / "w"))
    written = json.loads(image.config)["history"]
    assert [entry["comment"] for entry in written[:2]] == ["a layer of the base image"] * 2
    assert len(written) == 5


def test_layers_come_from_the_cache_the_second_time(tmp_path: Path) -> None:
    made = HandMade(packing="gzip")
    layout = made.write_layout(tmp_path / "base")
    cache = LayerCache(tmp_path / "cache", warn=pytest.fail)
    first = read(layout, tmp_path / "w", cache)
    source = open_stored(layout)
    for blob in (layout / "blobs" / "sha256").iterdir():
        blob.unlink()
    second = read_base(source, source.images[0], work=tmp_path / "w", cache=cache)
    assert not list((tmp_path / "w").iterdir())
    assert [layer.from_cache for layer in second.layers] == [True, True]
    assert [layer.blob for layer in second.layers] == [layer.blob for layer in first.layers]
    again = find_base(source.images[0], "base", cache=cache)
    assert again is not None
    assert [layer.digest for layer in again.layers] == [layer.digest for layer in first.layers]
    other = LayerCache(tmp_path / "other", warn=pytest.fail)
    assert find_base(source.images[0], "base", cache=other) is None


def test_a_damaged_blob_of_the_cache_is_taken_anew(tmp_path: Path) -> None:
    layout = HandMade().write_layout(tmp_path / "base")
    cache = LayerCache(tmp_path / "cache", warn=pytest.fail)
    first = read(layout, tmp_path / "w", cache)
    blob = first.layers[0].blob
    blob.chmod(0o644)
    blob.write_bytes(bytes(len(SMALL)))
    second = read(layout, tmp_path / "w", cache)
    assert second.layers[0].blob.read_bytes() == SMALL


def test_a_blob_that_is_not_what_its_digest_says_is_found(tmp_path: Path) -> None:
    made = HandMade()
    layout = made.write_layout(tmp_path / "base")
    (layout / "blobs" / "sha256" / made.diff_ids[1][7:]).write_bytes(b"x" * len(SECOND))
    with pytest.raises(BuildError, match="does not have that digest and size"):
        read(layout, tmp_path / "w", LayerCache(tmp_path / "cache", warn=pytest.fail))
    assert not list((tmp_path / "cache" / "v1" / "tmp").iterdir())


def test_a_layer_that_is_not_the_configs_is_found(tmp_path: Path) -> None:
    class Lying(HandMade):
        @property
        def diff_ids(self) -> list[str]:
            return list(reversed(super().diff_ids))

    layout = Lying(packing="gzip").write_layout(tmp_path / "base")
    with pytest.raises(BuildError, match=r"unpacks to sha256:.*config says"):
        read(layout, tmp_path / "w")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
    ],
)
def test_layers_that_can_not_be_taken_over_are_refused(tmp_path: Path, media_type: str) -> None:
    layout = HandMade(packing="gzip", media_type=media_type).write_layout(tmp_path / "base")
    with pytest.raises(BuildError, match="which can't be taken over"):
        read(layout, tmp_path / "w")


def test_a_zstd_layer_without_zstd_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    source = open_stored(HandMade(packing="zstd").write_layout(tmp_path / "base"))
    cache = LayerCache(tmp_path / "cache", warn=pytest.fail)
    with pytest.raises(MachineError, match="/none/zstd"):
        read_base(
            source, source.images[0], work=tmp_path, cache=cache, decompress=("/none/zstd", "-d")
        )
    assert not list((tmp_path / "cache" / "v1" / "tmp").iterdir())
    assert not list((tmp_path / "cache" / "v1" / "entries").iterdir())


def test_a_config_that_can_not_be_written_again_is_damaged(tmp_path: Path) -> None:
    layout = HandMade(runtime={"Env": ["A=\ud800"]}).write_layout(tmp_path / "base")
    with pytest.raises(BuildError, match="config is damaged"):
        read(layout, tmp_path / "w")


def test_more_layers_than_engines_run_are_refused(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    layers = [make_tar(folder(f"d{number}")) for number in range(125)]
    base = read(HandMade(layers=layers).write_layout(tmp_path / "base"), tmp_path / "w")
    with pytest.raises(BuildError, match="would have 128 layers, 125 of them from its base"):
        build(*hello, base=base)


@pytest.mark.parametrize("form", ["archive", "gz", "xz", "bz2", "folder"])
def test_a_conf_takes_its_base_in_every_form_of_dockertools(
    hello: Hello, tmp_path: Path, form: str
) -> None:
    made = HandMade(layers=(SMALL, SECOND, SMALL), runtime={"Env": ["A=base", "PATH=/usr/bin"]})
    if form == "folder":
        base = made.write_docker_folder(tmp_path / "base")
    else:
        mode = "w" if form == "archive" else f"w:{form}"
        base = made.write_docker_archive(tmp_path / "base.tar", mode=mode)
    written = write(hello, tmp_path, base)
    assert [str(layer.diff_id) for layer in written.image.layers[:3]] == made.diff_ids
    own = write(hello, tmp_path, None)
    assert [layer.diff_id for layer in written.image.layers[3:]] == [
        layer.diff_id for layer in own.image.layers
    ]


def test_of_a_confs_base_the_environment_alone_is_inherited(hello: Hello, tmp_path: Path) -> None:
    runtime = {
        "Env": ["A=base", "PATH=/usr/bin", "A=later"],
        "Entrypoint": ["/usr/bin/sh"],
        "Cmd": ["-i"],
        "User": "1000",
        "Labels": {"a": "b"},
        "WorkingDir": "/opt",
    }
    base = HandMade(runtime=runtime).write_docker_archive(tmp_path / "base.tar")
    written = write(hello, tmp_path, base)
    config = json.loads(written.image.config)["config"]
    assert config == {"Entrypoint": ["/bin/hello"], "Env": ["A=later", "PATH=/bin"]}


def test_a_confs_base_for_another_platform_is_refused(hello: Hello, tmp_path: Path) -> None:
    base = HandMade(architecture="arm64").write_docker_archive(tmp_path / "base.tar")
    with pytest.raises(BuildError, match="/base is for linux/arm64"):
        write(hello, tmp_path, base)


def test_a_confs_base_that_is_not_there_or_no_image_is_told(hello: Hello, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no image at"):
        write(hello, tmp_path, tmp_path / "missing")
    (tmp_path / "text").write_text("no tar")
    with pytest.raises(UsageError, match="neither an OCI archive nor a docker-archive"):
        write(hello, tmp_path, tmp_path / "text")
    whole = HandMade().write_docker_archive(tmp_path / "base.tar", mode="w:gz").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BuildError, match="cut off or damaged"):
        write(hello, tmp_path, tmp_path / "cut")


def test_a_folder_can_not_name_files_outside_of_it(hello: Hello, tmp_path: Path) -> None:
    base = HandMade().write_docker_folder(tmp_path / "base")
    manifest = json.loads((base / "manifest.json").read_text())
    secret = tmp_path / "secret.json"
    secret.write_bytes(HandMade().config)
    manifest[0]["Config"] = "../secret.json"
    (base / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BuildError, match="outside of the image's folder"):
        write(hello, tmp_path, base)


class Endless:
    """A source whose first layer never ends, and whose second fails once the first has begun."""

    where = "endless"

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.reads = 0

    def open_blob(self, descriptor: Descriptor) -> Any:
        if descriptor.size_bytes == len(SECOND):
            self.begun.wait(20)
            raise BuildError("the second is damaged")
        return contextlib.nullcontext(self)

    def read(self, _size: int) -> bytes:
        self.begun.set()
        self.reads += 1
        # why: a test that can fail shall end.
        return b"x" if self.reads < 10_000_000 else b""


def test_the_first_layer_that_fails_ends_the_others(tmp_path: Path) -> None:
    image = open_stored(HandMade().write_layout(tmp_path / "base")).images[0]
    source = Endless()
    cache = LayerCache(tmp_path / "cache", warn=pytest.fail)
    with pytest.raises(BuildError, match="the second is damaged"):
        read_base(source, image, work=tmp_path, cache=cache)  # type: ignore[arg-type]
    assert source.reads < 10_000_000
    assert not list((tmp_path / "cache" / "v1" / "tmp").iterdir())
