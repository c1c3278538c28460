"""How large images are, what they may be, and what grew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

from nixgen.closure.report import ClosureFigures
from nixgen.errors import Problem

_SHOWN = 5
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSize:
    """One store path: the bytes of its files, and those that go if it goes."""

    path: str
    name: str
    version: str
    files_bytes: int
    added_bytes: int

    def as_json(self) -> dict[str, Any]:
        """One element of `packages` in the document of `nixgen size --json`."""
        return {
            "path": self.path,
            "name": self.name,
            "version": self.version,
            "files_bytes": self.files_bytes,
            "added_bytes": self.added_bytes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSize:
    """One platform's image: its layers as stored and as tars, in sum.

    `packages` are sorted by what they add, the most first; None where they are not known.
    `layer_count` is None for what a lockfile recorded.
    """

    platform: str
    size_bytes: int
    unpacked_bytes: int
    layer_count: int | None = None
    packages: tuple[PackageSize, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """The sizes without the packages."""
        return {
            "platform": self.platform,
            "size_bytes": self.size_bytes,
            "unpacked_bytes": self.unpacked_bytes,
            "layers": self.layer_count,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What an image may be; `max_growth` in per cent of what it was. None asks nothing."""

    max_size_bytes: int | None = None
    max_unpacked_bytes: int | None = None
    max_growth: Fraction | None = None

    def over(self, other: Budget) -> Budget:
        """This budget, and the other's bounds where this one has none."""
        return Budget(
            max_size_bytes=_first(self.max_size_bytes, other.max_size_bytes),
            max_unpacked_bytes=_first(self.max_unpacked_bytes, other.max_unpacked_bytes),
            max_growth=_first(self.max_growth, other.max_growth),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """What images may be: `overall`, and per platform what stands there instead."""

    overall: Budget
    platforms: Mapping[str, Budget]

    def of(self, platform: str) -> Budget:
        """The budget of one platform's image."""
        return self.platforms.get(platform, Budget()).over(self.overall)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """All store paths of one name: the bytes of their files before and now."""

    name: str
    before_bytes: int
    now_bytes: int

    @property
    def grown_bytes(self) -> int:
        """How many bytes came; negative where some went."""
        return self.now_bytes - self.before_bytes

    def as_json(self) -> dict[str, Any]:
        """One element of `changes` in the document of `nixgen size --json`."""
        return {"name": self.name, "before_bytes": self.before_bytes, "now_bytes": self.now_bytes}


def package_sizes(figures: ClosureFigures) -> tuple[PackageSize, ...]:
    """What each store path of a closure takes, in the order of the figures."""
    return tuple(
        PackageSize(
            path=each.path,
            name=each.package[0],
            version=each.package[1],
            files_bytes=each.usage.size_bytes,
            added_bytes=each.added_bytes,
        )
        for each in figures.packages
    )


def find_changes(before: ImageSize, now: ImageSize) -> tuple[PackageChange, ...]:
    """The packages whose files take more or less than before, the most grown first.

    None of them where the packages of one of the two are not known.
    """
    if before.packages is None or now.packages is None:
        return ()
    old, new = _by_name(before.packages), _by_name(now.packages)
    changes = [
        PackageChange(name=name, before_bytes=old.get(name, 0), now_bytes=new.get(name, 0))
        for name in old.keys() | new.keys()
    ]
    changed = [each for each in changes if each.grown_bytes]
    return tuple(sorted(changed, key=lambda each: (-each.grown_bytes, each.name)))


def find_excesses(now: ImageSize, budget: Budget, before: ImageSize | None) -> tuple[Problem, ...]:
    """Every bound that the image exceeds; `before` is what growth is counted from."""
    return tuple(_excesses(now, budget, before))


def _excesses(now: ImageSize, budget: Budget, before: ImageSize | None) -> Iterator[Problem]:
    for key, size, limit in (
        ("max-size", now.size_bytes, budget.max_size_bytes),
        ("max-unpacked-size", now.unpacked_bytes, budget.max_unpacked_bytes),
    ):
        if limit is not None and size > limit:
            yield Problem(
                message=f"{now.platform}: {size} bytes, {size - limit} more than the {limit} "
                "of the budget",
                key=key,
                hint=_largest(now.packages or ()),
            )
    if budget.max_growth is None or before is None:
        return
    for what, size, was in (
        ("", now.size_bytes, before.size_bytes),
        (" unpacked", now.unpacked_bytes, before.unpacked_bytes),
    ):
        if size * 100 > was * (100 + budget.max_growth):
            yield Problem(
                message=f"{now.platform}: {size} bytes{what}, {size - was} more than the {was} "
                f"before: {growth_percent(was, size):+.1f} %, "
                f"{float(budget.max_growth):g} % is allowed",
                key="max-growth",
                hint=_grown(find_changes(before, now)),
            )


def growth_percent(before_bytes: int, now_bytes: int) -> float:
    """By how many per cent of what was there something grew; all of it counts as 100."""
    if not before_bytes:
        return 100.0 if now_bytes else 0.0
    return 100 * (now_bytes - before_bytes) / before_bytes


def _largest(packages: Sequence[PackageSize]) -> str | None:
    named = ", ".join(f"{each.name} {each.added_bytes} B" for each in packages[:_SHOWN])
    return f"what adds most: {named}" if named else None


def _grown(changes: Sequence[PackageChange]) -> str | None:
    grown = [each for each in changes if each.grown_bytes > 0][:_SHOWN]
    named = ", ".join(f"{each.name} +{each.grown_bytes} B" for each in grown)
    return f"what grew most: {named}" if named else None


def _by_name(packages: Sequence[PackageSize]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in packages:
        found[each.name] = found.get(each.name, 0) + each.files_bytes
    return found


def _first(one: _T | None, other: _T | None) -> _T | None:
    return other if one is None else one
