from __future__ import annotations

import json

import pytest

from nixgen.errors import AnswerIsNoError, MachineError, UsageError
from nixgen.imagetest import Choice, TestReport, TestResult, Verdict
from nixgen.pipeline.testing import refuse_unless_passed
from nixgen.spec import Test

TESTS = tuple(Test(name=name, run=("x",)) for name in ("version", "port 80", "port 81", "a [b]"))


def result(verdict: Verdict, name: str = "x") -> TestResult:
    return TestResult(
        name=name,
        platform="linux/amd64",
        command=("x",),
        runner="bwrap",
        verdict=verdict,
        reasons=() if verdict == "passed" else ("it is so",),
        duration_s=1.23456,
    )


def report(*verdicts: Verdict) -> TestReport:
    return TestReport(results=tuple(result(verdict) for verdict in verdicts))


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ((), ["version", "port 80", "port 81", "a [b]"]),
        (("version",), ["version"]),
        (("port *",), ["port 80", "port 81"]),
        (("port 81", "version"), ["version", "port 81"]),
        (("a [b]",), ["a [b]"]),
    ],
)
def test_tests_are_chosen_by_name_or_pattern(names: tuple[str, ...], chosen: list[str]) -> None:
    choice = Choice(names=names)
    choice.check(TESTS)
    assert [test.name for test in choice.select(TESTS)] == chosen


def test_a_name_that_no_test_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="'prot") as caught:
        Choice(names=("version", "prot *")).check(TESTS)
    assert "version, port 80" in str(caught.value.hint)


def test_an_unknown_runner_and_no_tests_at_all_are_refused() -> None:
    with pytest.raises(UsageError, match="no runner 'docker'"):
        Choice(runner="docker").check(TESTS)
    with pytest.raises(UsageError, match="no test"):
        Choice().check(())


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        (("passed", "passed"), "passed"),
        (("passed", "not-run"), "not-run"),
        (("not-run", "failed", "passed"), "failed"),
        ((), "not-run"),
    ],
)
def test_the_verdict_of_all_is_the_worst(verdicts: tuple[Verdict, ...], verdict: Verdict) -> None:
    assert report(*verdicts).verdict == verdict


def test_a_report_is_one_document() -> None:
    document = json.loads(json.dumps(report("passed", "failed").as_json()))
    assert (document["verdict"], document["passed"], document["failed"], document["not_run"]) == (
        "failed",
        1,
        1,
        0,
    )
    assert document["tests"][1] == {
        "name": "x",
        "platform": "linux/amd64",
        "command": ["x"],
        "runner": "bwrap",
        "verdict": "failed",
        "reasons": ["it is so"],
        "hint": None,
        "exit_code": None,
        "duration_s": 1.235,
        "stdout": "",
        "stderr": "",
    }


def test_what_goes_into_a_record_is_the_same_each_time() -> None:
    assert set(result("passed").as_record()) == {
        "name",
        "platform",
        "command",
        "runner",
        "verdict",
    }


def test_an_image_is_refused_unless_every_test_passed() -> None:
    refuse_unless_passed(report("passed", "passed"))
    with pytest.raises(AnswerIsNoError, match="1 of 3 tests failed") as failed:
        refuse_unless_passed(report("passed", "failed", "not-run"))
    (problem,) = failed.value.problems
    assert (problem.key, problem.message) == ("linux/amd64: x", "it is so")
    with pytest.raises(MachineError, match="1 of 2 tests could not be run"):
        refuse_unless_passed(report("passed", "not-run"))
