"""A TOML document as a tree that remembers where each value was written."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nixgen.spec.positions import find_lines

Moment = datetime.datetime | datetime.date | datetime.time
Scalar = str | int | float | bool | Moment

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One value: a scalar, an array (a tuple of nodes) or a table (a dict of nodes).

    `key` is the path as people write it (`image.ports[2]`), `line` counts from 1 and is None
    where it isn't known. `filled` says that the text came out of an interpolation, `broken` that
    a problem with this value was already reported.
    """

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    key: str = ""
    line: int | None = None
    filled: bool = False
    broken: bool = False

    @property
    def table(self) -> dict[str, Node]:
        """The entries where this is a table, else none."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> tuple[Node, ...]:
        """The elements where this is an array, else none."""
        return self.value if isinstance(self.value, tuple) else ()

    def with_value(self, value: Scalar | tuple[Node, ...] | dict[str, Node]) -> Node:
        """The same place with another value."""
        return replace(self, value=value)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in the order of the document."""
        yield self
        for child in (*self.table.values(), *self.items):
            yield from child.walk()


def make_tree(document: Mapping[str, Any], text: str) -> Node:
    """The tree of what tomllib read out of `text`."""
    return _make_node(dict(document), (), "", find_lines(text))


def _make_node(
    value: Any, path: tuple[str | int, ...], key: str, lines: dict[tuple[str | int, ...], int]
) -> Node:
    line = lines.get(path)
    if isinstance(value, dict):
        entries = {
            name: _make_node(child, (*path, name), join_key(key, name), lines)
            for name, child in value.items()
        }
        return Node(value=entries, key=key, line=line)
    if isinstance(value, list):
        elements = tuple(
            _make_node(child, (*path, index), f"{key}[{index}]", lines)
            for index, child in enumerate(value)
        )
        return Node(value=elements, key=key, line=line)
    return Node(value=value, key=key, line=line)


def join_key(parent: str, name: str) -> str:
    """The path of `name` below `parent`, quoted where TOML needs it: `platform."linux/arm64"`."""
    if not _BARE_KEY.fullmatch(name):
        escaped = "".join(_escape(character) for character in name)
        name = f'"{escaped}"'
    return f"{parent}.{name}" if parent else name


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) <= 0xFFFF else f"\\U{ord(character):08x}"


def plain_value(node: Node) -> Any:
    """The value without places: what tomllib gave."""
    if isinstance(node.value, dict):
        return {name: plain_value(child) for name, child in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain_value(child) for child in node.value]
    return node.value
