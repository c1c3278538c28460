from __future__ import annotations

import pytest

from nixgen.spec.interpolate import Scope, escape
from nixgen.spec.node import Node
from nixgen.spec.report import Report


def fill(text: str, **variables: str | int | bool) -> str | None:
    report = Report("app.toml")
    nodes = {name: Node(value=value, key=name) for name, value in variables.items()}
    scope = Scope(variables=nodes, constants={"app.name": "shop"}, report=report)
    filled = scope.fill(Node(value=text))
    assert bool(report.problems) == filled.broken
    assert isinstance(filled.value, str)
    return None if filled.broken else filled.value


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain $ {x} $x", "plain $ {x} $x"),
        ("${x}", "1"),
        ("a${x}b${x}", "a1b1"),
        ("$${x}", "${x}"),
        ("$$${x}", "$${x}"),
        ("$${", "${"),
        ("$${${x}}", "${1}"),
        ("${app.name}", "shop"),
        ("${yes}", "true"),
        ("${deep}", "<1>"),
        ("${literal}", "${x}"),
        ("${}", None),
        ("${ x }", None),
        ("${x", None),
        ("${y}", None),
    ],
)
def test_fills_names_in(text: str, filled: str | None) -> None:
    assert fill(text, x=1, yes=True, deep="<${x}>", literal="$${x}") == filled


def test_what_is_filled_in_is_not_looked_at_again() -> None:
    assert fill("${a}", a="$${b}", b="no") == "${b}"


def test_escape_makes_any_text_plain() -> None:
    assert fill(escape("$${x} ${x} $$${"), x=1) == "$${x} ${x} $$${"
