"""What came of tests, as values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["passed", "failed", "not-run"]
VERDICTS: tuple[Verdict, ...] = ("passed", "failed", "not-run")

HEAD_BYTES = 4096
"""How much of each output a result keeps."""


def head_of(output: bytes) -> str:
    """The beginning of an output as text, at most HEAD_BYTES of it."""
    return output[:HEAD_BYTES].decode(errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """What came of one test on one platform.

    `command` is what was started, or would have been, None where a test only looks at files;
    `runner` what started it. `reasons` say why the verdict is not "passed"; `hint` how to mend a
    machine that could not run it. `exit_code` is None where nothing ended by itself. `stdout` and
    `stderr` are the heads of the outputs.
    """

    __test__ = False  # why: pytest collects classes of this name otherwise.

    name: str
    platform: str
    command: tuple[str, ...] | None
    runner: str | None
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    hint: str | None = None
    exit_code: int | None = None
    duration_s: float = 0.0
    stdout: str = ""
    stderr: str = ""

    def as_record(self) -> dict[str, Any]:
        """What is the same each time an image is built and tested again on such a machine."""
        return {
            "name": self.name,
            "platform": self.platform,
            "command": None if self.command is None else list(self.command),
            "runner": self.runner,
            "verdict": self.verdict,
        }

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object, every key always present."""
        return {
            **self.as_record(),
            "reasons": list(self.reasons),
            "hint": self.hint,
            "exit_code": self.exit_code,
            "duration_s": round(self.duration_s, 3),
            "stdout": self.stdout,
            "stderr": self.stderr,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TestReport:
    """The results of all tests, by platform in the order built, then as written."""

    __test__ = False

    results: tuple[TestResult, ...]

    @property
    def verdict(self) -> Verdict:
        """Failed where one test failed, else not run where one was not."""
        found = {result.verdict for result in self.results}
        if "failed" in found:
            return "failed"
        return "not-run" if "not-run" in found or not found else "passed"

    def count(self, verdict: Verdict) -> int:
        """How many tests have this verdict."""
        return sum(result.verdict == verdict for result in self.results)

    def having(self, verdicts: Iterable[Verdict]) -> tuple[TestResult, ...]:
        """The results with one of these verdicts."""
        wanted = set(verdicts)
        return tuple(result for result in self.results if result.verdict in wanted)

    def as_json(self) -> dict[str, Any]:
        """The verdict, the counts and every result."""
        return {
            "verdict": self.verdict,
            **{verdict.replace("-", "_"): self.count(verdict) for verdict in VERDICTS},
            "tests": [result.as_json() for result in self.results],
        }
