"""One measured run in a process of its own: `python bench/writer_runs.py KIND CONF.json PLACE`.

Prints one JSON document: seconds of wall and of processor time, the peak of memory, and what was
made. Start-up and imports are outside `seconds`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import resource
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nixgen.oci import (
    Compressor,
    ImageConf,
    LayerBuilder,
    LayerCache,
    StoreRoot,
    build_image,
    gzip_compressor,
    read_conf,
    write_layout,
    zstd_compressor,
)
from nixgen.oci.compress import cpu_count
from nixgen.platforms import Platform
from tests.unit.oci.rival import rival_layer_tar

AMD64 = Platform.parse("linux/amd64")
ROOT = Path("/")
COMPRESSORS: dict[str, Compressor | None] = {
    "none": None,
    "zstd": zstd_compressor("zstd"),
    "gzip": gzip_compressor("pigz"),
}
_HASHED_BYTES = 256 << 20


class _Sum:
    """Where the rival's first pass goes."""

    def __init__(self) -> None:
        self.state = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        self.state.update(data)
        self.size_bytes += len(data)
        return len(data)


def run_rival(conf: ImageConf, place: Path, _: str) -> dict[str, Any]:
    """dockerTools' way: tar each layer to sum it, then again through a pipe into the archive."""
    diff_ids = []
    with (
        (place / "rival.tar").open("wb") as out,
        tarfile.open(fileobj=out, mode="w|") as archive,
    ):
        for paths in conf.store_layers:
            first = _Sum()
            rival_layer_tar(paths, root=ROOT, ownership=conf.ownership, out=first)  # type: ignore[arg-type]
            info = tarfile.TarInfo(f"{first.state.hexdigest()}/layer.tar")
            info.size = first.size_bytes
            read_end, write_end = os.pipe()
            with open(read_end, "rb") as reader:  # noqa: PTH123
                writer = open(write_end, "wb")  # noqa: PTH123, SIM115
                second = threading.Thread(target=_tar_again, args=(conf, paths, writer))
                second.start()
                archive.addfile(info, reader)
                second.join()
            diff_ids.append(first.state.hexdigest())
    return {"diff_ids": diff_ids}


def _tar_again(conf: ImageConf, paths: tuple[str, ...], writer: IO[bytes]) -> None:
    with writer:
        rival_layer_tar(paths, root=ROOT, ownership=conf.ownership, out=writer)


def run_nixgen(conf: ImageConf, place: Path, compression: str) -> dict[str, Any]:
    """An OCI layout on disk, by way of a cache that is empty or not."""
    with tempfile.TemporaryDirectory(dir=place) as work:
        cache = LayerCache(place / "cache", warn=print)
        builder = LayerBuilder(work=Path(work), cache=cache, compressor=COMPRESSORS[compression])
        image = build_image(conf, store=StoreRoot(), platform=AMD64, builder=builder)
        write_layout([image], place / "out.oci", tags=["1"])
    return {
        "diff_ids": [layer.diff_id.hex for layer in image.layers[:-1]],
        "from_cache": sum(layer.from_cache for layer in image.layers),
        "largest_bytes": max(layer.unpacked_bytes for layer in image.layers),
        "unpacked_bytes": image.unpacked_bytes,
    }


@dataclass
class _Swallowing:
    stdin: BinaryIO


@contextlib.contextmanager
def _swallow(argv: Any, *, stdout: Any) -> Iterator[_Swallowing]:  # noqa: ARG001
    with open(os.devnull, "wb", buffering=0) as null:  # noqa: PTH123
        yield _Swallowing(null)  # type: ignore[arg-type]


def run_sink(conf: ImageConf, place: Path, _: str) -> dict[str, Any]:
    """All layers to where bytes are taken at once: reading and hashing alone."""
    swallow = Compressor(kind="none", argv=("swallow",), identity="swallow")
    with tempfile.TemporaryDirectory(dir=place) as work:
        builder = LayerBuilder(work=Path(work), compressor=swallow, open_filter=_swallow)
        image = build_image(conf, store=StoreRoot(), platform=AMD64, builder=builder)
    return {"diff_ids": [layer.diff_id.hex for layer in image.layers[:-1]]}


def run_sha256(_: ImageConf, __: Path, ___: str) -> dict[str, Any]:
    """SHA-256 on all cores at once: the bytes each second of one, and how much of it was had."""
    data = bytes(512 << 10)
    count = _HASHED_BYTES // len(data)

    def hash_all() -> None:
        state = hashlib.sha256()
        for _ in range(count):
            state.update(data)

    threads = [threading.Thread(target=hash_all) for _ in range(cpu_count())]
    start, cpu_before = time.perf_counter(), cpu_s()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    share = (cpu_s() - cpu_before) / (seconds * len(threads))
    return {"bytes_per_s": count * len(data) / seconds, "share": share}


RUNS: dict[str, Callable[[ImageConf, Path, str], dict[str, Any]]] = {
    "rival": run_rival,
    "nixgen": run_nixgen,
    "sink": run_sink,
    "sha256": run_sha256,
}


def cpu_s() -> float:
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def peak_bytes() -> int:
    """The peak of resident memory, with the largest child's; not what was there before exec."""
    [own] = re.findall(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    return (int(own) + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024


def main() -> None:
    kind, conf_path, place, compression = sys.argv[1:]
    conf = read_conf(Path(conf_path), store=StoreRoot())
    before, start = cpu_s(), time.perf_counter()
    result = RUNS[kind](conf, Path(place), compression)
    seconds = time.perf_counter() - start
    measured = {"seconds": seconds, "cpu_s": cpu_s() - before, "peak_bytes": peak_bytes()}
    json.dump({**measured, **result}, sys.stdout)


if __name__ == "__main__":
    main()
