"""Conditions on a predicate as expressions of CEL, the language of admission policies.

https://github.com/google/cel-spec/blob/master/doc/langdef.md. Numbers of JSON are doubles there.
"""

from __future__ import annotations

import json
import math
from typing import Any

from nixgen.attest.policy import ANY, Condition
from nixgen.attest.re2 import whole_re2

_LARGEST_INTEGER = 2**53
"""Beyond it a double does not hold every integer."""


def write_literal(value: str | float) -> str:
    """A literal of CEL, booleans too; raises ValueError for a number that no double holds."""
    if isinstance(value, bool | str):
        # why not ASCII: a string of JSON is one of CEL, but for characters told by two escapes.
        return json.dumps(value, ensure_ascii=False)
    if not math.isfinite(value) or (isinstance(value, int) and abs(value) > _LARGEST_INTEGER):
        raise ValueError(f"the number {value}")
    return repr(float(value))


def write_condition(condition: Condition, predicate: str) -> str:
    """An expression that holds where a condition does; `predicate` is the one for the predicate.

    Raises ValueError naming what of it CEL has no words for.
    """
    here, parts = predicate, []
    for step in condition.path:
        if step == ANY or step.isdigit():
            raise ValueError(f"the step {step!r} of a field")
        name = write_literal(step)
        parts.append(f"{name} in {here}")
        here = f"{here}[{name}]"
    return " && ".join([*parts, _write_test(condition.test, here, condition.value)])


def _write_test(test: str, here: str, value: Any) -> str:
    if test == "matches":
        return f"type({here}) == string && {here}.matches({write_literal(whole_re2(value))})"
    if test in ("equals", "one-of"):
        values = [value] if test == "equals" else value
        return f"({' || '.join(f'{here} == {write_literal(each)}' for each in values)})"
    sign = {"at-least": ">=", "at-most": "<="}[test]
    return f"type({here}) == double && {here} {sign} {write_literal(value)}"
