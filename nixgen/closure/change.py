"""What differs between two closures, and which change of a reference did it.

Hashes differ whenever anything below was rebuilt, so packages are told by name and output, and so
are references: `app` referred to `zlib` before and after, whatever the versions. Sizes are those of
files, which are the same for an image and for the description that it was made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from nixgen.closure.causing import Cause, Tracer
from nixgen.closure.kinds import FileKind
from nixgen.closure.packages import PackageKey
from nixgen.closure.report import ClosureFigures, PackageFigures
from nixgen.closure.usage import add_up


class Way(StrEnum):
    """How a package changed. `rebuilt`: another hash, the same versions and size."""

    NEW = "new"
    GONE = "gone"
    GROWN = "grown"
    SHRUNK = "shrunk"
    VERSION = "version"
    REBUILT = "rebuilt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The store paths of a package in one of the closures; `size_bytes` is that of their files."""

    paths: tuple[str, ...]
    versions: tuple[str, ...]
    size_bytes: int
    bytes_by_kind: Mapping[FileKind, int]

    def as_json(self) -> dict[str, Any]:
        """`before` or `after` of a package."""
        return {
            "paths": list(self.paths),
            "versions": list(self.versions),
            "size_bytes": self.size_bytes,
        }


NOWHERE = Side(paths=(), versions=(), size_bytes=0, bytes_by_kind={})
"""A package that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """A package that is not the same in both. `cause` is None where no reference changed for it."""

    key: PackageKey
    way: Way
    before: Side
    after: Side
    cause: Cause | None

    @property
    def size_change(self) -> int:
        """How many bytes more there are of it."""
        return self.after.size_bytes - self.before.size_bytes

    @property
    def kinds(self) -> Mapping[str, int]:
        """How many bytes more there are in its files of each kind that changed."""
        return _kind_changes(self.before.bytes_by_kind, self.after.bytes_by_kind)

    def as_json(self) -> dict[str, Any]:
        """One element of `packages` in the document of `nixgen closure --diff --json`."""
        return {
            "name": self.key.name,
            "output": self.key.output,
            "change": str(self.way),
            "size_change": self.size_change,
            "bytes_by_kind_change": dict(self.kinds),
            "before": self.before.as_json(),
            "after": self.after.as_json(),
            "cause": None if self.cause is None else self.cause.as_json(),
        }


class Because(NamedTuple):
    """The packages that one cause brought, or took away, and their bytes in sum."""

    cause: Cause | None
    packages: tuple[PackageChange, ...]
    size_change: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureChange:
    """Two closures. `packages` are sorted by how many bytes their change is, the most first."""

    before: ClosureFigures
    after: ClosureFigures
    packages: tuple[PackageChange, ...]

    @property
    def size_change(self) -> int:
        """How many bytes more there are after."""
        return self.after.usage.size_bytes - self.before.usage.size_bytes

    @property
    def kinds(self) -> Mapping[str, int]:
        """How many bytes more there are in files of each kind that changed."""
        return _kind_changes(self.before.usage.bytes_by_kind, self.after.usage.bytes_by_kind)

    def by_cause(self) -> tuple[Because, ...]:
        """The packages by what did it, the most bytes first; each without a cause by itself."""
        groups: dict[object, list[PackageChange]] = {}
        for each in self.packages:
            groups.setdefault(each.key if each.cause is None else each.cause.key, []).append(each)
        found = [
            Because(group[0].cause, tuple(group), sum(each.size_change for each in group))
            for group in groups.values()
        ]
        return tuple(sorted(found, key=lambda each: (-abs(each.size_change), each.packages[0].key)))

    def as_json(self) -> dict[str, Any]:
        """One element of `platforms` in the document of `nixgen closure --diff --json`."""
        return {
            "platform": self.after.platform,
            "before": _describe(self.before),
            "after": _describe(self.after),
            "size_change": self.size_change,
            "bytes_by_kind_change": dict(self.kinds),
            "packages": [each.as_json() for each in self.packages],
        }


def compare_closures(before: ClosureFigures, after: ClosureFigures) -> ClosureChange:
    """Compare two closures by their packages' names, outputs, versions and sizes."""
    sides = _sides(before), _sides(after)
    tracers = Tracer(before, beside=after), Tracer(after, beside=before)
    changes = []
    for key in sorted(sides[0].keys() | sides[1].keys()):
        one, other = sides[0].get(key, NOWHERE), sides[1].get(key, NOWHERE)
        if one == other:
            continue
        cause = None
        if len(other.paths) > len(one.paths):
            cause = tracers[1].find_cause(_more(other, one))
        elif len(other.paths) < len(one.paths):
            cause = tracers[0].find_cause(_more(one, other))
        way = _way(one, other)
        changes.append(PackageChange(key=key, way=way, before=one, after=other, cause=cause))
    changes.sort(key=lambda each: (-abs(each.size_change), each.key))
    return ClosureChange(before=before, after=after, packages=tuple(changes))


def _more(side: Side, other: Side) -> tuple[str, ...]:
    """The store paths by which a side may have more: of versions that the other lacks, or all."""
    by_version = [path for path in side.paths if PackageKey.of(path)[1] not in other.versions]
    return tuple(by_version) or side.paths


def _way(before: Side, after: Side) -> Way:
    if not before.paths or not after.paths:
        return Way.GONE if before.paths else Way.NEW
    if before.size_bytes != after.size_bytes:
        return Way.GROWN if before.size_bytes < after.size_bytes else Way.SHRUNK
    return Way.REBUILT if before.versions == after.versions else Way.VERSION


def _sides(figures: ClosureFigures) -> dict[PackageKey, Side]:
    found: dict[PackageKey, list[PackageFigures]] = {}
    for package in figures.packages:
        key, _ = PackageKey.of(package.path)
        found.setdefault(key, []).append(package)
    return {key: _side(packages) for key, packages in found.items()}


def _side(packages: list[PackageFigures]) -> Side:
    usage = add_up({each.path: each.usage for each in packages})
    return Side(
        paths=tuple(sorted(each.path for each in packages)),
        versions=tuple(sorted({PackageKey.of(each.path)[1] for each in packages})),
        size_bytes=usage.size_bytes,
        bytes_by_kind=usage.bytes_by_kind,
    )


def _kind_changes(before: Mapping[FileKind, int], after: Mapping[FileKind, int]) -> dict[str, int]:
    """How many bytes more there are of each kind, the largest change first; none that is 0."""
    changes = {kind: after.get(kind, 0) - before.get(kind, 0) for kind in {**before, **after}}
    ordered = sorted(changes.items(), key=lambda each: (-abs(each[1]), each[0]))
    return {str(kind): change for kind, change in ordered if change}


def _describe(figures: ClosureFigures) -> dict[str, Any]:
    return {
        "image": figures.image,
        "platform": figures.platform,
        "size_bytes": figures.usage.size_bytes,
        "store_paths": len(figures.packages),
    }
