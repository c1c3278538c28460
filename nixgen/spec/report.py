"""Collecting every mistake of a description before raising once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from nixgen.errors import DescriptionError, Problem
from nixgen.spec.node import Node


class Report:
    """The mistakes found so far; the same one found twice counts once.

    `file` is the description's path as the user gave it.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._problems: dict[Problem, None] = {}

    def add(
        self, node: Node | None, message: str, *, hint: str | None = None, key: str | None = None
    ) -> None:
        """Note a mistake at a node; `key` stands in where the node is not quite the place."""
        problem = Problem(
            message=message,
            file=self.file,
            line=node.line if node else None,
            key=key or (node.key if node else None) or None,
            hint=hint,
        )
        self._problems.setdefault(problem)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All mistakes, by line, then key, then message."""
        return tuple(sorted(self._problems, key=_order))

    def raise_if_any(self, what: str = "the description") -> None:
        """Raise DescriptionError with every mistake, if there is one."""
        count = len(self._problems)
        if count:
            noun = "mistake" if count == 1 else "mistakes"
            raise DescriptionError(f"{what} has {count} {noun}", problems=self.problems)


def _order(problem: Problem) -> tuple[int, str, str, str]:
    return (problem.line or 0, problem.key or "", problem.message, problem.hint or "")


def suggest(word: str, known: Iterable[str]) -> str | None:
    """`did you mean "x"?` for the known word nearest to `word`, or None."""
    close = find_close(word, known)
    return f'did you mean "{close}"?' if close else None


def find_close(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to `word`, whatever the case of its letters, or None."""
    candidates = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), list(candidates), n=1, cutoff=0.6)
    return candidates[close[0]] if close else None
