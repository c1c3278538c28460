"""Why a package is in a closure: the shortest chains to it, and what holds each of their links."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from nixgen.closure.causes import Explained, explain
from nixgen.closure.graph import Chains, ClosureGraph
from nixgen.closure.references import find_occurrences
from nixgen.errors import MachineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A reference from one store path to another, and the files that hold it."""

    source: str
    target: str
    files: tuple[Explained, ...]

    def as_json(self) -> dict[str, Any]:
        """One element of `references` in the document of `nixgen why --json`."""
        return {
            "from": self.source,
            "to": self.target,
            "files": [
                {
                    "file": each.occurrence.file,
                    "where": each.occurrence.where,
                    "offsets": list(each.occurrence.offsets),
                    "causes": [str(cause) for cause in each.causes],
                    "fixes": list(each.fixes),
                }
                for each in self.files
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why one store path is there. `edges` are all those of the chains, by (from, to)."""

    target: str
    chains: Chains
    edges: Mapping[tuple[str, str], Edge]


def explain_presence(
    graph: ClosureGraph, target: str, place: Callable[[str], Path], *, limit: int
) -> Explanation:
    """Explain why `target` is in the closure, by at most `limit` chains.

    Raises MachineError for files that can't be read.
    """
    chains = graph.chains(target, limit=limit)
    links = sorted({link for chain in chains.shown for link in pairwise(chain)})
    edges = {(source, to): find_edge(source, to, place(source)) for source, to in links}
    return Explanation(target=target, chains=chains, edges=edges)


def find_edge(source: str, target: str, place: Path) -> Edge:
    """The files of `source`, lying at `place`, that refer to `target`."""
    try:
        files = tuple(explain(place, found) for found in find_occurrences(place, [target]))
    except OSError as error:
        raise MachineError(f"{error.filename}: can't be read: {error.strerror}") from error
    return Edge(source=source, target=target, files=files)
