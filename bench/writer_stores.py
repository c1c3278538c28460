"""Made-up closures of different shapes, and image confs for them."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.oci.synthetic import SyntheticStore

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Case:
    """A closure's shape: each layer is one store path, the largest comes last.

    `bounds` are how many times faster than the rival each run has to be. There are none where
    bytes outweigh files so far that the rival is bound by the same hashing, nor where the
    rival's whole time is so short that 1 % of it is next to nothing.
    """

    name: str
    megabytes: int
    files: int
    layers: int
    bounds: dict[str, float] = field(default_factory=dict)

    @property
    def what(self) -> str:
        return f"{self.megabytes} MB in {self.files:,} files, {self.layers} layers"


_ALL: dict[str, float] = {"cold": 5, "changed": 20, "unchanged": 100}
CASES = (
    Case("mixed", 600, 12_000, 50, _ALL),
    Case("small", 200, 50_000, 50, _ALL),
    Case("few", 600, 12, 6),
    Case("single", 600, 4, 1),
    Case("little", 100, 2_000, 50),
    Case("large", 2_000, 40_000, 50, _ALL),
)


@dataclass(frozen=True)
class Confs:
    """Two confs on disk: of the closure, and of the same with one path of middling size changed."""

    first: Path
    changed: Path


def make_confs(case: Case, place: Path) -> Confs:
    """Fill a store below `place` whose sizes fall off as those of real closures do.

    The confs name it by its place on disk, so that dockerTools' script can read them too.
    """
    synthetic = SyntheticStore(Path("/"))
    source = random.Random(1)
    block = source.randbytes(_BLOCK_BYTES)
    store_dir = place / "nix/store"
    shares = [1 / (number + 2) for number in range(case.layers)]
    layers = []
    for number, share in enumerate(reversed(shares)):
        part = share / sum(shares)
        path = store_dir / f"{'0' * 28}{number:04d}-path-{number}"
        count = max(1, round(case.files * part))
        _fill(path, count, int(case.megabytes * 1_000_000 * part / count), source, block)
        layers.append([str(path)])
    custom = store_dir / f"{'0' * 31}z-customisation"
    made = SyntheticStore(place).add_customisation({".": None, "./tmp": None})
    shutil.move(place / made.lstrip("/"), custom)
    middle = case.layers // 2
    [old] = layers[middle]
    new = old.replace("-path-", "-qath-")
    shutil.copytree(old, new)
    changed = [*layers[:middle], [new], *layers[middle + 1 :]]
    return Confs(
        first=_write_conf(synthetic, layers, custom, place / "first.json"),
        changed=_write_conf(synthetic, changed, custom, place / "changed.json"),
    )


def _fill(path: Path, count: int, size_bytes: int, source: random.Random, block: bytes) -> None:
    for index in range(count):
        folder = path / f"share-{index // 100}"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"file-{index}").open("wb") as file:
            left = size_bytes
            while left > 0:
                start = source.randrange(_BLOCK_BYTES // 2)
                left -= file.write(block[start : start + min(left, _BLOCK_BYTES // 2)])


def _write_conf(
    synthetic: SyntheticStore, layers: list[list[str]], custom: Path, place: Path
) -> Path:
    document: dict[str, Any] = synthetic.document(
        layers, str(custom), store_dir=str(custom.parent), repo_tag="bench:1"
    )
    place.write_text(json.dumps(document))
    return place
