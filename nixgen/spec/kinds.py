"""The kinds of value a description is made of: each reads, and each describes itself.

A kind turns a node into a value or notes every mistake in it and gives `INVALID`. From the same
object come the JSON Schema and the reference page, so the three can't disagree.
"""

from __future__ import annotations

import json
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal, TypeVar

from nixgen.spec.node import Moment, Node
from nixgen.spec.report import Report, suggest

T = TypeVar("T")


class _Invalid(Enum):
    INVALID = "invalid"


INVALID: Final = _Invalid.INVALID
Invalid = Literal[_Invalid.INVALID]

PLACEHOLDER_PATTERN = r"\$\{"
"""What a string holds that is checked only once it is filled in; for the schema."""

TomlType = Literal["string", "integer", "float", "boolean", "date", "array", "table"]

_ARTICLES: dict[TomlType, str] = {
    "string": "a string",
    "integer": "an integer",
    "float": "a float",
    "boolean": "a boolean",
    "date": "a date",
    "array": "an array",
    "table": "a table",
}


class Mistake(ValueError):  # noqa: N818 - it never leaves this package
    """Why a value is refused, and what to do about it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def toml_type(node: Node) -> TomlType:
    """The TOML type of a node's value."""
    match node.value:
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "float"
        case tuple():
            return "array"
        case dict():
            return "table"
        case _:
            return "date"


class Kind(ABC):
    """One kind of value. `label` completes "expected …"; `takes` are the TOML types it reads."""

    label: str
    takes: tuple[TomlType, ...]

    @abstractmethod
    def read(self, node: Node, report: Report) -> Any:
        """The value of `node`, or INVALID with every mistake noted in `report`."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of this kind."""

    def refuse_type(self, node: Node, report: Report, hint: str | None = None) -> Invalid:
        """Note that `node` has another type than this kind reads."""
        report.add(node, f"expected {self.label}, not {_ARTICLES[toml_type(node)]}", hint=hint)
        return INVALID


@dataclass(frozen=True, kw_only=True)
class Text(Kind):
    """A string, turned by `convert` into what it stands for; Mistake or ValueError refuses it.

    `pattern` and `words` tell the schema what `convert` demands, as far as they can.
    """

    label: str
    convert: Callable[[str], Any]
    pattern: str | None = None
    words: tuple[str, ...] = ()
    takes: tuple[TomlType, ...] = ("string",)

    def read(self, node: Node, report: Report) -> Any:
        """See `Kind.read`."""
        if not isinstance(node.value, str):
            return self.refuse_type(node, report, _quoting_hint(node))
        try:
            return self.convert(node.value)
        except Mistake as mistake:
            report.add(node, str(mistake), hint=mistake.hint)
        except ValueError as error:
            report.add(node, str(error))
        return INVALID

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        if self.words:
            return {"anyOf": [{"enum": list(self.words)}, _placeholder()]}
        if self.pattern:
            return {"type": "string", "anyOf": [{"pattern": self.pattern}, _placeholder()]}
        return {"type": "string"}


def _placeholder() -> dict[str, Any]:
    return {"type": "string", "pattern": PLACEHOLDER_PATTERN}


def _quoting_hint(node: Node) -> str | None:
    if isinstance(node.value, bool):
        return f'write "{str(node.value).lower()}", in quotes'
    if isinstance(node.value, int | float):
        return f'write "{node.value}", in quotes'
    return None


def choice(*words: str) -> Text:
    """A kind for one of a few words."""
    listed = ", ".join(f'"{word}"' for word in words)

    def convert(text: str) -> str:
        if text not in words:
            raise Mistake(f"expected one of {listed}, not {json.dumps(text)}", suggest(text, words))
        return text

    return Text(label=f"one of {listed}", convert=convert, words=words)


@dataclass(frozen=True, kw_only=True)
class Integer(Kind):
    """A whole number from `low` to `high`; a filled-in string counts where it is one."""

    low: int
    high: int
    label: str = "an integer"
    takes: tuple[TomlType, ...] = ("integer",)

    def read(self, node: Node, report: Report) -> Any:
        """See `Kind.read`."""
        value: object = node.value
        if node.filled and isinstance(value, str):
            value = _parse_int(value)
            if value is None:
                report.add(node, f"expected {self.label}, not {json.dumps(node.value)}")
                return INVALID
        if isinstance(value, bool) or not isinstance(value, int):
            return self.refuse_type(node, report)
        if not self.low <= value <= self.high:
            span = f"from {self.low} to {self.high}"
            report.add(node, f"expected {self.label} {span}, not {value}")
            return INVALID
        return value

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        number = {"type": "integer", "minimum": self.low, "maximum": self.high}
        return {"anyOf": [number, _placeholder()]}


def _parse_int(text: str) -> int | None:
    digits = text[1:] if text.startswith("-") else text
    if digits.isascii() and digits.isdigit() and len(digits) < 20:
        return int(text)
    return None


@dataclass(frozen=True, kw_only=True)
class Boolean(Kind):
    """true or false; a filled-in string counts where it is one of the two words."""

    label: str = "a boolean"
    takes: tuple[TomlType, ...] = ("boolean",)

    def read(self, node: Node, report: Report) -> Any:
        """See `Kind.read`."""
        if isinstance(node.value, bool):
            return node.value
        if node.filled and node.value in ("true", "false"):
            return node.value == "true"
        hint = "write true or false, without quotes" if isinstance(node.value, str) else None
        return self.refuse_type(node, report, hint)

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        return {"anyOf": [{"type": "boolean"}, _placeholder()]}


