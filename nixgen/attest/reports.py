"""What was found out about an image, as predicates: its tests and its closure.

Test results: https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nixgen.attest.provenance import Material

TEST_RESULT_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
CLOSURE_TYPE = "urn:nixgen:closure-report:v1"

Verdict = Literal["passed", "failed", "not-run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestOutcome:
    """A test by name and what came of it."""

    __test__ = False  # why: pytest collects classes of this name otherwise.

    name: str
    verdict: Verdict


def result_of_tests(outcomes: Sequence[TestOutcome], configuration: Material) -> dict[str, Any]:
    """The predicate on the tests of one image; `configuration` is where they are described.

    A test that could not be run is a warning: nothing speaks against the image, and nothing for it.
    """
    names: dict[Verdict, list[str]] = {"passed": [], "failed": [], "not-run": []}
    for outcome in outcomes:
        names[outcome.verdict].append(outcome.name)
    if names["failed"]:
        result = "FAILED"
    else:
        result = "WARNED" if names["not-run"] or not outcomes else "PASSED"
    return {
        "result": result,
        "configuration": [configuration.as_json()],
        "passedTests": names["passed"],
        "warnedTests": names["not-run"],
        "failedTests": names["failed"],
    }


def closure_report(
    closure: Mapping[str, Any], left_out: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The predicate on the closure of one image.

    `closure` is a platform of `nixgen closure --json`, `left_out` the `closure` of a platform of
    `nixgen image --json`, None where its rules leave nothing out.
    """
    return {"closure": dict(closure), "leftOut": None if left_out is None else dict(left_out)}
