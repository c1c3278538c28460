"""From the bytes of app.toml to a tree of TOML values with places."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from nixgen.errors import DescriptionError, Problem
from nixgen.spec.node import Node, make_tree

MAX_BYTES = 1 << 20
"""No description is longer: what is, is another file."""

MAX_DEPTH = 32
"""The most tables and arrays within each other."""

_INIT_HINT = "nixgen init writes a starting app.toml"
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_bytes(path: Path) -> bytes:
    """The content of the description; raises DescriptionError where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _error(path, "does not exist", hint=_INIT_HINT) from None
    except IsADirectoryError:
        hint = f"did you mean {path / 'app.toml'}?" if (path / "app.toml").is_file() else None
        raise _error(path, "is a directory, not a file", hint=hint or _INIT_HINT) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _error(path, f"can't be read: {reason}") from None


def parse_tree(data: bytes, path: Path) -> Node:
    """The tree of a description's bytes; raises DescriptionError on what is no TOML at all."""
    text = _decode(data, path)
    if not text.strip():
        raise _error(path, "is empty", hint=_INIT_HINT)
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise _error(path, "is nested too deeply") from None
    except ValueError as error:
        raise _syntax_error(error, text, path) from None
    if _is_deep(document):
        raise _error(path, "is nested too deeply")
    tree = make_tree(document, text)
    _refuse_long_integers(tree, path)
    return tree


def _is_deep(document: dict[str, Any]) -> bool:
    """Whether anything lies deeper than MAX_DEPTH; found without recursion."""
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        below = [
            child
            for value in level
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, dict | list)
        ]
        if not below:
            return False
        level = below
    return True


def _refuse_long_integers(tree: Node, path: Path) -> None:
    """TOML promises 64 bits; Python reads more, and then can't always print what it read."""
    problems = [
        Problem(
            message="expected an integer of at most 64 bits",
            file=str(path),
            line=node.line,
            key=node.key,
        )
        for node in tree.walk()
        if isinstance(node.value, int) and not -(2**63) <= node.value < 2**63
    ]
    if problems:
        raise DescriptionError("the description can't be read", problems=problems)


def _decode(data: bytes, path: Path) -> str:
    if len(data) > MAX_BYTES:
        raise _error(path, f"is longer than {MAX_BYTES} bytes: not a description")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _error(path, "is UTF-16: save it as UTF-8")
    if data.startswith(b"\xef\xbb\xbf"):
        raise _error(
            path,
            "starts with a byte order mark, which TOML does not allow: save it without",
            line=1,
            hint=f"sed -i '1s/^\\xEF\\xBB\\xBF//' {path}",
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise _error(path, message, line=line) from None


def _syntax_error(error: ValueError, text: str, path: Path) -> DescriptionError:
    message = str(error).partition("\n")[0]
    line = text.rstrip().count("\n") + 1
    column = None
    if place := _TOML_PLACE.search(message):
        message = message[: place.start()]
        if place.group(1):
            line, column = int(place.group(1)), place.group(2)
    where = f", at column {column}" if column else ", at the end" if place else ""
    return _error(path, f"is not TOML: {message}{where}", line=line if place else None)


def _error(
    path: Path, message: str, *, line: int | None = None, hint: str | None = None
) -> DescriptionError:
    problem = Problem(message=message, file=str(path), line=line, hint=hint)
    return DescriptionError("the description can't be read", problems=(problem,))
