"""How store paths are put into layers, in the plainest words: what `layer-split` computes.

The build itself is done by the C program in `nix/bundled/image/layer-split`; this module says the
same slowly (cubic in the number of paths), so that tests can compare the two, and it explains
layers that are already made. The reasons are in docs/explanation/layers.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from nixgen.spec.model import LayerStrategy

WORTH_BYTES = 16_384
"""What one layer less is worth: bytes written more per update."""

SMALLEST_BYTES = 4_096
"""Sizes are rounded up to the next power of two, at least to this."""

Layers = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A store path of a closure: `bytes` as in a layer's tar; `references` may hold the path."""

    path: str
    size_bytes: int
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Store paths with all they need. `apps` are those of the app itself.

    Raises ValueError for a reference to a path that is not a member.
    """

    members: tuple[Member, ...]
    apps: frozenset[str] = frozenset()
    reached: Mapping[str, frozenset[str]] = field(init=False)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.members, key=lambda member: path_order(member.path)))
        object.__setattr__(self, "members", ordered)
        references = {member.path: member.references for member in ordered}
        object.__setattr__(self, "reached", {path: _reach(path, references) for path in references})

    @property
    def paths(self) -> list[str]:
        """All paths, in the order of names."""
        return [member.path for member in self.members]

    @property
    def app_weight(self) -> int:
        """How likely a path of the app is updated: like all that are not the app's together."""
        return max(1, sum(path not in self.apps for path in self.paths))

    def weight(self, origins: Collection[str]) -> int:
        """How often an update starts in one of these paths, out of `total_weight`."""
        return sum(self.app_weight if path in self.apps else 1 for path in origins)

    @property
    def total_weight(self) -> int:
        """The weight of all paths."""
        return self.weight(self.paths)


def path_order(path: str) -> tuple[bytes, bytes]:
    """The order of paths: by name without the hash, then by the whole; bytes compare as in C."""
    base = path.rpartition("/")[2]
    return ((base.partition("-")[2] or base).encode(), path.encode())


def split_layers(closure: Closure, *, strategy: LayerStrategy, limit: int) -> Layers:
    """The store layers of a closure, at most `limit` (1 or more), lowest first."""
    match strategy:
        case "auto":
            return _split_auto(closure, limit)
        case "popularity":
            return _split_popularity(closure, limit)
        case "single":
            return _split_popularity(closure, 1)


def origins_of(closure: Closure, paths: Collection[str]) -> frozenset[str]:
    """Every path whose update writes a layer of `paths` anew."""
    return frozenset().union(*(closure.reached[path] for path in paths))


def rounded_size(size_bytes: int) -> int:
    """The size that costs are computed with."""
    return max(SMALLEST_BYTES, 1 << max(0, size_bytes - 1).bit_length())


def _reach(start: str, references: Mapping[str, Sequence[str]]) -> frozenset[str]:
    reached, waiting = {start}, [start]
    while waiting:
        for reference in references[waiting.pop()]:
            if reference not in references:
                raise ValueError(f"{reference} is referred to and not in the closure")
            if reference not in reached:
                reached.add(reference)
                waiting.append(reference)
    return frozenset(reached)


def _split_auto(closure: Closure, limit: int) -> Layers:
    sizes = {member.path: rounded_size(member.size_bytes) for member in closure.members}
    place = {path: number for number, path in enumerate(closure.paths)}
    allowance = WORTH_BYTES * closure.total_weight
    sets: list[frozenset[str]] = [frozenset({path}) for path in closure.paths]

    def first(paths: frozenset[str]) -> int:
        return min(place[path] for path in paths)

    def has_app(paths: frozenset[str]) -> bool:
        return not paths.isdisjoint(closure.apps)

    def cost(one: frozenset[str], other: frozenset[str]) -> int:
        origins, others = origins_of(closure, one), origins_of(closure, other)
        rewritten = sum(sizes[path] for path in one) * closure.weight(others - origins)
        rewritten += sum(sizes[path] for path in other) * closure.weight(origins - others)
        return rewritten + (allowance + 1 if has_app(one) or has_app(other) else 0)

    while len(sets) > 1:
        sets.sort(key=first)
        pairs = list(combinations(sets, 2))
        costs = [cost(one, other) for one, other in pairs]
        # why `index`: of equal costs the first pair, in the order of names.
        cheapest = costs.index(min(costs))
        if len(sets) <= limit and costs[cheapest] > allowance:
            break
        one, other = pairs[cheapest]
        sets = [paths for paths in sets if paths not in (one, other)] + [one | other]

    sets.sort(key=lambda s: (has_app(s), closure.weight(origins_of(closure, s)), first(s)))
    return tuple(tuple(sorted(paths, key=path_order)) for paths in sets)


def _split_popularity(closure: Closure, limit: int) -> Layers:
    def order(path: str) -> tuple[bool, int, bytes]:
        referrers = sum(path in reached for reached in closure.reached.values())
        return (path in closure.apps, -referrers, path.encode())

    ordered = sorted(closure.paths, key=order)
    layers = [[path] for path in ordered[: limit - 1]]
    if ordered[limit - 1 :]:
        layers.append(ordered[limit - 1 :])
    return tuple(tuple(sorted(layer, key=path_order)) for layer in layers)
