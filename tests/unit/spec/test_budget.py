"""The budget file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from nixgen.closure.sizes import Budget
from nixgen.errors import UsageError
from nixgen.spec.budget import read_budgets


def _write(folder: Path, text: str) -> Path:
    path = folder / "budget.toml"
    path.write_text(text)
    return path


def test_bounds_are_read_for_all_platforms_and_for_one(tmp_path: Path) -> None:
    text = """
max-size = "60 MB"
max-unpacked-size = 1_000
max-growth = "2.5 %"
[platform."linux/arm64"]
max-size = "1 MiB"
max-growth = 5
"""
    budgets = read_budgets(_write(tmp_path, text))
    assert budgets.overall == Budget(
        max_size_bytes=60_000_000, max_unpacked_bytes=1000, max_growth=Fraction(5, 2)
    )
    assert budgets.platforms == {
        "linux/arm64": Budget(max_size_bytes=1 << 20, max_growth=Fraction(5))
    }


def test_names_of_one_platform_are_one(tmp_path: Path) -> None:
    budgets = read_budgets(_write(tmp_path, '[platform."linux/arm64/v8"]\nmax-size = 1\n'))
    assert list(budgets.platforms) == ["linux/arm64"]


@pytest.mark.parametrize(
    ("text", "line", "key", "message"),
    [
        ('max-size = "60 Mb"', 1, "max-size", "expected a size"),
        ("\nmax-size = 1.5", 2, "max-size", "a number of bytes"),
        ("max-size = -1", 1, "max-size", "from 0"),
        ('max-growth = "5 percent"', 1, "max-growth", "expected a percentage"),
        ('max-growth = "-5 %"', 1, "max-growth", "expected a percentage"),
        ("max-grow = 5", 1, "max-grow", "unknown key"),
        ('[platform."linux/arm64"]\nmax-size = "x"', 2, 'platform."linux/arm64".max-size', "size"),
        ('[platform."linux/vax"]\nmax-size = 1', 1, 'platform."linux/vax"', "vax"),
        ("max-size = ", 1, None, "is not TOML"),
        ("", None, None, "is empty"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, text: str, line: int | None, key: str | None, message: str
) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(UsageError, match="the budget") as caught:
        read_budgets(path)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.key) == (str(path), line, key)
    assert message in problem.message
    assert "init" not in (problem.hint or "")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_budgets(_write(tmp_path, 'max-size = "x"\nmax-growth = "y"\n'))
    assert len(caught.value.problems) == 2


def test_a_budget_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        read_budgets(tmp_path / "nothing.toml")
