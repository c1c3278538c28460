"""The kinds of value a description is made of: each reads, and each describes itself.

A kind turns a node into a value or notes every mistake in it and gives `INVALID`. From the same
object come the JSON Schema and the reference page, so the three can't disagree.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from nixgen.spec.node import Moment, Node
from nixgen.spec.report import Report, suggest


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

    `pattern` and `words` tell the schema what `convert` demands, as far as they can. `quoting`
    says that a number means the same in quotes.
    """

    label: str
    convert: Callable[[str], Any]
    pattern: str | None = None
    words: tuple[str, ...] = ()
    quoting: bool = True
    takes: tuple[TomlType, ...] = ("string",)

    def read(self, node: Node, report: Report) -> Any:
        """See `Kind.read`."""
        if not isinstance(node.value, str):
            return self.refuse_type(node, report, self._quoting_hint(node))
        try:
            return self.convert(node.value)
        except Mistake as mistake:
            report.add(node, str(mistake), hint=mistake.hint)
        except ValueError as error:
            report.add(node, str(error))
        return INVALID

    def _quoting_hint(self, node: Node) -> str | None:
        """How a boolean or a number is written as this string, where that would do."""
        if not self.quoting or not isinstance(node.value, bool | int | float):
            return None
        text = str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
        try:
            self.convert(text)
        except ValueError as error:
            return getattr(error, "hint", None)
        return f'write "{text}", in quotes'

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        if self.words:
            return {"anyOf": [{"enum": list(self.words)}, _placeholder()]}
        if self.pattern:
            return {"type": "string", "anyOf": [{"pattern": self.pattern}, _placeholder()]}
        return {"type": "string"}


def _placeholder() -> dict[str, Any]:
    return {"type": "string", "pattern": PLACEHOLDER_PATTERN}


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
