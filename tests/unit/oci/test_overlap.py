"""Hashing beside writing: the same sums, whoever hashes, and no thread left behind."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.oci import LayerBuilder, layer_sources
from nixgen.oci.overlap import OverlappedSumming, SpareCores
from tests.unit.oci.rival import rival_diff_id
from tests.unit.oci.synthetic import SyntheticStore

_PIECES = [memoryview(os.urandom(size)) for size in (1, 700_000, 0, 512, 3_000_000) * 3]


def _hash_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "nixgen-hash"]


@pytest.mark.parametrize("layers", [0, 2], ids=["spare core", "no spare core"])
def test_sums_and_bytes_are_the_same_with_and_without_a_spare_core(
    tmp_path: Path, layers: int
) -> None:
    place = tmp_path / "file"
    with (
        place.open("wb", buffering=0) as file,
        OverlappedSumming(SpareCores(cores=2, layers=layers), file.fileno()) as summing,
    ):
        for piece in _PIECES:
            summing(piece)
        assert bool(_hash_threads()) == (layers == 0)
        summed = summing.summed()
    content = b"".join(_PIECES)
    assert place.read_bytes() == content
    assert (summed.digest, summed.size_bytes) == (Digest.of_bytes(content), len(content))


def test_a_core_that_comes_free_amid_a_stream_is_used() -> None:
    spare = SpareCores(cores=2, layers=2)
    with OverlappedSumming(spare) as summing:
        summing(_PIECES[1])
        assert not _hash_threads()
        spare.layer_done()
        summing(_PIECES[4])
        assert _hash_threads()
        assert summing.summed().digest == Digest.of_bytes(bytes(_PIECES[1]) + bytes(_PIECES[4]))


def test_a_failed_write_ends_the_thread_and_gives_the_core_back() -> None:
    spare = SpareCores(cores=1, layers=0)
    file = os.open("/dev/full", os.O_WRONLY)
    try:
        with (
            pytest.raises(OSError, match="No space left"),
            OverlappedSumming(spare, file) as summing,
        ):
            summing(_PIECES[1])
    finally:
        os.close(file)
    assert not _hash_threads()
    assert spare.take()


def test_no_more_cores_are_lent_than_there_are() -> None:
    spare = SpareCores(cores=4, layers=2)
    assert [spare.take() for _ in range(3)] == [True, True, False]
    spare.give_back()
    assert spare.take()


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_layers_are_the_same_for_any_number_of_cores(tmp_path: Path, workers: int) -> None:
    synthetic = SyntheticStore(tmp_path / "root")
    files = {f"share/{number}": bytes([number]) * 9_000 for number in range(200)}
    paths = [synthetic.add_file("large", os.urandom(5_000_000)), synthetic.add_tree("p", files)]
    conf = synthetic.conf([[path] for path in paths], synthetic.add_customisation({".": None}))
    work = tmp_path / "work"
    work.mkdir()
    builder = LayerBuilder(work=work, workers=workers)
    layers = builder.build(layer_sources(conf, store=synthetic.store), store=synthetic.store)
    assert [layer.diff_id.hex for layer in layers[:-1]] == [
        rival_diff_id([path], root=synthetic.root, ownership=conf.ownership) for path in paths
    ]