@dataclass(frozen=True, kw_only=True)
class Date(Kind):
    """A TOML date, turned by `convert` into what it stands for."""

    label: str
    convert: Callable[[Moment], Any]
    takes: tuple[TomlType, ...] = ("date",)

    def read(self, node: Node, report: Report) -> Any:
        """See `Kind.read`."""
        if isinstance(node.value, str | int | float | tuple | dict):
            return self.refuse_type(node, report)
        try:
            return self.convert(node.value)
        except Mistake as mistake:
            report.add(node, str(mistake), hint=mistake.hint)
        return INVALID

    def schema(self) -> dict[str, Any]:
        """JSON has no dates: editors and validators see them as RFC 3339 strings."""
        return {"type": "string", "format": "date-time"}


@dataclass(frozen=True, kw_only=True)
class Anything(Kind):
    """Whatever is there, as a node, of the given types; for what is read later."""

    label: str = "a value"
    takes: tuple[TomlType, ...] = tuple(_ARTICLES)

    def read(self, node: Node, report: Report) -> Any:
        """See `Kind.read`."""
        return node if toml_type(node) in self.takes else self.refuse_type(node, report)

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        return {}


@dataclass(frozen=True, kw_only=True)
class OneOf(Kind):
    """Several kinds, told apart by their TOML type."""

    label: str
    kinds: tuple[Kind, ...]

    @property
    def takes(self) -> tuple[TomlType, ...]:  # type: ignore[override]
        """The types of all alternatives."""
        return tuple(name for kind in self.kinds for name in kind.takes)

    def read(self, node: Node, report: Report) -> Any:
        """See `Kind.read`."""
        wanted = toml_type(node)
        if node.filled and isinstance(node.value, str):
            wanted = self._filled_type(node.value)
        for kind in self.kinds:
            if wanted in kind.takes:
                return kind.read(node, report)
        return self.refuse_type(node, report)

    def _filled_type(self, text: str) -> TomlType:
        if "integer" in self.takes and _parse_int(text) is not None:
            return "integer"
        if "boolean" in self.takes and text in ("true", "false"):
            return "boolean"
        return "string"

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        return {"anyOf": [kind.schema() for kind in self.kinds]}


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


def _place(node: Node) -> str:
    return f"{node.key} (line {node.line})" if node.line else node.key


@dataclass(frozen=True, kw_only=True)
class MapOf(Kind):
    """A table with free names, read as a dict of values by name, sorted by name."""

    label: str
    name: Callable[[str], Any]
    value: Kind
    name_pattern: str | None = None
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
        names = {"propertyNames": {"pattern": self.name_pattern}} if self.name_pattern else {}
        return {"type": "object", "additionalProperties": self.value.schema(), **names}


@dataclass(frozen=True)
class Field:
    """One key of a table.

    `doc` is one sentence or two; `default` is what an absent key means, or `default_doc` says
    how that is found; `example` is a value; `aliases` are the words other tools use for it.
    """

    name: str
    kind: Kind
    doc: str
    default: Any = field(default=None, kw_only=True)
    default_doc: str | None = field(default=None, kw_only=True)
    example: Any = field(default=None, kw_only=True)
    required: bool = field(default=False, kw_only=True)
    aliases: tuple[str, ...] = field(default=(), kw_only=True)
    since: str = field(default="0.1", kw_only=True)


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

    `refusals` says why a key that people expect here does not exist; `identity` names the key
    that tells two such tables in an array apart.
    """

    label: str
    doc: str
    fields: tuple[Field, ...]
    refusals: Mapping[str, str] = field(default_factory=dict)
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
            if known.required and known.name not in node.value:
                report.add(node, f'the key "{known.name}" is missing: {known.doc}')
        return Record(node=node, values=values)

    def _refuse_key(self, name: str, child: Node, report: Report) -> None:
        if reason := self.refusals.get(name):
            report.add(child, f'unknown key "{name}"', hint=reason)
            return
        spelled = name.casefold().replace("_", "-")
        names = {known.name: known.name for known in self.fields}
        names |= {alias: known.name for known in self.fields for alias in known.aliases}
        hint = f'did you mean "{names[spelled]}"?' if spelled in names else suggest(name, names)
        for alias, target in names.items():
            if hint == f'did you mean "{alias}"?':
                hint = f'did you mean "{target}"?'
        known_keys = ", ".join(sorted(field.name for field in self.fields))
        report.add(child, f'unknown key "{name}"', hint=hint or f"known keys: {known_keys}")

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        required = [known.name for known in self.fields if known.required]
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {known.name: field_schema(known) for known in self.fields},
            **({"required": required} if required else {}),
        }


def field_schema(known: Field) -> dict[str, Any]:
    """The JSON Schema of one key, with what an editor shows about it."""
    schema = {"title": known.name, "description": known.doc, **known.kind.schema()}
    if known.default is not None:
        schema["default"] = known.default
    if known.example is not None:
        schema["examples"] = [known.example]
    return schema
