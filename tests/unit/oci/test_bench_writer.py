"""The writer's bench still runs, and tells a missed bound."""

from __future__ import annotations

from pathlib import Path

from bench.bench_writer import Bench, Line
from bench.writer_stores import Case


def test_a_round_measures_all_and_finds_the_layers_identical(tmp_path: Path) -> None:
    bench = Bench(Case("tiny", 1, 20, 3), tmp_path, script=None, compression="none")
    bench.round(0)
    bench.assert_identical()
    assert [line.what for line in bench.lines()] == [
        *("cores", "rival", "floor", "cold", "changed", "unchanged", "sink", "peak")
    ]


def test_bounds_hold_on_both_sides() -> None:
    assert Line("c", "told", 1, "s").holds
    assert Line("c", "ratio", 5, "x", at_least=5).holds
    assert not Line("c", "ratio", 4.9, "x", at_least=5).holds
    assert not Line("c", "seconds", 1.1, "s", at_most=1).holds
    assert "MISSED" in str(Line("c", "seconds", 1.1, "s", at_most=1))
