"""Gathering bytes: what a sink may rely on, and whose fault a failure is."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

import pytest

from nixgen.errors import BuildError, MachineError
from nixgen.oci import LayerBuilder, LayerCache, StoreLayer, write_layer_tar
from nixgen.oci.packing import KEPT_VIEWS, Packer
from tests.unit.oci.synthetic import ROOT_AT_ONE, SyntheticStore


class _LateSink:
    """Looks at each view only when it is about to be lost."""

    def __init__(self) -> None:
        self.seen = b""
        self._kept: deque[memoryview] = deque()

    def __call__(self, data: memoryview) -> None:
        self._kept.append(data)
        if len(self._kept) > KEPT_VIEWS:
            self.seen += self._kept.popleft()

    def finish(self) -> bytes:
        return self.seen + b"".join(self._kept)


def test_a_sink_may_look_at_a_view_later(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(content)
    sink = _LateSink()
    with (tmp_path / "file").open("rb") as file, Packer(sink) as packer:
        packer.put(content[:700_000])
        packer.put_rest(file.fileno(), name="file")
        packer.put(content)
        packer.flush()
        assert packer.total_bytes == 700_000 + 2 * len(content)
    assert sink.finish() == content[:700_000] + content + content


def test_a_file_that_ends_early_has_changed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"short")
    with (
        (tmp_path / "file").open("rb") as file,
        Packer(lambda _: None) as packer,
        pytest.raises(BuildError, match="the file changed while it was read"),
    ):
        packer.put_file(file.fileno(), 6, name="the file")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with (
            Packer(lambda _: None) as packer,
            pytest.raises(MachineError, match="can't read the folder"),
        ):
            packer.put_rest(folder, name="the folder")
    finally:
        os.close(folder)


def _full(_: memoryview) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_amid_a_large_file_is_no_fault_of_the_file(tmp_path: Path) -> None:
    synthetic = SyntheticStore(tmp_path)
    path = synthetic.add_file("large", bytes(2_000_000))
    with pytest.raises(OSError, match="No space left"):
        write_layer_tar([path], ownership=ROOT_AT_ONE, store=synthetic.store, sink=_full)


def test_another_thread_may_gather_after_a_failure(tmp_path: Path) -> None:
    synthetic = SyntheticStore(tmp_path / "root")
    good, gone = synthetic.add_tree("good", {"a": b"1"}), synthetic.new("gone")
    work = tmp_path / "work"
    work.mkdir()
    for path in (gone, good):
        layer = StoreLayer(store_paths=(path,), ownership=ROOT_AT_ONE, store=synthetic.store)
        builder = LayerBuilder(work=work, cache=LayerCache(tmp_path / "cache", warn=print))
        if path == gone:
            with pytest.raises(MachineError, match="missing from the store"):
                builder.build([layer], store=synthetic.store)
        else:
            assert builder.build([layer], store=synthetic.store)
