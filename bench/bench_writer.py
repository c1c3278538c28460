"""The image writer against a faithful re-implementation of dockerTools' algorithm, in one run.

    python bench/bench_writer.py [--size-mb N] [--files N] [--layers N] [--compression KIND]

Makes a synthetic store, then times, with its files in the page cache: the rival (tar every layer
twice by `tarfile`, one core, each time anew), and nixgen cold, with one path changed, and with
nothing changed. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nixgen.oci import (
    BuiltImage,
    ImageConf,
    LayerBuilder,
    LayerCache,
    build_image,
    gzip_compressor,
    write_layout,
    zstd_compressor,
)
from nixgen.platforms import Platform
from tests.unit.oci.rival import rival_layer_tar
from tests.unit.oci.synthetic import SyntheticStore

AMD64 = Platform.parse("linux/amd64")
COMPRESSORS = {
    "none": None,
    "zstd": zstd_compressor("zstd"),
    "gzip": gzip_compressor("pigz"),
}


def make_store(root: Path, *, size_bytes: int, files: int, layers: int) -> SyntheticStore:
    """Store paths whose sizes fall off as those of real closures do."""
    synthetic = SyntheticStore(root)
    source = random.Random(1)
    block = source.randbytes(1 << 20)
    shares = [1 / (number + 2) for number in range(layers)]
    for number, share in enumerate(reversed(shares)):
        part = share / sum(shares)
        path = f"/nix/store/{'0' * 28}{number:04d}-path-{number}"
        place = synthetic.place(path)
        count = max(1, round(files * part))
        each = int(size_bytes * part / count)
        for index in range(count):
            folder = place / f"share-{index // 100}"
            folder.mkdir(parents=True, exist_ok=True)
            start = source.randrange(1 << 19)
            with (folder / f"file-{index}").open("wb") as file:
                left = each
                while left > 0:
                    left -= file.write(block[start : start + min(left, 1 << 19)])
        synthetic.layers.append([path])
    return synthetic


class _Sum(io.RawIOBase):
    """Where the rival's first pass goes."""

    def __init__(self) -> None:
        super().__init__()
        self.state = hashlib.sha256()
        self.size_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.state.update(data)
        self.size_bytes += len(data)
        return len(data)


def rival(synthetic: SyntheticStore, conf: ImageConf, out: IO[bytes]) -> list[str]:
    """Sum each layer's tar, then make it again into the archive; gives the diffIDs."""
    diff_ids = []
    with tarfile.open(fileobj=out, mode="w|") as tar:
        for paths in conf.store_layers:
            first = _Sum()
            rival_layer_tar(paths, root=synthetic.root, ownership=conf.ownership, out=first)
            info = tarfile.TarInfo(f"{first.state.hexdigest()}/layer.tar")
            info.size = first.size_bytes
            tar.addfile(info)
            rival_layer_tar(paths, root=synthetic.root, ownership=conf.ownership, out=out)
            diff_ids.append(first.state.hexdigest())
    return diff_ids


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def build(synthetic: SyntheticStore, conf: ImageConf, place: Path, compression: str) -> BuiltImage:
    with tempfile.TemporaryDirectory(dir=place) as work:
        cache = LayerCache(place / "cache", warn=print)
        builder = LayerBuilder(work=Path(work), cache=cache, compressor=COMPRESSORS[compression])
        image = build_image(conf, store=synthetic.store, platform=AMD64, builder=builder)
        write_layout([image], place / "out.oci", tags=["1"])
    return image


def change_one(synthetic: SyntheticStore, conf: ImageConf) -> ImageConf:
    """The same image, but with one path of middling size replaced."""
    layers = [list(layer) for layer in conf.store_layers]
    [old] = layers[len(layers) // 2]
    new = old.replace("-path-", "-qath-")
    shutil.copytree(synthetic.place(old), synthetic.place(new))
    layers[len(layers) // 2] = [new]
    return synthetic.conf(layers, conf.customisation_layer)


def sha256_bytes_per_s() -> float:
    data = bytes(1 << 20)
    state = hashlib.sha256()
    seconds, _ = timed(lambda: [state.update(data) for _ in range(300)])
    return 300 * len(data) / seconds


def measure(arguments: argparse.Namespace, place: Path) -> dict[str, Any]:
    synthetic = make_store(
        place / "root",
        size_bytes=arguments.size_mb * 1_000_000,
        files=arguments.files,
        layers=arguments.layers,
    )
    custom = synthetic.add_customisation({".": None, "./tmp": None})
    conf = synthetic.conf(synthetic.layers, custom)
    subprocess.run(["tar", "-cf", "/dev/null", "."], cwd=synthetic.root, check=True)
    with (place / "rival.tar").open("wb", buffering=0) as out:
        rival_s, diff_ids = timed(lambda: rival(synthetic, conf, out))
    (place / "rival.tar").unlink()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cold_s, image = timed(lambda: build(synthetic, conf, place, arguments.compression))
    assert [layer.diff_id.hex for layer in image.layers[:-1]] == diff_ids, "not identical"
    same_s, _ = timed(lambda: build(synthetic, conf, place, arguments.compression))
    changed = change_one(synthetic, conf)
    changed_s, _ = timed(lambda: build(synthetic, changed, place, arguments.compression))
    largest = max(layer.unpacked_bytes for layer in image.layers)
    speed = sha256_bytes_per_s()
    floor_s = max(largest, image.unpacked_bytes / 2) / speed
    return {
        "bytes": image.unpacked_bytes,
        "files": arguments.files,
        "layers": len(image.layers),
        "cores": len(os.sched_getaffinity(0)),
        "compression": arguments.compression,
        "sha256_mb_per_s": round(speed / 1e6),
        "rival_s": round(rival_s, 3),
        "cold_s": round(cold_s, 3),
        "one_changed_s": round(changed_s, 3),
        "unchanged_s": round(same_s, 4),
        "cold_ratio": round(rival_s / cold_s, 1),
        "one_changed_ratio": round(rival_s / changed_s, 1),
        "unchanged_ratio": round(rival_s / same_s, 1),
        "cold_goal_s": round(1.5 * floor_s + 20e-6 * arguments.files, 3),
        "grown_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size-mb", type=int, default=600)
    parser.add_argument("--files", type=int, default=12_000)
    parser.add_argument("--layers", type=int, default=50)
    parser.add_argument("--compression", choices=sorted(COMPRESSORS), default="none")
    parser.add_argument("--place", type=Path, default=None, help="a folder to work in")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.place) as place:
        json.dump(measure(arguments, Path(place)), sys.stdout, indent=2)
        print()


if __name__ == "__main__":
    main()
