from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.errors import DescriptionError, Problem
from nixgen.spec import parse_description
from tests.unit.spec.malformed import MALFORMED, Malformed


def problems_of(text: str | bytes, project: Path) -> tuple[Problem, ...]:
    with pytest.raises(DescriptionError) as caught:
        parse_description(text, path=project / "app.toml")
    return caught.value.problems


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_says_what_is_wrong_where_and_what_to_do(case: Malformed, project: Path) -> None:
    problems = problems_of(f'[app]\nname = "shop"\n{case.text}\n', project)
    assert [(problem.key, problem.line) for problem in problems] == [(case.key, case.line)]
    assert case.says in problems[0].message
    assert case.hint in (problems[0].hint or "")
    assert problems[0].file == str(project / "app.toml")


def test_names_of_cases_differ() -> None:
    assert len({case.name for case in MALFORMED}) == len(MALFORMED)


def test_reports_every_mistake_at_once_in_the_order_of_lines(project: Path) -> None:
    text = """\
[app]
name = "Shop"
[image]
ports = [0, 70000]
entrypoint = "shop"
[profile.debug.image]
user = "A"
[platform."linux/arm64".build]
kind = "cc"
"""
    assert [problem.key for problem in problems_of(text, project)] == [
        "app.name",
        "image.ports[0]",
        "image.ports[1]",
        "image.entrypoint",
        "profile.debug.image.user",
        'platform."linux/arm64".build.kind',
    ]


def test_reports_a_mistake_once_though_every_profile_shares_it(project: Path) -> None:
    text = '[app]\nname = "shop"\n[image]\nports = [0]\n[profile.a.image]\n[profile.b.image]\n'
    assert len(problems_of(text, project)) == 1


def test_reports_one_cycle_once_and_the_names_beside_it_not(project: Path) -> None:
    text = """\
[app]
name = "shop"
[vars]
a = "${b}"
b = "${a}"
c = "${a}"
[image]
workdir = "/${c}"
"""
    assert [problem.key for problem in problems_of(text, project)] == ["vars.a"]


def test_refuses_variables_that_grow_without_end(project: Path) -> None:
    lines = ["[app]", 'name = "shop"', "[vars]", 'v0 = "xxxxxxxxxxxxxxxx"']
    lines += [f'v{count + 1} = "${{v{count}}}${{v{count}}}"' for count in range(64)]
    problems = problems_of("\n".join(lines), project)
    assert any("is longer than" in problem.message for problem in problems)


def test_a_newer_format_is_told_alone_with_the_version_it_needs(project: Path) -> None:
    (problem,) = problems_of("nixgen = 2\n[future]\nx = 1\n", project)
    assert (problem.key, problem.line) == ("nixgen", 1)
    assert "format 2 needs a newer nixgen" in problem.message


@pytest.mark.parametrize("value", ['"1"', "0", "true", "1.0"])
def test_refuses_a_format_that_is_no_number_from_one(value: str, project: Path) -> None:
    problems = problems_of(f'nixgen = {value}\n[app]\nname = "x"\n', project)
    assert [problem.key for problem in problems] == ["nixgen"]


def test_the_app_table_is_needed(project: Path) -> None:
    (problem,) = problems_of("[image]\n", project)
    assert "the table [app] is missing" in problem.message


def test_what_one_profile_removes_another_may_lack(project: Path) -> None:
    text = """\
[app]
name = "shop"
[profile.debug.image]
contents = ["strace"]
[platform."linux/arm64".image]
contents = { remove = ["strace"] }
"""
    assert parse_description(text, path=project / "app.toml").profiles == ("debug",)
