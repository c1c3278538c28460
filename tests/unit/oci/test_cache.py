"""The layer cache: what it saves, and what it must not believe."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nixgen.oci import BuiltImage, ImageConf, LayerCache, cache, prune_cache, zstd_compressor
from nixgen.oci import source as source_module
from tests.unit.oci.synthetic import SyntheticStore

Hello = tuple[SyntheticStore, ImageConf]
Build = Callable[..., BuiltImage]


class Setting:
    """A cache, an image to build with it, and the warnings that came."""

    def __init__(self, folder: Path, hello: Hello, build: Build) -> None:
        self.folder = folder
        self.synthetic, self.conf = hello
        self._build = build
        self.warnings: list[str] = []

    def cache(self, *, rehash: bool = False) -> LayerCache:
        return LayerCache(self.folder, warn=self.warnings.append, rehash=rehash)

    def build(self, *, rehash: bool = False) -> BuiltImage:
        return self._build(
            self.synthetic,
            self.conf,
            cache=self.cache(rehash=rehash),
            compressor=zstd_compressor("zstd"),
        )

    def hits(self, *, rehash: bool = False) -> list[bool]:
        """Build, hold the result against the blobs' own digests, say which came from the cache."""
        image = self.build(rehash=rehash)
        for layer in image.layers:
            assert layer.digest == type(layer.digest).of_file(layer.blob)
        return [layer.from_cache for layer in image.layers]

    def entries(self) -> list[Path]:
        return sorted((self.folder / "v1" / "entries").iterdir())

    def blobs(self) -> list[Path]:
        return sorted((self.folder / "v1" / "blobs").iterdir())


@pytest.fixture
def setting(tmp_path: Path, hello: Hello, build: Build) -> Setting:
    return Setting(tmp_path / "cache", hello, build)


ALL, NONE = [True] * 3, [False] * 3


