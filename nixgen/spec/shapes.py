"""The kinds that hold other kinds: arrays, tables with free names, and tables with known keys."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nixgen.spec.kinds import INVALID, Kind, TomlType
from nixgen.spec.node import Node
from nixgen.spec.report import Report, find_close


@dataclass(frozen=True, kw_only=True)
class ListOf(Kind):
    """An array of one kind, read as a tuple of (node, value) pairs in order.

    `identity` gives what two elements must not share; None allows doubles. `minimum` is the
    least number of elements.
    """

    item: Kind
    label: str
    identity: Callable[[Any], Hashable] | None = None
    minimum: int = 0
    takes: tuple[TomlType, ...] = ("array",)

    def read(self, node: Node, report: Report) -> Any:
        """See `Kind.read`."""
        if not isinstance(node.value, tuple):
            return self.refuse_type(node, report, self._hint(node))
        pairs = [
            (element, INVALID if element.broken else self.item.read(element, report))
            for element in node.value
        ]
        if len(pairs) < self.minimum:
            report.add(node, f"expected {self.label}, not an empty array")
            return INVALID
        if any(value is INVALID for _, value in pairs):
            return INVALID
        return tuple(pairs) if self._all_differ(pairs, report) else INVALID

    def _all_differ(self, pairs: list[tuple[Node, Any]], report: Report) -> bool:
        if self.identity is None:
            return True
        first: dict[Hashable, Node] = {}
        differ = True
        for node, value in pairs:
            known = first.setdefault(self.identity(value), node)
            if known is not node:
                report.add(node, f"{_show(node)} is here twice: already at {_place(known)}")
                differ = False
        return differ

    def _hint(self, node: Node) -> str | None:
        if isinstance(node.value, str) and "string" in self.item.takes:
            try:
                words = shlex.split(node.value)
            except ValueError:
                words = [node.value]
            return f"write {json.dumps(words or [node.value], ensure_ascii=False)}"
        if isinstance(node.value, dict) and {"append", "prepend", "remove"} & node.value.keys():
            return "append, prepend and remove work in [profile.NAME] and [platform.NAME] only"
        return None

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        least = {"minItems": self.minimum} if self.minimum else {}
        return {"type": "array", "items": self.item.schema(), **least}


def _show(node: Node) -> str:
    if isinstance(node.value, str | int):
        return json.dumps(node.value, ensure_ascii=False)
    return "the same"


def _quote(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _place(node: Node) -> str:
    return f"{node.key} (line {node.line})" if node.line else node.key


@dataclass(frozen=True, kw_only=True)
class MapOf(Kind):
    """A table with free names, read as a dict of values by name, sorted by name."""

    label: str
    name: Callable[[str], Any]
    value: Kind
    name_pattern: str | None = None
    name_words: tuple[str, ...] = ()
    takes: tuple[TomlType, ...] = ("table",)

    def read(self, node: Node, report: Report) -> Any:
        """See `Kind.read`."""
        if not isinstance(node.value, dict):
            return self.refuse_type(node, report)
        values: dict[str, Any] = {}
        for name, child in sorted(node.value.items()):
            good = self._check_name(name, child, report)
            value = INVALID if child.broken else self.value.read(child, report)
            if good and value is not INVALID:
                values[name] = value
        return values if len(values) == len(node.value) else INVALID

    def _check_name(self, name: str, child: Node, report: Report) -> bool:
        try:
            self.name(name)
        except ValueError as error:
            report.add(child, str(error), hint=getattr(error, "hint", None))
            return False
        return True

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        return {
            "type": "object",
            "additionalProperties": self.value.schema(),
            **self.schema_of_names(),
        }

    def schema_of_names(self) -> dict[str, Any]:
        """The part of the schema that holds for the names."""
        if self.name_words:
            return {"propertyNames": {"enum": list(self.name_words)}}
        return {"propertyNames": {"pattern": self.name_pattern}} if self.name_pattern else {}


@dataclass(frozen=True)
class Field:
    """One key of a table.

    `doc` is one sentence or two; `default` is what an absent key means, or `default_doc` says
    how that is found; `example` is a value; `aliases` are the words other tools use for it. A key
    that is `required` may still be absent in a table that holds nothing but keys of
    `needless_beside`.
    """

    name: str
    kind: Kind
    doc: str
    default: Any = field(default=None, kw_only=True)
    default_doc: str | None = field(default=None, kw_only=True)
    example: Any = field(default=None, kw_only=True)
    required: bool = field(default=False, kw_only=True)
    needless_beside: tuple[str, ...] = field(default=(), kw_only=True)
    aliases: tuple[str, ...] = field(default=(), kw_only=True)

    def is_missing(self, present: Collection[str]) -> bool:
        """Whether a table that holds these keys lacks this one."""
        if not self.required or self.name in present:
            return False
        return not present or not set(present) <= set(self.needless_beside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a table held: the good values by name, and the table itself for places.

    A key that is absent or wrong has no value. Its place is in `node`.
    """

    node: Node
    values: Mapping[str, Any]

    def place(self, name: str) -> Node:
        """Where `name` was written, or the table where it wasn't."""
        return self.node.table.get(name, self.node)


