"""The sizes that are promised of images, and how fast references are looked for.

    python bench/bench_size.py [--nixpkgs CHECKOUT] [--json]

Builds the examples and weighs them: the C server without certificates, the static site, and the
program of SQLite and Lua. Then an app whose closure holds a stray reference of each usual kind,
written for nixpkgs' functions, on package sets of nixpkgs' shape and, where one is given, on a
nixpkgs checkout, whose packages come from the machine's binary caches: as Nix built it, and at
`minimise = "tight"`, each time passing its tests. Then references are looked for in memory, a
hundred at a time, in programs, in text, in random bytes and in hexadecimal digits, turn by turn
with SHA-256. Last, 600 MB are cut down at `tight`, searched to the end, and written: how fast the
search is with all that is around it, what it adds to writing with an empty layer cache, and what is
left of it where the search is remembered and the layers are cached. Medians are printed as a table
or as JSON. The exit code is 1 if a bound is missed.

Sizes depend on nothing but the code. The bound on speed is per core; on a machine that is busy it
is told beside what SHA-256 does at that moment, and holds as well where the scanner is at least
half as fast as that: SHA-256 does 1.0 to 1.5 GB/s on a core that is idle. Digits are the worst of
what files hold and have a lower bound.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tight_runs import TightRun, prepare, run
from bench.writer_stores import CASES
from nixgen.closure.references import ReferenceScanner
from tests.nix.sets import VARIABLE, known_sets, make_set

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = {"http-c": 100_000, "site": 1_200_000, "sqlite-lua": 2_500_000}
"""The most that an example's layers may take as stored, without certificates, in bytes."""

LESS_PERCENT = 40.0
SCAN_MB_S = 500.0
OF_SHA256 = 0.5
COLD_PERCENT = {"none": 150.0, "zstd": 100.0, "gzip": 20.0}
WARM_S = 0.3
WORST_MB_S = 200.0
WORST_OF_SHA256 = 0.1
_TEST = """
[[test]]
name = "runs"
stdout = "planted on library-2.1"
"""
_ALPHABET = "0123456789abcdfghijklmnpqrsvwxyz"
_PIECE = 1 << 20
_PIECES = 64
_HASHES = 100


@dataclass
class Line:
    """One line of the result, with the bound that it is held to."""

    what: str
    measured: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""
    also_good: bool = False

    @property
    def good(self) -> bool:
        """Whether the bound holds."""
        if self.at_least is not None and self.measured < self.at_least:
            return self.also_good
        return self.at_most is None or self.measured <= self.at_most

    @property
    def bound(self) -> str:
        """The bound for people."""
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"