def test_an_unchanged_layer_is_neither_read_nor_compressed_again(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = setting.build()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a layer was read")

    monkeypatch.setattr(source_module, "write_layer_tar", refuse)
    monkeypatch.setattr(source_module.CustomisationLayer, "write", refuse)
    monkeypatch.setattr(cache.Digest, "of_file", refuse)
    second = setting.build()
    assert [layer.from_cache for layer in second.layers] == ALL
    assert (second.manifest, second.config) == (first.manifest, first.config)


def test_one_changed_path_remakes_one_layer(setting: Setting) -> None:
    setting.build()
    synthetic, conf = setting.synthetic, setting.conf
    other = synthetic.add_file("other", b"other")
    setting.conf = synthetic.conf(
        [list(conf.store_layers[0]), [*conf.store_layers[1], other]], conf.customisation_layer
    )
    assert setting.hits() == [True, False, True]


def test_another_owner_is_another_layer(setting: Setting) -> None:
    setting.build()
    layers = [list(layer) for layer in setting.conf.store_layers]
    setting.conf = setting.synthetic.conf(layers, setting.conf.customisation_layer, uid=5)
    assert setting.hits() == [False, False, True]


def test_a_store_path_that_is_another_inode_is_read_again(setting: Setting) -> None:
    setting.build()
    place = setting.synthetic.place(setting.conf.store_layers[0][0])
    shutil.copytree(place, place.with_name("copy"))
    (place.with_name("copy") / "lib" / "a").write_bytes(b"other bytes")
    shutil.rmtree(place)
    place.with_name("copy").rename(place)
    assert setting.hits() == [False, True, True]


def test_a_blob_cut_or_grown_anywhere_is_remade(setting: Setting) -> None:
    setting.build()
    for change in (0, 1, -1, +1):
        for blob in setting.blobs():
            data = blob.read_bytes()
            blob.chmod(0o644)
            blob.write_bytes((data + b"\0")[: len(data) + change] if change else b"")
        assert setting.hits() == NONE
        assert setting.hits() == ALL


def test_a_blob_changed_in_place_is_found_by_its_time_and_remade(setting: Setting) -> None:
    setting.build()
    blob = setting.blobs()[0]
    blob.chmod(0o644)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    assert setting.hits().count(False) == 1


def test_rehash_finds_what_facts_hide(setting: Setting) -> None:
    setting.build()
    blob = setting.blobs()[0]
    info = blob.stat()
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        file.write(b"\0\0\0\0")
    os.utime(blob, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert setting.hits(rehash=True).count(False) == 1


def test_a_blob_replaced_by_an_equal_one_still_serves(setting: Setting) -> None:
    setting.build()
    for blob in setting.blobs():
        shutil.copyfile(blob, blob.with_name("copy"))
        blob.with_name("copy").replace(blob)
    assert setting.hits() == ALL


def test_an_entry_cut_or_flipped_at_any_byte_is_not_believed(setting: Setting) -> None:
    image = setting.build()
    entry = setting.entries()[0]
    whole = entry.read_bytes()
    for place in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[place] ^= 2
        for damaged in (whole[:place], bytes(flipped)):
            entry.write_bytes(damaged)
            assert [layer.digest for layer in setting.build().layers] == [
                layer.digest for layer in image.layers
            ]


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"sum": 1}', "[" * 100_000])
def test_an_entry_that_is_something_else_is_not_believed(setting: Setting, text: str) -> None:
    setting.build()
    for entry in setting.entries():
        entry.write_text(text)
    assert setting.hits() == NONE


def test_what_is_no_plain_file_is_replaced_or_pruned_not_waited_for(setting: Setting) -> None:
    setting.build()
    blob, entry = setting.blobs()[0], setting.entries()[1]
    blob.unlink()
    blob.symlink_to(setting.blobs()[1])
    entry.unlink()
    os.mkfifo(entry)
    assert False in setting.hits()
    assert setting.hits() == ALL
    os.mkfifo(entry.with_name("pipe.json"))
    entry.with_name("folder.json").mkdir()
    prune_cache(setting.folder, max_bytes=0, warn=pytest.fail)
    assert setting.entries() == setting.blobs() == []
    assert setting.warnings == []


def test_blobs_from_before_the_last_boot_are_hashed_once(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting.build()
    monkeypatch.setattr(cache, "_boot_id", lambda: "another boot")
    assert setting.hits() == ALL
    assert all(json.loads(entry.read_bytes())["boot"] == "" for entry in setting.entries())
    blob = setting.blobs()[0]
    blob.unlink()
    assert setting.hits().count(False) == 1


def test_a_cache_that_can_not_be_made_is_done_without_and_said_once(setting: Setting) -> None:
    setting.folder.write_text("a file where the folder should be")
    assert setting.hits() == NONE
    assert len(setting.warnings) == 1
    assert "layer cache" in setting.warnings[0]


def test_a_full_cache_is_done_without_and_said_once(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: LayerCache) -> tuple[int, Path]:
        return os.open("/dev/full", os.O_WRONLY), setting.folder / "v1" / "tmp" / "x"

    monkeypatch.setattr(LayerCache, "temporary", full)
    assert setting.hits() == NONE
    assert len(setting.warnings) == 1
    assert "No space left" in setting.warnings[0]


def test_runs_at_the_same_time_share_a_cache(setting: Setting) -> None:
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda _: setting.build().digest, range(24)))
    assert len(digests) == 1
    assert setting.hits() == ALL
    assert not list((setting.folder / "v1" / "tmp").iterdir())


def test_what_a_killed_run_left_is_swept_at_once_where_no_other_run_can_be_at_work(
    setting: Setting,
) -> None:
    setting.build()
    left = setting.folder / "v1" / "tmp"
    (left / "blob-new").write_bytes(b"x")
    setting.cache()
    assert list(left.iterdir()) == []


def test_what_a_killed_run_left_is_swept_when_old_beside_another_run(setting: Setting) -> None:
    other = setting.cache()
    left = setting.folder / "v1" / "tmp"
    (left / "blob-old").write_bytes(b"x")
    os.utime(left / "blob-old", (1, 1))
    (left / "blob-new").write_bytes(b"x")
    setting.cache()
    assert [path.name for path in left.iterdir()] == ["blob-new"]
    del other


def test_the_folder_is_that_of_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert LayerCache.default_folder() == tmp_path / "nixgen" / "layers"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/to/be/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert LayerCache.default_folder() == tmp_path / ".cache" / "nixgen" / "layers"
