"""A simulated year of updates: bytes pushed per update by nixgen's layers and by dockerTools'.

    python bench/bench_layering.py [--paths N] [--max-layers N] [--years N] [--seed N]

The model. A closure is a graph of packages: each new one refers to a few older ones, popular ones
more likely, and the app refers to all that nothing else does, so that it needs them all. Sizes are
lognormal (median 180 kB, a few above 20 MB), the app has 8 MB. In each of 52 weeks the app is
changed; besides, each package has its own rate of updates, lognormal with a mean of one in two
years and a long tail, which no algorithm knows. An update gives the package a new version, a size
that differs by up to 4 %, in one case of ten one reference more or less, and, as in Nix, a new
store path to it and to everything that needs it. What is pushed are the layers that the registry
has not seen, uncompressed.

The rivals are re-implemented: dockerTools' layers by popularity, and its later ones by size and
shared users. Each year is counted from its second image on; the first push is the same for all.
nixgen's side is the program that builds use, compiled by $CC (or cc). Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
APP = "app"
APP_BYTES = 8_000_000
WEEKS = 52

Layers = list[list[str]]


@dataclass
class Package:
    name: str
    size_bytes: int
    needs: list[str]
    updates_per_year: float
    version: int = 1


@dataclass
class Image:
    """The closure at one moment; `paths`, `sizes` and `needs` by store path."""

    app: str
    sizes: dict[str, int] = field(default_factory=dict)
    needs: dict[str, list[str]] = field(default_factory=dict)

    def reach(self) -> dict[str, set[str]]:
        reached: dict[str, set[str]] = {}
        for path in self.needs:  # older ones first
            reached[path] = {path}.union(*(reached[need] for need in self.needs[path]))
        return reached


def make_packages(count: int, source: random.Random) -> list[Package]:
    packages = [Package("libc", 2_200_000, [], 1.0)]
    wanted = {"libc": 0}
    for number in range(1, count - 1):
        chosen = {"libc"} if source.random() < 0.8 else set()
        for _ in range(source.choice((0, 1, 1, 2, 3, 5))):
            weights = [1 + wanted[package.name] for package in packages]
            chosen.add(source.choices(packages, weights)[0].name)
        for name in chosen:
            wanted[name] += 1
        name = f"{source.choice('abcdefghijklmnop')}{number}"
        wanted[name] = 0
        size_bytes = int(source.lognormvariate(12.1, 2.4)) + 1024
        rate = 0.5 * source.lognormvariate(-0.72, 1.2)
        packages.append(Package(name, min(size_bytes, 120_000_000), sorted(chosen), rate))
    tops = [package.name for package in packages if not wanted[package.name]]
    packages.append(Package(APP, APP_BYTES, tops, WEEKS))
    return packages


def make_image(packages: list[Package]) -> Image:
    """Store paths whose hash stands for the versions of all they need."""
    path_of: dict[str, str] = {}
    image = Image(app="")
    for package in packages:
        needs = sorted(path_of[name] for name in package.needs)
        seed = f"{package.name} {package.version} {' '.join(needs)}"
        path = f"/nix/store/{random.Random(seed).getrandbits(160):040x}"
        path_of[package.name] = path = f"{path}-{package.name}-1.{package.version}"
        image.sizes[path] = package.size_bytes
        image.needs[path] = needs
    image.app = path_of[APP]
    return image


def update(package: Package, packages: list[Package], source: random.Random) -> None:
    package.version += 1
    package.size_bytes = int(package.size_bytes * source.uniform(0.97, 1.04))
    older = [other.name for other in packages[: packages.index(package)]]
    spare = [name for name in older if name not in package.needs]
    if package.name == APP or source.random() >= 0.1 or not spare:
        return
    if source.random() < 0.5:
        package.needs = sorted([*package.needs, source.choice(spare)])
    elif len(package.needs) > 1:
        lost = source.choice(package.needs)
        package.needs.remove(lost)
        if not any(lost in other.needs for other in packages):
            packages[-1].needs.append(lost)


def live_a_year(packages: list[Package], source: random.Random) -> Iterator[Image]:
    yield make_image(packages)
    for _ in range(WEEKS):
        for package in packages:
            if package.name == APP or source.random() < package.updates_per_year / WEEKS:
                update(package, packages, source)
        yield make_image(packages)


def by_popularity(image: Image, limit: int) -> Layers:
    """A path counts once for each way to it from the root, and for each path on these ways."""
    below: dict[str, Counter[str]] = {}

    def contest(paths: list[str]) -> Counter[str]:
        counts: Counter[str] = Counter()
        for path in paths:
            counts[path] += 1
            for need, count in below[path].items():
                counts[need] += count + 1
        return counts

    for path, needs in image.needs.items():  # older ones first
        below[path] = contest(needs)
    counts = contest([image.app])
    ordered = sorted(counts, key=lambda path: (-counts[path], path.partition("-")[2], path))
    return [*([path] for path in ordered[: limit - 1]), ordered[limit - 1 :]]


def by_size_and_users(image: Image, limit: int) -> Layers:
    """Larger paths first claim what only they need, until the layers are used up."""
    reached = image.reach()
    users: dict[str, set[str]] = {path: set() for path in reached}
    for path, paths in reached.items():
        for need in paths - {path}:
            users[need].add(path)
    owners: dict[str, frozenset[str]] = dict.fromkeys(reached, frozenset())
    for path in sorted(reached, key=lambda path: (-image.sizes[path], path)):
        tried = {**owners, path: frozenset({path})}
        below = reached[path] - {path}
        for need in below:
            kept = tried[need] - users[path]
            tried[need] = kept if kept & below else kept | {path}
        if len(set(tried.values())) > limit:
            break
        owners = tried
    layers: dict[frozenset[str], list[str]] = {}
    for path in sorted(owners):
        layers.setdefault(owners[path], []).append(path)
    return list(layers.values())


def compile_program(folder: Path) -> Path:
    program = folder / "layer-split"
    sources = sorted((ROOT / "nix/bundled/image/layer-split").glob("*.c"))
    compiler = os.environ.get("CC", "cc")
    flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", *os.environ.get("CFLAGS", "").split()]
    subprocess.run([compiler, *flags, "-o", program, *sources], check=True)
    return program


def by_program(folder: Path) -> Callable[[Image, int], Layers]:
    program = compile_program(folder)
    graph, sizes = folder / "graph", folder / "sizes"

    def split(image: Image, limit: int) -> Layers:
        graph.write_text(
            "".join(
                "\n".join([path, "", str(len(needs)), *needs, ""])
                for path, needs in image.needs.items()
            )
        )
        sizes.write_text("".join(f"{size} {path}\n" for path, size in image.sizes.items()))
        argv = [program, "auto", str(limit), graph, "", image.app, sizes]
        layers: Layers = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
        return layers

    return split


def push_a_year(
    images: list[Image], split: Callable[[Image, int], Layers], limit: int
) -> tuple[list[int], int, int]:
    """Bytes pushed by each update; layers of the first image, and those of less than 300 kB."""
    seen: set[tuple[str, ...]] = set()
    pushed = []
    count = small = 0
    for number, image in enumerate(images):
        layers = [tuple(sorted(layer)) for layer in split(image, limit) if layer]
        assert sorted(path for layer in layers for path in layer) == sorted(image.sizes)
        sizes = {layer: sum(image.sizes[path] for path in layer) for layer in layers}
        if number:
            pushed.append(sum(size for layer, size in sizes.items() if layer not in seen))
        else:
            count, small = len(layers), sum(size < 300_000 for size in sizes.values())
        seen |= set(layers)
    return pushed, count, small


def least(images: list[Image]) -> list[int]:
    """Bytes of the store paths that are new: what no layers can beat."""
    seen = set(images[0].sizes)
    result = []
    for image in images[1:]:
        result.append(sum(size for path, size in image.sizes.items() if path not in seen))
        seen |= set(image.sizes)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paths", type=int, default=200)
    parser.add_argument("--max-layers", type=int, default=100)
    parser.add_argument("--years", type=int, default=5, help="closures, each over one year")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    pushed: dict[str, list[int]] = {}
    layers: dict[str, list[int]] = {}
    small: dict[str, list[int]] = {}
    closures = []
    with tempfile.TemporaryDirectory() as folder:
        splits = {
            "nixgen": by_program(Path(folder)),
            "dockertools-popularity": by_popularity,
            "dockertools-auto": by_size_and_users,
        }
        for year in range(options.years):
            source = random.Random(options.seed + year)
            images = list(live_a_year(make_packages(options.paths, source), source))
            closures.append(sum(images[0].sizes.values()))
            pushed.setdefault("one-layer-per-path", []).extend(least(images))
            for name, split in splits.items():
                year_pushed, count, few = push_a_year(images, split, options.max_layers - 1)
                pushed.setdefault(name, []).extend(year_pushed)
                layers.setdefault(name, []).append(count)
                small.setdefault(name, []).append(few)
    report = {
        name: {
            "mean_pushed_bytes": round(statistics.mean(values)),
            "median_pushed_bytes": round(statistics.median(values)),
            "layers": layers.get(name),
            "layers_below_300_kb": small.get(name),
        }
        for name, values in pushed.items()
    }
    model = {"paths": options.paths, "max_layers": options.max_layers, "seed": options.seed}
    json.dump({**model, "closure_bytes": closures, "pushed": report}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
