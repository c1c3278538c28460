"""Licences as package sets name them, as SPDX expressions.

https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

_REFERENCE = "LicenseRef-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """An SPDX expression, and what its references (`LicenseRef-…`) stand for, by name."""

    expression: str
    references: tuple[tuple[str, str], ...]


@cache
def _licensing() -> Any:
    # why: it reads the list of all licences, a tenth of a second.
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


def read_licence(names: Sequence[str]) -> Licence | None:
    """All of some licences together; None where there are none.

    What is neither an expression nor the identifier of a licence becomes a reference.
    """
    found = dict.fromkeys(name.strip() for name in names if name.strip())
    if not found:
        return None
    parts: list[str] = []
    references: dict[str, str] = {}
    for name in found:
        expression, own = _read(name)
        parts.append(expression)
        references.update(own)
    texts = [f"({part})" if len(parts) > 1 and " " in part else part for part in parts]
    return Licence(expression=" AND ".join(texts), references=tuple(sorted(references.items())))


@cache
def _read(name: str) -> tuple[str, dict[str, str]]:
    from boolean import ParseError
    from license_expression import ExpressionError

    try:
        parsed = _licensing().parse(name)
        keys = _licensing().license_keys(parsed)
        unknown = list(_licensing().unknown_license_keys(parsed))
    except (ExpressionError, ParseError):
        parsed, keys, unknown = None, [], [name]
    if parsed is None or any(not key.startswith(_REFERENCE) for key in unknown):
        reference = _REFERENCE + (re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-") or "unnamed")
        return reference, {reference: name}
    return str(parsed), {
        key: f"The licence that the package set calls {key.removeprefix(_REFERENCE)}."
        for key in keys
        if key.startswith(_REFERENCE)
    }