@dataclass(frozen=True, kw_only=True)
class Table(Kind):
    """A table with known keys, read as a `Record`.

    `refusals` says why a key that people expect here does not exist; `homes` maps the keys of
    other tables to where they belong; `identity` names the key that tells two such tables in an
    array apart.
    """

    label: str
    doc: str
    fields: tuple[Field, ...]
    refusals: Mapping[str, str] = field(default_factory=dict)
    homes: Mapping[str, str] = field(default_factory=dict)
    identity: str | None = None
    takes: tuple[TomlType, ...] = ("table",)

    def field_of(self, name: str) -> Field | None:
        """The field called `name`, or None."""
        return next((known for known in self.fields if known.name == name), None)

    def read(self, node: Node, report: Report) -> Any:
        """A Record with what is good in the table, or INVALID where it isn't a table at all."""
        if not isinstance(node.value, dict):
            return self.refuse_type(node, report)
        values: dict[str, Any] = {}
        for name, child in node.value.items():
            known = self.field_of(name)
            if known is None:
                self._refuse_key(name, child, report)
            elif not child.broken:
                value = known.kind.read(child, report)
                if value is not INVALID:
                    values[name] = value
        for known in self.fields:
            if known.is_missing(node.value):
                is_table = isinstance(known.kind, Table)
                shown = f"table [{known.name}]" if is_table else f'key "{known.name}"'
                report.add(node, f"the {shown} is missing: {known.doc}")
        return Record(node=node, values=values)

    def _refuse_key(self, name: str, child: Node, report: Report) -> None:
        hint = self.refusals.get(name) or self._hint_for(name)
        report.add(child, f"unknown key {_quote(name)}", hint=hint)

    def _hint_for(self, name: str) -> str:
        spelled = name.casefold().replace("_", "-")
        names = {known.name: known.name for known in self.fields}
        names |= {alias: known.name for known in self.fields for alias in known.aliases}
        if spelled in names:
            return f'did you mean "{names[spelled]}"?'
        if spelled in self.homes:
            return f'"{spelled}" belongs to {self.homes[spelled]}'
        if close := find_close(name, names):
            return f'did you mean "{names[close]}"?'
        return "known keys: " + ", ".join(sorted(known.name for known in self.fields))

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        required = [known.name for known in self.fields if known.is_missing(known.needless_beside)]
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {known.name: field_schema(known) for known in self.fields},
            **({"required": required} if required else {}),
            **self._schema_of_needless(),
        }

    def _schema_of_needless(self) -> dict[str, Any]:
        """The part of the schema for keys that most other keys need, but not all."""
        needs: dict[str, list[str]] = {}
        for known in self.fields:
            if known.required and known.needless_beside:
                others = {other.name for other in self.fields} - {known.name}
                for name in sorted(others - set(known.needless_beside)):
                    needs.setdefault(name, []).append(known.name)
        return {"minProperties": 1, "dependentRequired": needs} if needs else {}


def field_schema(known: Field) -> dict[str, Any]:
    """The JSON Schema of one key, with what an editor shows about it."""
    return annotate(known, known.kind.schema())


def annotate(known: Field, schema: dict[str, Any]) -> dict[str, Any]:
    """A key's schema with its title, description, default and example."""
    schema = {"title": known.name, "description": known.doc, **schema}
    if known.default is not None:
        schema["default"] = known.default
    if known.example is not None:
        schema["examples"] = [known.example]
    return schema
