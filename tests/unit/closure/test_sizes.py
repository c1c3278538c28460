"""Sizes against budgets, and what grew."""

from __future__ import annotations

from fractions import Fraction

import pytest

from nixgen.closure.sizes import (
    Budget,
    Budgets,
    ImageSize,
    PackageSize,
    find_changes,
    find_excesses,
    growth_percent,
)


def _package(name: str, size_bytes: int, digit: str = "a") -> PackageSize:
    return PackageSize(
        path=f"/nix/store/{digit * 32}-{name}-1",
        name=name,
        version="1",
        files_bytes=size_bytes,
        added_bytes=size_bytes,
    )


def _image(size_bytes: int, unpacked_bytes: int, *packages: PackageSize) -> ImageSize:
    return ImageSize(
        platform="linux/amd64",
        size_bytes=size_bytes,
        unpacked_bytes=unpacked_bytes,
        layer_count=1,
        packages=packages or None,
    )


def _keys(now: ImageSize, budget: Budget, before: ImageSize | None = None) -> list[str | None]:
    return [problem.key for problem in find_excesses(now, budget, before)]


def test_a_bound_is_exceeded_by_one_byte_more_and_not_by_as_much() -> None:
    budget = Budget(max_size_bytes=100, max_unpacked_bytes=200)
    assert _keys(_image(100, 200), budget) == []
    assert _keys(_image(101, 200), budget) == ["max-size"]
    assert _keys(_image(101, 201), budget) == ["max-size", "max-unpacked-size"]


def test_growth_is_counted_exactly() -> None:
    before = _image(1000, 3000)
    budget = Budget(max_growth=Fraction("2.5"))
    assert _keys(_image(1025, 3075), budget, before) == []
    assert _keys(_image(1026, 3075), budget, before) == ["max-growth"]
    assert _keys(_image(1, 3076), budget, before) == ["max-growth"]
    assert _keys(_image(9999, 9999), budget) == []


def test_no_growth_at_all_can_be_asked_for() -> None:
    budget = Budget(max_growth=Fraction(0))
    assert _keys(_image(10, 10), budget, _image(10, 10)) == []
    assert _keys(_image(11, 10), budget, _image(10, 10)) == ["max-growth"]


def test_an_excess_names_what_grew() -> None:
    before = _image(10, 10, _package("libc", 5), _package("gone", 3))
    now = _image(20, 10, _package("libc", 6), _package("perl", 9))
    (problem,) = find_excesses(now, Budget(max_growth=Fraction(5)), before)
    assert "+100.0 %, 5 % is allowed" in problem.message
    assert problem.hint == "what grew most: perl +9 B, libc +1 B"


def test_changes_are_by_name_whatever_the_store_path() -> None:
    before = _image(1, 1, _package("libc", 5), _package("same", 3), _package("gone", 2))
    now = _image(1, 1, _package("libc", 4, "b"), _package("libc", 4, "c"), _package("same", 3, "b"))
    changes = [(each.name, each.grown_bytes) for each in find_changes(before, now)]
    assert changes == [("libc", 3), ("gone", -2)]


def test_what_is_not_known_has_no_changes() -> None:
    assert find_changes(_image(1, 1), _image(2, 2, _package("libc", 5))) == ()


@pytest.mark.parametrize(("before", "now", "percent"), [(0, 0, 0), (0, 5, 100), (4, 5, 25)])
def test_growth_from_nothing_is_all_of_it(before: int, now: int, percent: float) -> None:
    assert growth_percent(before, now) == percent


def test_a_platform_has_its_own_bounds_and_the_rest_of_those_for_all() -> None:
    budgets = Budgets(
        overall=Budget(max_size_bytes=1, max_unpacked_bytes=2),
        platforms={"linux/arm64": Budget(max_size_bytes=0)},
    )
    assert budgets.of("linux/arm64") == Budget(max_size_bytes=0, max_unpacked_bytes=2)
    assert budgets.of("linux/amd64") == budgets.overall
