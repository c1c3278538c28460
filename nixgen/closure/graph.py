"""The graph of references between store paths: who brings whom, and what goes if one goes.

A store path *dominates* another where every way from the roots to the other leads through it; then
the other is there because of it alone. The immediate dominators form a tree, and what a path adds
is the size of its subtree. They are computed as in Cooper, Harvey and Kennedy, "A Simple, Fast
Dominance Algorithm" (https://www.cs.tufts.edu/comp/150FP/archive/keith-cooper/dom14.pdf).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

ROOT = ""
"""What stands above all roots in the dominator tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A store path. `references` are other paths of the closure, sorted, itself left out."""

    path: str
    size_bytes: int
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chains:
    """The shortest ways from a root to a path: `shown` of `count` in the order of names."""

    shown: tuple[tuple[str, ...], ...]
    count: int


@dataclass(frozen=True, kw_only=True)
class ClosureGraph:
    """The paths that `roots` lead to; cycles are fine.

    Made by `of`. `nodes` is sorted by path and holds nothing that no root leads to; `referrers`
    maps each path to those that refer to it, sorted.
    """

    roots: tuple[str, ...]
    nodes: Mapping[str, Node]
    referrers: Mapping[str, tuple[str, ...]]
    dominators: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(
        cls, roots: Iterable[str], sizes: Mapping[str, int], references: Mapping[str, Iterable[str]]
    ) -> ClosureGraph:
        """Build the graph; raises ValueError for a root or a reference whose size is not known."""
        order = _reached(sorted(set(roots)), references)
        missing = sorted(path for path in order if path not in sizes)
        if missing:
            raise ValueError(f"nothing is known of {', '.join(missing)}")
        nodes = {
            path: Node(
                path=path,
                size_bytes=sizes[path],
                references=tuple(sorted(set(references.get(path, ())) - {path})),
            )
            for path in sorted(order)
        }
        referrers: dict[str, list[str]] = {path: [] for path in nodes}
        for node in nodes.values():
            for target in node.references:
                referrers[target].append(node.path)
        kept = tuple(sorted(set(roots)))
        return cls(
            roots=kept,
            nodes=nodes,
            referrers={path: tuple(found) for path, found in referrers.items()},
            dominators=_dominators(kept, nodes),
        )

    @classmethod
    def of_all(
        cls, roots: Iterable[str], sizes: Mapping[str, int], references: Mapping[str, Iterable[str]]
    ) -> ClosureGraph:
        """As `of`, but with all of `sizes`: to what no root leads, roots of its own do.

        Those are the paths that no other such path refers to, and one of each cycle of them.
        """
        found = set(roots)
        reached = set(_reached(found, references))
        left = sorted(sizes.keys() - reached)
        # why that order: what leads to a path, and is not in a cycle with it, comes before it.
        for path in _reverse_postorder(left, references)[1:]:
            if path not in reached:
                found.add(path)
                reached.update(_reached([path], references, known=reached))
        return cls.of(found, sizes, references)

    @property
    def size_bytes(self) -> int:
        """All paths in sum."""
        return sum(node.size_bytes for node in self.nodes.values())

    def dominated(self) -> Mapping[str, tuple[str, ...]]:
        """The dominator tree, from each path (or ROOT) to what it immediately dominates."""
        below: dict[str, list[str]] = {ROOT: [], **{path: [] for path in self.nodes}}
        for path, above in self.dominators.items():
            below[above].append(path)
        return {path: tuple(sorted(found)) for path, found in below.items()}

    def added_bytes(self) -> Mapping[str, int]:
        """For each path, what goes if it goes: itself and all that is there because of it alone."""
        added = {path: node.size_bytes for path, node in self.nodes.items()}
        for path in reversed(list(_top_down(self.dominated()))):
            above = self.dominators[path]
            if above != ROOT:
                added[above] += added[path]
        return added

    def chains(self, target: str, *, limit: int = 10) -> Chains:
        """The shortest ways from any root to `target`; none where it is not in the closure."""
        if target not in self.nodes:
            return Chains((), 0)
        distance = self._distances()
        counts = self._count_shortest(distance)
        found: list[tuple[str, ...]] = []
        for chain in self._walk_back((target,), distance):
            found.append(chain)
            if len(found) == limit:
                break
        return Chains(tuple(sorted(found)), counts[target])

    def _distances(self) -> dict[str, int]:
        distance = dict.fromkeys(self.roots, 0)
        queue = deque(self.roots)
        while queue:
            path = queue.popleft()
            for target in self.nodes[path].references:
                if target not in distance:
                    distance[target] = distance[path] + 1
                    queue.append(target)
        return distance

    def _count_shortest(self, distance: Mapping[str, int]) -> dict[str, int]:
        counts = {path: int(not steps) for path, steps in distance.items()}
        for path in sorted(distance, key=lambda each: (distance[each], each)):
            for target in self.nodes[path].references:
                if distance[target] == distance[path] + 1:
                    counts[target] += counts[path]
        return counts

    def _walk_back(
        self, chain: tuple[str, ...], distance: Mapping[str, int]
    ) -> Iterator[tuple[str, ...]]:
        todo = [chain]
        while todo:
            chain = todo.pop()
            steps = distance[chain[0]]
            if steps == 0:
                yield chain
                continue
            before = [one for one in self.referrers[chain[0]] if distance[one] == steps - 1]
            todo += [(one, *chain) for one in reversed(before)]


def _reached(
    roots: Iterable[str],
    references: Mapping[str, Iterable[str]],
    *,
    known: Container[str] = frozenset(),
) -> list[str]:
    """What roots lead to, but for what is known already and what only that leads to."""
    seen: dict[str, None] = {}
    todo = list(roots)
    while todo:
        path = todo.pop()
        if path not in seen and path not in known:
            seen[path] = None
            todo += [target for target in references.get(path, ()) if target not in seen]
    return list(seen)


def _dominators(roots: tuple[str, ...], nodes: Mapping[str, Node]) -> dict[str, str]:
    """The immediate dominator of each node, ROOT above all roots."""
    order = _reverse_postorder(roots, {path: node.references for path, node in nodes.items()})
    number = {path: index for index, path in enumerate(order)}
    predecessors = _predecessors(roots, nodes)
    above = {ROOT: ROOT}

    def meet(left: str, right: str) -> str:
        while left != right:
            while number[left] > number[right]:
                left = above[left]
            while number[right] > number[left]:
                right = above[right]
        return left

    changed = True
    while changed:
        changed = False
        for path in order[1:]:
            known = [one for one in predecessors[path] if one in above]
            best = known[0]
            for other in known[1:]:
                best = meet(best, other)
            if above.get(path) != best:
                above[path] = best
                changed = True
    del above[ROOT]
    return above


def _predecessors(roots: tuple[str, ...], nodes: Mapping[str, Node]) -> dict[str, list[str]]:
    predecessors: dict[str, list[str]] = {path: [] for path in nodes}
    for root in roots:
        predecessors[root].append(ROOT)
    for node in nodes.values():
        for target in node.references:
            predecessors[target].append(node.path)
    return predecessors


def _reverse_postorder(roots: Iterable[str], references: Mapping[str, Iterable[str]]) -> list[str]:
    seen = {ROOT}
    finished: list[str] = []
    stack: list[tuple[str, Iterator[str]]] = [(ROOT, iter(roots))]
    while stack:
        path, left = stack[-1]
        for target in left:
            if target not in seen:
                seen.add(target)
                stack.append((target, iter(references.get(target, ()))))
                break
        else:
            finished.append(path)
            stack.pop()
    return finished[::-1]


def _top_down(dominated: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    todo = list(dominated[ROOT])
    while todo:
        path = todo.pop()
        yield path
        todo += dominated[path]
