"""Laying a profile or a platform's table over a description.

Tables merge key by key, everything else replaces. A table of `append`, `prepend` and `remove` in
the place of an array changes the array instead of replacing it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nixgen.spec.kinds import Kind, OneOf
from nixgen.spec.node import Node, plain_value
from nixgen.spec.report import Report, suggest
from nixgen.spec.shapes import ListOf, MapOf, Table

OPERATIONS = ("append", "prepend", "remove")


class Merger:
    """Merges trees and notes mistakes in the changes themselves.

    `unmatched` holds the elements that a `remove` did not find; `matched` those that it did.
    Which of the two is a mistake is known only once every combination was tried.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self.unmatched: dict[tuple[str, int | None], Node] = {}
        self.matched: set[tuple[str, int | None]] = set()

    def merge(self, kind: Kind, base: Node | None, over: Node) -> Node:
        """`over` laid on `base`, both of the given kind; `base` is None where it is absent."""
        if list_kind := _alternative(kind, ListOf):
            if isinstance(over.value, dict):
                return self._change_list(list_kind, base, over)
            return over
        if base is None or not (isinstance(base.value, dict) and isinstance(over.value, dict)):
            return self._settle(kind, over)
        if table_kind := _alternative(kind, Table):
            return self._merge_table(table_kind, base, over)
        if _alternative(kind, MapOf):
            return base.with_value({**base.value, **over.value})
        return over

    def _merge_table(self, kind: Table, base: Node, over: Node) -> Node:
        merged = dict(base.table)
        for name, child in over.table.items():
            known = kind.field_of(name)
            merged[name] = (
                self.merge(known.kind, merged.get(name), child) if known is not None else child
            )
        return base.with_value(merged)

    def _settle(self, kind: Kind, over: Node) -> Node:
        """Carry out the changes of lists below a table that the base does not have."""
        table_kind = _alternative(kind, Table)
        if table_kind is None or not isinstance(over.value, dict):
            return over
        return self._merge_table(table_kind, over.with_value({}), over)

    def _change_list(self, kind: ListOf, base: Node | None, over: Node) -> Node:
        old = base.items if base is not None else ()
        good = bool(over.table)
        if not over.table:
            self._report.add(over, f"expected {kind.label}, or a table of append, prepend, remove")
        for name, child in over.table.items():
            if name not in OPERATIONS:
                hint = suggest(name, OPERATIONS) or "known: append, prepend, remove"
                self._report.add(child, f'unknown change of a list "{name}"', hint=hint)
                good = False
            elif not isinstance(child.value, tuple):
                self._report.add(child, f"expected {kind.label}")
                good = False
        if not good:
            return Node(value=old, key=over.key, line=over.line, broken=True)
        kept = self._without(kind, old, over.table.get("remove"))
        first = self._fresh(kind, kept, over.table.get("prepend"))
        last = self._fresh(kind, (*first, *kept), over.table.get("append"))
        return Node(value=(*first, *kept, *last), key=over.key, line=over.line)

    def _fresh(self, kind: ListOf, present: Iterable[Node], added: Node | None) -> tuple[Node, ...]:
        """What is added, without what a list of different elements has already."""
        if added is None:
            return ()
        if kind.identity is None:
            return added.items
        there = [plain_value(node) for node in present]
        return tuple(node for node in added.items if plain_value(node) not in there)

    def _without(
        self, kind: ListOf, old: tuple[Node, ...], removed: Node | None
    ) -> tuple[Node, ...]:
        kept = old
        for wanted in removed.items if removed is not None else ():
            left = tuple(node for node in kept if not _matches(kind, node, plain_value(wanted)))
            place = (wanted.key, wanted.line)
            if len(left) < len(kept):
                self.matched.add(place)
            else:
                self.unmatched.setdefault(place, wanted)
            kept = left
        return kept

    def report_unmatched(self) -> None:
        """Note each element to remove that was found in no combination."""
        for place, node in self.unmatched.items():
            if place not in self.matched:
                self._report.add(node, f"nothing to remove: {plain_value(node)!r} is not there")


def _alternative(kind: Kind, wanted: type[Any]) -> Any:
    if isinstance(kind, wanted):
        return kind
    if isinstance(kind, OneOf):
        return next((found for found in kind.kinds if isinstance(found, wanted)), None)
    return None


def _matches(kind: ListOf, node: Node, wanted: Any) -> bool:
    if isinstance(kind.item, Table) and kind.item.identity and isinstance(wanted, str):
        named = node.table.get(kind.item.identity)
        return named is not None and named.value == wanted
    return bool(plain_value(node) == wanted)
