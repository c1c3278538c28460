"""JSON of strangers that something is believed for: read with no room for doubt.

Two readers must not see two documents in the same bytes: a key that comes twice, a number that is
none, text that is no Unicode are refused, as is what is too large or nested too deeply.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

_HALVES = re.compile(r"\\u[dD][89a-fA-F]")
DEEPEST = 64
LARGEST_BYTES = 32 << 20


def load_strict(data: bytes, *, largest_bytes: int = LARGEST_BYTES) -> Any:
    """A JSON document; raises ValueError saying why it is none."""
    if len(data) > largest_bytes:
        raise ValueError(f"larger than {largest_bytes} bytes")
    text = data.decode("utf-8")
    try:
        document = json.loads(
            text,
            object_pairs_hook=object_once,
            parse_constant=refuse_constant,
            parse_int=_integer,
            parse_float=_number,
        )
        _check_depth(document)
        if _HALVES.search(text):
            # why: an escaped half of a character is no text, and can't be written again.
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError(f"nested deeper than {DEEPEST} levels") from error
    return document


def load_object(data: bytes, *, largest_bytes: int = LARGEST_BYTES) -> dict[str, Any]:
    """A JSON object; raises ValueError."""
    document = load_strict(data, largest_bytes=largest_bytes)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return document


def object_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `object_pairs_hook`: an object without a key that comes twice; raises ValueError."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:80]!r} comes twice")
    return found


def refuse_constant(constant: str) -> NoReturn:
    """For `parse_constant`: NaN and Infinity are no JSON; raises ValueError."""
    raise ValueError(f"{constant} is no JSON")


def _integer(digits: str) -> int:
    # why: Python refuses thousands of digits by itself, in words that name its own settings.
    if len(digits) > 40:
        raise ValueError("a number of more than 40 digits")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number that is too large")
    return number


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        if not inner:
            return
        level = inner
    raise ValueError(f"nested deeper than {DEEPEST} levels")
