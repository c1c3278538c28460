"""The one writer of Nix expressions from Python values.

`format_value` turns plain values and the few nodes below into the text of a Nix expression; nothing
else in nixgen makes Nix text from data. The syntax is that of
https://nix.dev/manual/nix/latest/language/syntax. The text is deterministic: attribute names
stand in the order given and are always quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*")
_KEYWORDS = frozenset({"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"})
_PLAIN_RELATIVE = re.compile(r"\.(?:/[A-Za-z0-9+_-][A-Za-z0-9.+_-]*)+")
_ESCAPES = str.maketrans(
    {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
)
_INT_MAX = 2**63 - 1
_INT_MIN = -(2**63)
_LINE_WIDTH = 80
_STEP = "  "


class NixText(str):
    """The text of a Nix expression that this writer made: safe to put where one may stand."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Name:
    """A name in scope, such as `pkgs`. Raises ValueError for what is not a plain name."""

    name: str

    def __post_init__(self) -> None:
        if not _IDENTIFIER.fullmatch(self.name) or self.name in _KEYWORDS:
            raise ValueError(f"not a Nix identifier: {self.name!r}")


@dataclass(frozen=True, slots=True)
class Select:
    """The attribute at a path of names, any strings, below an expression."""

    of: Value
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function applied to one argument or more."""

    function: Value
    arguments: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Concat:
    """Two expressions joined by `+`: strings, or a path and a string."""

    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class RelativePath:
    """A Nix path below the folder of the file that is being written, such as `./app/main.nix`.

    Raises ValueError when it does not begin with `./` or has an empty, `.` or `..` component.
    """

    path: str

    def __post_init__(self) -> None:
        first, *rest = self.path.split("/")
        if first != "." or not rest or any(part in {"", ".", ".."} for part in rest):
            raise ValueError(f"not a path below the folder: {self.path!r}")


Value: TypeAlias = (
    "str | int | bool | Sequence[Value] | Mapping[str, Value]"
    " | Name | Select | Call | Concat | RelativePath | None"
)
"""What can be written; a `NixText` stands for the expression that it is."""


def format_value(value: Value, *, indent: int = 0) -> NixText:
    """The Nix expression for a value; lines after the first are indented by `indent` spaces.

    Raises ValueError for what Nix can't hold (NUL, lone surrogates, integers beyond 64 bits),
    TypeError for a type without a Nix counterpart, floats among them.
    """
    return NixText(_write(value, " " * indent))


def format_string(text: str) -> NixText:
    """A Nix string literal; raises ValueError for NUL and lone surrogates."""
    if "\x00" in text:
        raise ValueError("a Nix string can't hold NUL")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("a Nix string can't hold a lone surrogate")
    return NixText(f'"{text.translate(_ESCAPES)}"')


def format_comment(text: str) -> NixText:
    """Text for a `#` comment: on one line, what can't be printed replaced by a space."""
    return NixText("".join(char if char.isprintable() else " " for char in text))


def format_attribute_path(*names: str) -> NixText:
    """Names as an attribute path, each quoted: `"a"."b.c"`."""
    return NixText(".".join(format_string(name) for name in names))


def _write(value: Value, margin: str) -> str:
    match value:
        case NixText():
            return str(value).replace("\n", "\n" + margin) if margin else str(value)
        case str():
            return format_string(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return _write_int(value)
        case Mapping():
            return _write_attrs(value, margin)
        case Sequence():
            if isinstance(value, (bytes, bytearray, memoryview)):
                raise TypeError("bytes have no Nix counterpart")
            return _write_list(value, margin)
        case _:
            return _write_node(value, margin)


def _write_node(value: Value, margin: str) -> str:
    match value:
        case Name(name):
            return name
        case Select(of, path):
            return ".".join([_atom(of, margin), *(format_string(name) for name in path)])
        case Call(function, arguments):
            return " ".join(_atom(part, margin) for part in (function, *arguments))
        case Concat(left, right):
            return f"{_atom(left, margin)} + {_atom(right, margin)}"
        case RelativePath(path):
            if _PLAIN_RELATIVE.fullmatch(path):
                return path
            return f"./. + {format_string(path.removeprefix('.'))}"
        case _:
            raise TypeError(f"no Nix counterpart of a {type(value).__name__}: {value!r}")


def _write_int(value: int) -> str:
    if not _INT_MIN <= value <= _INT_MAX:
        raise ValueError(f"beyond Nix's 64-bit integers: {value}")
    if value == _INT_MIN:
        # why: Nix reads the digits before it applies the minus, and they would not fit.
        return f"{_INT_MIN + 1} - 1"
    return str(value)


def _write_attrs(attrs: Mapping[str, Value], margin: str) -> str:
    if not attrs:
        return "{ }"
    inner = margin + _STEP
    lines = [f"{inner}{format_string(n)} = {_write(v, inner)};" for n, v in attrs.items()]
    return "\n".join(["{", *lines, margin + "}"])


def _write_list(items: Sequence[Value], margin: str) -> str:
    if not items:
        return "[ ]"
    inner = margin + _STEP
    parts = [_atom(item, inner) for item in items]
    line = f"[ {' '.join(parts)} ]"
    if "\n" not in line and len(margin) + len(line) <= _LINE_WIDTH:
        return line
    return "\n".join(["[", *(inner + part for part in parts), margin + "]"])


def _atom(value: Value, margin: str) -> str:
    """The expression so that it can stand in a list or be applied."""
    text = _write(value, margin)
    needs_none = isinstance(value, (bool, Name, Select, Mapping, type(None))) or (
        isinstance(value, (str, Sequence)) and not isinstance(value, NixText)
    )
    if needs_none or (isinstance(value, int) and value >= 0):
        return text
    if isinstance(value, RelativePath) and text.startswith("./") and " " not in text:
        return text
    return f"({text})"
