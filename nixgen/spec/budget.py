"""The budget file of `nixgen size`: how large images may be, overall and per platform."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from nixgen.closure.sizes import Budget, Budgets
from nixgen.errors import DescriptionError, UsageError
from nixgen.platforms import Platform
from nixgen.spec.document import MAX_BYTES, parse_tree
from nixgen.spec.kinds import Integer, OneOf, Text
from nixgen.spec.quantities import PERCENT_PATTERN, parse_percent
from nixgen.spec.report import Report
from nixgen.spec.shapes import Field, MapOf, Record, Table
from nixgen.spec.value_kinds import PLATFORM_NAMES, SIZE, parse_platform

_GROWTH = OneOf(
    label='a percentage such as "5 %"',
    kinds=(
        Integer(low=0, high=999_999),
        Text(label="a percentage", convert=parse_percent, pattern=PERCENT_PATTERN),
    ),
)
_BOUNDS = (
    Field("max-size", SIZE, "The most the compressed layers may take."),
    Field("max-unpacked-size", SIZE, "The most their tars may take."),
    Field("max-growth", _GROWTH, "By how much an image may be larger than the one before."),
)
_PLATFORM_TABLE = Table(label="a table", doc="The bounds of one platform.", fields=_BOUNDS)
_BUDGET_TABLE = Table(
    label="a table",
    doc="How large images may be.",
    fields=(
        *_BOUNDS,
        Field(
            "platform",
            MapOf(
                label="a table of platforms",
                name=parse_platform,
                value=_PLATFORM_TABLE,
                name_words=PLATFORM_NAMES,
            ),
            _PLATFORM_TABLE.doc,
        ),
    ),
)


def read_budgets(path: Path) -> Budgets:
    """Read a budget file; raises UsageError with every mistake in it."""
    try:
        data = path.read_bytes()[: MAX_BYTES + 1]
    except OSError as error:
        raise UsageError(f"the budget {path} can't be read: {error.strerror or error}") from error
    report = Report(str(path))
    try:
        record = _BUDGET_TABLE.read(parse_tree(data, path), report)
        report.raise_if_any("the budget")
    except DescriptionError as error:
        problems = [replace(each, hint=_without_init(each.hint)) for each in error.problems]
        raise UsageError(
            error.message.replace("the description", "the budget"), problems=problems
        ) from error
    platforms = record.values.get("platform", {})
    return Budgets(
        overall=_make_budget(record),
        platforms={
            str(Platform.parse(name)): _make_budget(each) for name, each in platforms.items()
        },
    )


def _make_budget(record: Record) -> Budget:
    values: dict[str, Any] = dict(record.values)
    growth = values.get("max-growth")
    return Budget(
        max_size_bytes=values.get("max-size"),
        max_unpacked_bytes=values.get("max-unpacked-size"),
        max_growth=None if growth is None else Fraction(growth),
    )


def _without_init(hint: str | None) -> str | None:
    """A hint, unless it is about how a description is begun."""
    return None if hint is not None and hint.startswith("nixgen init") else hint
