"""The image writer against dockerTools' way, with what is promised of it and whether it holds.

    python bench/bench_writer.py [--case NAME]… [--rounds N] [--nixpkgs CHECKOUT] [--json]

For made-up closures of several shapes, with their files in the page cache, it runs turn by turn,
each in a process of its own: a faithful re-implementation of dockerTools' algorithm (tar every
layer twice by `tarfile`, the second time through a pipe, one core), dockerTools' own script where a
nixpkgs checkout is given (also by NIXGEN_TEST_NIXPKGS), nixgen cold, again with nothing changed,
again with one path changed, and to a sink that takes bytes as fast as memory. Medians are printed
as a table or as JSON. The exit code is 1 if a bound is missed or layers are not identical.

A ratio is the rival's seconds by nixgen's; bounds on it are for uncompressed layers. The bound on
the sink is 1.5 times what hashing alone takes on two cores, as fast as all cores hash at once in
the same round, and 20 µs for each file. Both sides are timed without their start-up; where the
script itself runs, `program` compares the two whole programs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.writer_runs import COMPRESSORS
from bench.writer_stores import CASES, Case, Confs, make_confs

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = "pkgs/build-support/docker/stream_layered_image.py"
PEAK_MB = 100
FLAT_MB = 10
BUSY_PERCENT = 80


@dataclass
class Line:
    """One line of the result; one without a bound tells, and promises nothing."""

    case: str
    what: str
    measured: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def bound(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:.4g} {self.unit}"
        return "" if self.at_most is None else f"<= {self.at_most:.4g} {self.unit}"

    @property
    def holds(self) -> bool:
        over = self.at_most is not None and self.measured > self.at_most
        return not over and (self.at_least is None or self.measured >= self.at_least)

    def __str__(self) -> str:
        verdict = ("ok" if self.holds else "MISSED") if self.bound else ""
        measured = f"{self.measured:.3f}" if self.unit == "s" else f"{self.measured:.1f}"
        return (
            f"{self.case:7} {self.what:10} {measured:>8} {self.unit:3} {self.bound:12} "
            f"{verdict:7} {self.note}"
        ).rstrip()


class Bench:
    """One case: its runs, and what they say."""

    def __init__(self, case: Case, place: Path, *, script: Path | None, compression: str) -> None:
        self.case = case
        self.script = script
        self.compression = compression
        self.place = place
        self.confs: Confs = make_confs(case, place)
        self.runs: dict[str, list[dict[str, Any]]] = {}
        subprocess.run(["tar", "-cf", "-", "nix"], cwd=place, stdout=subprocess.DEVNULL, check=True)

    def round(self, number: int) -> None:
        """Run all once; every second time in the other order."""
        groups: list[Callable[[], None]] = [self._rivals, self._nixgen, self._program]
        for group in groups if number % 2 else reversed(groups):
            self._run("sha256", self.confs.first)
            group()

    def _rivals(self) -> None:
        self._run("rival", self.confs.first)
        if self.script is not None:
            self._run_program("script", [str(self.script), str(self.confs.first)])

    def _nixgen(self) -> None:
        cold = self._run("nixgen", self.confs.first, name="cold")
        same = self._run("nixgen", self.confs.first, name="unchanged", keep=True)
        changed = self._run("nixgen", self.confs.changed, name="changed", keep=True)
        layers = self.case.layers + 1
        assert (cold["from_cache"], same["from_cache"]) == (0, layers), "the cache is not used"
        assert changed["from_cache"] == layers - 1, "more than one layer was made anew"
        # why: the bound on the sink goes by it, and a shared machine changes within seconds.
        self._run("sha256", self.confs.first)
        self._run("sink", self.confs.first)

    def _program(self) -> None:
        if self.script is not None:
            argv = ["-m", "nixgen.oci", str(self.confs.first), "-o", "image.oci"]
            self._run_program("program", argv)

    def _run(self, kind: str, conf: Path, *, name: str = "", keep: bool = False) -> dict[str, Any]:
        work = self.place / "work"
        if not keep:
            shutil.rmtree(work, ignore_errors=True)
        work.mkdir(exist_ok=True)
        run = ROOT / "bench/writer_runs.py"
        argv = [sys.executable, str(run), kind, str(conf), str(work), self.compression]
        result: dict[str, Any] = json.loads(subprocess.run(argv, check=True, stdout=-1).stdout)
        self.runs.setdefault(name or kind, []).append(result)
        return result

    def _run_program(self, name: str, argv: list[str]) -> None:
        work = self.place / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        with (work / "stdout").open("wb") as out:
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, *argv],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                cwd=work,
                stdout=out,
                stderr=subprocess.DEVNULL,
                check=True,
            )
            seconds = time.perf_counter() - start
        self.runs.setdefault(name, []).append({"seconds": seconds})
        if name == "script" and "diff_ids" not in self.runs[name][0]:
            self.runs[name][0]["diff_ids"] = _diff_ids(work / "stdout")[:-1]

    def median(self, name: str, key: str = "seconds") -> float:
        return statistics.median(run[key] for run in self.runs[name])

    def assert_identical(self) -> None:
        """All made the same layers."""
        made = {
            tuple(run["diff_ids"])
            for name, runs in self.runs.items()
            for run in runs
            if name != "changed" and "diff_ids" in run
        }
        assert len(made) == 1, f"{self.case.name}: layers are not identical"

    def lines(self) -> list[Line]:
        """What the rounds say, in the order in which it is to be read."""
        case, cold = self.case, self.runs["cold"][0]
        speed = self.median("sha256", "bytes_per_s")
        floor_s = max(cold["largest_bytes"], cold["unpacked_bytes"] / 2) / speed
        rival_s = self.median("rival")
        return [
            self._line("cores", 100 * self.median("sha256", "share"), "%", note="had by hashing"),
            self._line("rival", rival_s, "s", note=f"{case.what}; {self._cpu('rival')}"),
            self._line("floor", floor_s, "s", note=f"hashing alone, {speed / 1e6:.0f} MB/s"),
            *self._ratios(rival_s, floor_s),
            self._line(
                "sink", self.median("sink"), "s", at_most=1.5 * floor_s + 20e-6 * case.files
            ),
            self._line(
                "peak",
                max(run["peak_bytes"] for run in self.runs["cold"]) / 1e6,
                "MB",
                at_most=PEAK_MB,
            ),
        ]

    def _ratios(self, rival_s: float, floor_s: float) -> Iterator[Line]:
        bounds = self.case.bounds if self.compression == "none" else {}
        for name in ("cold", "changed", "unchanged"):
            seconds = self.median(name)
            note = f"{seconds:.3f} s, {self._cpu(name)}"
            if name == "cold" and self.compression == "none":
                best = rival_s / floor_s
                note += f"; hashing alone would be {best:.1f} x"
                note += ", so 5 x is impossible" if best < 5 else ""
            yield self._line(name, rival_s / seconds, "x", at_least=bounds.get(name), note=note)
        if self.script is not None:
            script_s, program_s = self.median("script"), self.median("program")
            note = f"{script_s:.3f} s by {program_s:.3f} s"
            ratio = script_s / program_s
            yield self._line("program", ratio, "x", at_least=bounds.get("cold"), note=note)

    def _cpu(self, name: str) -> str:
        return f"{self.median(name, 'cpu_s'):.3f} s of processors"

    def _line(self, what: str, measured: float, unit: str, **more: Any) -> Line:
        return Line(case=self.case.name, what=what, measured=measured, unit=unit, **more)


def _diff_ids(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        member = tar.extractfile("manifest.json")
        assert member is not None
        [manifest] = json.load(member)
    return [layer.split("/")[0] for layer in manifest["Layers"]]


def flatness(lines: list[Line]) -> list[Line]:
    """How much more memory the largest closure takes than the smallest."""
    peaks = {line.case: line.measured for line in lines if line.what == "peak"}
    if not {"little", "large"} <= peaks.keys():
        return []
    grown = peaks["large"] - peaks["little"]
    note = "peak from 100 MB to 2 GB"
    return [Line(case="all", what="grown", measured=grown, unit="MB", at_most=FLAT_MB, note=note)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = [case.name for case in CASES]
    parser.add_argument("--case", action="append", choices=names, help="by default all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compression", choices=sorted(COMPRESSORS), default="none")
    parser.add_argument("--place", type=Path, default=None, help="a folder to work in")
    parser.add_argument("--nixpkgs", type=Path, default=os.environ.get("NIXGEN_TEST_NIXPKGS"))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    script = None if given.nixpkgs is None else (Path(given.nixpkgs) / SCRIPT).resolve(strict=True)
    lines: list[Line] = []
    for case in CASES:
        if given.case and case.name not in given.case:
            continue
        with tempfile.TemporaryDirectory(dir=given.place) as place:
            bench = Bench(case, Path(place), script=script, compression=given.compression)
            for number in range(given.rounds):
                bench.round(number)
            bench.assert_identical()
            lines += bench.lines()
        if not given.json:
            print(*(line for line in lines if line.case == case.name), sep="\n", flush=True)
    lines += (flat := flatness(lines))
    if given.json:
        document = [{**asdict(line), "holds": line.holds} for line in lines]
        json.dump({"compression": given.compression, "lines": document}, sys.stdout, indent=2)
        print()
    else:
        for line in flat:
            print(line)
        if any(line.what == "cores" and line.measured < BUSY_PERCENT for line in lines):
            print("other work took much of the cores: compare the seconds of processors")
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