def nixgen(*arguments: str | Path) -> Any:
    """What a command's `--json` says; the program's own error ends the bench."""
    done = subprocess.run(
        [sys.executable, "-m", "nixgen", *map(str, arguments), "--json", "-q"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"nixgen {arguments[0]}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def weigh(project: Path, *options: str) -> Any:
    """The sizes of the image of a description for this machine."""
    (platform,) = nixgen("size", project, "--platform", "native", *options)["platforms"]
    return platform


def copy_example(name: str, folder: Path) -> Path:
    """An example without certificates."""
    project = Path(shutil.copytree(ROOT / "examples" / name, folder / name))
    place = project / "app.toml"
    text = place.read_text()
    if "ca-certificates" not in text:
        place.write_text(text.replace("\n[image]\n", "\n[image]\nca-certificates = false\n", 1))
    return project


def example_lines(folder: Path) -> Iterator[Line]:
    for name, most in EXAMPLES.items():
        found = weigh(copy_example(name, folder))
        unpacked = f"{found['unpacked_bytes']} B unpacked"
        yield Line(name, found["size_bytes"], "B", at_most=most, note=unpacked)


def planted_project(name: str, folder: Path, mode: str) -> Path:
    """The app of stray references on a package set; at `tight` with the one file dropped that
    holds a stray reference and that no rule takes."""
    packages = make_set(name, folder / "set")
    project = Path(shutil.copytree(ROOT / "tests/data/planted", folder / "app"))
    place = project / "app.toml"
    rules = f'minimise = "{mode}"'
    if mode == "tight":
        rules += '\ndrop = ["lib/python*/_sysconfigdata*"]'
    text = place.read_text().replace('minimise = "none"', rules)
    text = text.replace("\n[image]\n", "\n[image]\nca-certificates = false\n", 1)
    place.write_text(f'{text}\n[packages]\nset = "{packages}"\n{_TEST}')
    return project


def planted_lines(folder: Path) -> Iterator[Line]:
    for name in known_sets():
        sizes = []
        options = ["--substitute"] if name == "nixpkgs" else []
        for mode in ("none", "tight"):
            place = folder / f"{name}-{mode}"
            place.mkdir()
            project = planted_project(name, place, mode)
            sizes.append(weigh(project, *options)["unpacked_bytes"])
            report = nixgen("test", project, "--platform", "native", *options)
            if report["verdict"] != "passed":
                sys.exit(f"{name} {mode}: the test did not pass: {report}")
        less = 100 * (1 - sizes[1] / sizes[0])
        note = f"{sizes[0]} B, {sizes[1]} B; tests passed"
        yield Line(f"tight on {name}", less, "% less", at_least=LESS_PERCENT, note=note)


def programs() -> bytes:
    """This Python's own program and libraries, as many bytes as are scanned."""
    return _filled(Path(sys.executable).resolve().read_bytes())


def text() -> bytes:
    """The project's own sources, over and over."""
    return _filled(b"".join(each.read_bytes() for each in sorted(ROOT.glob("nixgen/**/*.py"))))


def digits() -> bytes:
    """Random hexadecimal digits, the worst of what files usually hold: long runs of a hash's."""
    return random.Random(1).randbytes(_PIECE * _PIECES // 2).hex().encode()


def noise() -> bytes:
    """Random bytes."""
    return random.Random(1).randbytes(_PIECE * _PIECES)


def _filled(data: bytes) -> bytes:
    size = _PIECE * _PIECES
    return (data * (size // len(data) + 1))[:size]


def scan(data: bytes, hashes: list[bytes]) -> None:
    scanner = ReferenceScanner(hashes)
    for start in range(0, len(data), _PIECE):
        scanner.feed(data[start : start + _PIECE])
    assert not scanner.found


def speed_mb_s(work: Callable[[], object], size_bytes: int) -> float:
    start = time.process_time()
    work()
    return size_bytes / 1e6 / (time.process_time() - start)


def scan_lines(rounds: int) -> Iterator[Line]:
    source = random.Random(2)
    hashes = ["".join(source.choices(_ALPHABET, k=32)).encode() for _ in range(_HASHES)]
    usual = SCAN_MB_S, OF_SHA256
    for name, make, (at_least, of_sha256) in (
        ("programs", programs, usual),
        ("text", text, usual),
        ("random bytes", noise, usual),
        ("hex digits", digits, (WORST_MB_S, WORST_OF_SHA256)),
    ):
        data = make()
        pairs = [
            (
                speed_mb_s(lambda data=data: scan(data, hashes), len(data)),  # type: ignore[misc]
                speed_mb_s(lambda data=data: hashlib.sha256(data), len(data)),  # type: ignore[misc]
            )
            for _ in range(rounds)
        ]
        speed = statistics.median(pair[0] for pair in pairs)
        ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
        yield Line(
            f"scanning {name}",
            speed,
            "MB/s a core",
            at_least=at_least,
            note=f"{ratio:.2f} times SHA-256",
            also_good=ratio >= of_sha256,
        )


def tight_lines(folder: Path, rounds: int) -> Iterator[Line]:
    conf = prepare(folder / "closure")
    runs = []
    for number in range(rounds):
        place = folder / f"tight-{number}"
        place.mkdir()
        runs.append(run(conf, place))
        shutil.rmtree(place)

    def median(figure: Callable[[TightRun], float]) -> float:
        return statistics.median(map(figure, runs))

    speed = median(lambda each: CASES[0].megabytes / each.first_cpu_s)
    note = "rules included, 12,000 files"
    yield Line("tight, from files", speed, "MB/s a core", at_least=SCAN_MB_S, note=note)
    first_s = median(lambda each: each.first_s)
    for compression, at_most in COLD_PERCENT.items():
        cold_s = median(lambda each: each.cold_s[compression])  # noqa: B023
        share = median(lambda each: 100 * each.first_s / each.cold_s[compression])  # noqa: B023
        note = f"{first_s:.2f} s before {cold_s:.2f} s"
        yield Line(f"tight cold, {compression}", share, "% more", at_most=at_most, note=note)
    warm_s = median(lambda each: each.warm_s["gzip"])
    again_s = median(lambda each: each.again_s)
    note = f"before {warm_s:.2f} s for layers that are cached; rules alone"
    yield Line("tight warm", again_s, "s more", at_most=WARM_S, note=note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nixpkgs", type=Path, help="a checkout, in addition")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.pop(VARIABLE, None)
    if options.nixpkgs is not None:
        os.environ[VARIABLE] = str(options.nixpkgs)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        lines = [
            *example_lines(place),
            *planted_lines(place),
            *scan_lines(options.rounds),
            *tight_lines(place, options.rounds),
        ]
    if options.json:
        json.dump([{**asdict(line), "good": line.good} for line in lines], sys.stdout, indent=2)
        print()
    else:
        for line in lines:
            verdict = "good" if line.good else "MISSED"
            print(
                f"{line.what:24} {line.measured:>12.1f} {line.unit:12} {line.bound:>12}  "
                f"{verdict:7} {line.note}"
            )
    sys.exit(not all(line.good for line in lines))


if __name__ == "__main__":
    main()
