"""What no person writes must end as a told mistake all the same, and soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.errors import DescriptionError, Problem
from nixgen.spec import parse_description

_HUGE = "0x" + "f" * 20_000

HOSTILE = {
    "a key of many parts": "[vars]\n" + ".".join(["a"] * 300) + " = 1",
    "tables within tables": "[vars]\na = " + "{a = " * 300 + "1" + "}" * 300,
    "a long integer as port": f"[image]\nports = [{_HUGE}]",
    "a long integer as variable": f'[vars]\nx = {_HUGE}\n[image]\nworkdir = "/${{x}}"',
    "a long integer for a string": f"[image]\nlabels = {{ a = {_HUGE} }}",
    "a long integer to remove": f"[profile.a.image]\nports = {{ remove = [{_HUGE}] }}",
    "a chain of variables": "[vars]\n"
    + "\n".join(f'v{count} = "${{v{count + 1}}}"' for count in range(3000))
    + '\nv3000 = "x"',
    "a long package set": '[packages]\nset = "./' + "a" * 5000 + '"',
    "a pattern of nothing": '[build]\nkind = "c"\nsources = ["./."]',
    "a row of openings": '[image]\ncmd = ["' + "${" * 100_000 + '"]',
}


def problems_of(text: str, project: Path) -> tuple[Problem, ...]:
    with pytest.raises(DescriptionError) as caught:
        parse_description(f'[app]\nname = "shop"\n{text}\n', path=project / "app.toml")
    return caught.value.problems


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_input_is_a_mistake_like_any_other(text: str, project: Path) -> None:
    assert problems_of(text, project)


def test_an_integer_beyond_64_bits_has_its_place(project: Path) -> None:
    (problem,) = problems_of(f"[image]\nports = [{2**63}]", project)
    assert (problem.key, problem.line) == ("image.ports[0]", 4)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('[image]\nfiles = [{ path = "/a", text = "", mode = 0o644 }]', None),
        ('[image.healthcheck]\nrun = ["a"]\ninterval = 30', 'did you mean "30s"?'),
        ("[image]\nenv = { A = 1 }", 'write "1", in quotes'),
    ],
)
def test_a_hint_for_a_number_is_one_that_works(text: str, hint: str | None, project: Path) -> None:
    (problem,) = problems_of(text, project)
    assert problem.hint == hint


def test_control_characters_of_a_key_do_not_reach_the_terminal(project: Path) -> None:
    (problem,) = problems_of('[image]\n"a\\n\\u001b[2J" = 1', project)
    assert "\x1b" not in str(problem)
