"""Test results and closures as predicates."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2

from nixgen.attest.provenance import Material
from nixgen.attest.reports import TestOutcome, Verdict, closure_report, result_of_tests

DESCRIPTION = Material(name="app.toml", digest={"sha256": "00" * 32})


@pytest.mark.parametrize(
    ("verdicts", "result"),
    [
        (["passed", "passed"], "PASSED"),
        (["passed", "not-run"], "WARNED"),
        (["not-run", "failed"], "FAILED"),
        ([], "WARNED"),
    ],
)
def test_a_result_is_as_good_as_its_worst_test(verdicts: Sequence[Verdict], result: str) -> None:
    outcomes = [TestOutcome(name=f"t{n}", verdict=each) for n, each in enumerate(verdicts)]
    predicate = result_of_tests(outcomes, DESCRIPTION)
    # why: parsing by the published definition refuses names and types that it does not have.
    parsed = json_format.ParseDict(predicate, test_result_pb2.TestResult())
    assert parsed.result == result
    told = [*parsed.passed_tests, *parsed.warned_tests, *parsed.failed_tests]
    assert sorted(told) == [each.name for each in outcomes]
    assert parsed.configuration[0].name == "app.toml"


def test_a_closure_says_what_was_left_out_or_that_nothing_was() -> None:
    assert closure_report({"platform": "linux/amd64"}, None) == {
        "closure": {"platform": "linux/amd64"},
        "leftOut": None,
    }
    assert closure_report({}, {"minimise": "safe"})["leftOut"] == {"minimise": "safe"}
