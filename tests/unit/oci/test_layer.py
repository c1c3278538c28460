"""Building layers: order, digests, failures."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from nixgen.errors import BuildError, MachineError
from nixgen.oci import BuiltImage, ImageConf, LayerBuilder, StoreRoot, gzip_compressor
from nixgen.oci import layer as layer_module
from nixgen.oci.blob import Summed
from nixgen.oci.packing import Sink
from tests.unit.oci.rival import rival_diff_id
from tests.unit.oci.synthetic import SyntheticStore

Hello = tuple[SyntheticStore, ImageConf]
Build = Callable[..., BuiltImage]


def test_diff_ids_are_those_of_the_rival(hello: Hello, build: Build) -> None:
    synthetic, conf = hello
    image = build(synthetic, conf)
    for layer, paths in zip(image.layers, conf.store_layers, strict=False):
        expected = rival_diff_id(paths, root=synthetic.root, ownership=conf.ownership)
        assert layer.diff_id.hex == expected
        assert layer.store_paths == paths


def test_the_customisation_layer_is_copied_as_it_is(hello: Hello, build: Build) -> None:
    synthetic, conf = hello
    layer = build(synthetic, conf).layers[-1]
    tar = synthetic.place(conf.customisation_layer) / "layer.tar"
    assert layer.blob.read_bytes() == tar.read_bytes()
    assert layer.digest.hex == hashlib.sha256(tar.read_bytes()).hexdigest()
    assert not layer.blob.samefile(tar)


def test_compression_changes_no_diff_id_and_no_config(hello: Hello, build: Build) -> None:
    synthetic, conf = hello
    plain = build(synthetic, conf)
    packed = build(synthetic, conf, compressor=gzip_compressor("pigz"))
    assert packed.config == plain.config
    assert packed.manifest != plain.manifest
    assert packed.size_bytes < plain.size_bytes
    assert packed.unpacked_bytes == plain.unpacked_bytes == plain.size_bytes


def test_a_wrong_checksum_is_an_error(hello: Hello, build: Build) -> None:
    synthetic, conf = hello
    (synthetic.place(conf.customisation_layer) / "checksum").write_text("0" * 64)
    with pytest.raises(BuildError, match="checksum says 0000"):
        build(synthetic, conf)


@pytest.mark.parametrize("name", ["layer.tar", "checksum"])
def test_a_missing_customisation_is_an_error(hello: Hello, build: Build, name: str) -> None:
    synthetic, conf = hello
    (synthetic.place(conf.customisation_layer) / name).unlink()
    with pytest.raises(MachineError, match="missing from the store"):
        build(synthetic, conf)


def test_a_missing_store_path_stops_all_and_is_named(hello: Hello, build: Build) -> None:
    synthetic, conf = hello
    gone = synthetic.new("gone")
    layers = [[gone], *(list(layer) for layer in conf.store_layers)]
    with pytest.raises(MachineError, match=f"missing from the store: {gone}"):
        build(synthetic, synthetic.conf(layers, conf.customisation_layer))


class _Endless:
    """A layer that goes on until it is stopped."""

    store_paths = ("/nix/store/endless",)
    key = ("endless",)

    def __init__(self) -> None:
        self.started = threading.Event()

    def write(self, sink: Sink) -> None:
        while True:
            sink(memoryview(bytes(1000)))
            self.started.set()

    def check(self, tar: Summed) -> None:
        raise AssertionError("it never ends")


class _Failing(_Endless):
    def __init__(self, after: threading.Event) -> None:
        super().__init__()
        self._after = after

    def write(self, sink: Sink) -> None:
        self._after.wait(30)
        raise BuildError("this one failed")


def test_the_failure_of_one_layer_stops_the_others(tmp_path: Path) -> None:
    endless = _Endless()
    builder = LayerBuilder(work=tmp_path, workers=2)
    with pytest.raises(BuildError, match="this one failed"):
        builder.build([_Failing(endless.started), endless], store=StoreRoot())


def test_a_full_disk_is_a_machine_error_with_a_hint(
    hello: Hello, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        layer_module,
        "new_blob",
        lambda *_: (os.open("/dev/full", os.O_WRONLY), Path("/dev/full")),
    )
    with pytest.raises(MachineError, match="No space left") as caught:
        build(*hello)
    assert "free space" in str(caught.value.hint)
