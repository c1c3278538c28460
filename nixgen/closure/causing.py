"""Which reference, of those that one closure has and another lacks, leads to a store path."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from nixgen.closure.packages import PackageKey, name_of
from nixgen.closure.report import ClosureFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The first reference on the shortest chain to a store path that the other closure lacks.

    `source` is None where the image itself names `target`, in the keys of its config and own files
    that are `named_by`. `chain` leads from a root to the store path that is explained.
    """

    source: str | None
    target: str
    chain: tuple[str, ...]
    named_by: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What is the same for all that one reference brought."""
        return (self.source or "", self.target)

    @property
    def lead(self) -> tuple[str, ...]:
        """The part of the chain that ends with the reference."""
        return self.chain[: self.chain.index(self.target) + 1]

    def as_json(self) -> dict[str, Any]:
        """`cause` of a package in the document of `nixgen closure --diff --json`."""
        return {
            "from": self.source,
            "to": self.target,
            "named_by": list(self.named_by),
            "chain": list(self.chain),
        }


class Tracer:
    """Finds causes in one closure, beside another that lacks something."""

    def __init__(self, figures: ClosureFigures, *, beside: ClosureFigures) -> None:
        self._figures = figures
        self._before = _shortest(figures)
        self._roots = {PackageKey.of(root)[0] for root in beside.roots}
        self._links: set[tuple[PackageKey, PackageKey]] = set()
        self._exact: set[tuple[PackageKey, str]] = set()
        for package in beside.packages:
            source, _ = PackageKey.of(package.path)
            for target in package.references:
                self._links.add((source, PackageKey.of(target)[0]))
                self._exact.add((source, name_of(target)))

    def find_cause(self, paths: Iterable[str]) -> Cause | None:
        """Why the first of these is there that a reference can be found for.

        A reference to another version counts where it is the last of the chain: that is how a
        package comes to be there twice.
        """
        chains = [self._chain(path) for path in paths]
        for chain in chains:
            cause = self._lacking(chain)
            if cause is not None:
                return cause
        for chain in chains:
            last = chain[-2:]
            if len(last) == 2 and (PackageKey.of(last[0])[0], name_of(last[1])) not in self._exact:
                return Cause(source=last[0], target=last[1], chain=chain)
        return None

    def _lacking(self, chain: tuple[str, ...]) -> Cause | None:
        root = chain[0]
        if PackageKey.of(root)[0] not in self._roots:
            named_by = self._figures.named_by.get(root, ())
            return Cause(source=None, target=root, chain=chain, named_by=named_by)
        for source, target in pairwise(chain):
            if (PackageKey.of(source)[0], PackageKey.of(target)[0]) not in self._links:
                return Cause(source=source, target=target, chain=chain)
        return None

    def _chain(self, path: str) -> tuple[str, ...]:
        chain = [path]
        while (before := self._before[chain[-1]]) is not None:
            chain.append(before)
        return tuple(reversed(chain))


def _shortest(figures: ClosureFigures) -> dict[str, str | None]:
    """For each store path the one before it on a shortest chain, None for roots."""
    before: dict[str, str | None] = dict.fromkeys(figures.roots)
    by_path = figures.by_path
    queue = deque(figures.roots)
    while queue:
        path = queue.popleft()
        for target in by_path[path].references:
            if target not in before:
                before[target] = path
                queue.append(target)
    return before
