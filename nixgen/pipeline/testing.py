"""From a description to what its tests say about the image."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from nixgen.errors import AnswerIsNoError, MachineError, Problem
from nixgen.imagetest import Choice, ImageUnderTest, TestReport, TestResult, run_tests
from nixgen.nixcli import Nix
from nixgen.oci import BuiltImage, LayerCache, write_layout
from nixgen.pipeline.confs import build_confs
from nixgen.pipeline.image import write_aside
from nixgen.pipeline.outcome import Outcome
from nixgen.pipeline.prepare import Request, resolve_all
from nixgen.pipeline.state import State
from nixgen.progress import Reporter
from nixgen.runtime import RunnableImage
from nixgen.sources import Supply
from nixgen.spec import AppSpec


def resolve_tests(request: Request, choice: Choice) -> tuple[AppSpec, ...]:
    """The description for each platform; raises UsageError where the choice can't be had of it."""
    specs = resolve_all(request.read_description(), request)
    choice.check([test for spec in specs for test in spec.tests])
    return specs


class Examiner:
    """Tests images between building and writing; `report` holds what came of it."""

    def __init__(self, specs: Sequence[AppSpec], choice: Choice, reporter: Reporter) -> None:
        self.report = TestReport(results=())
        self._specs = specs
        self._choice = choice
        self._reporter = reporter

    def examine(
        self, images: Sequence[BuiltImage], runnables: Sequence[RunnableImage], work: Path
    ) -> None:
        """Run the tests of every image, by a layout of them in `work`."""
        layout = work / "tested.oci"
        write_layout(images, layout, tags=(runnables[0].tag,))
        under_test = [
            ImageUnderTest(image=dataclasses.replace(runnable, layout=layout), tests=spec.tests)
            for runnable, spec in zip(runnables, self._specs, strict=True)
        ]
        self.report = run_tests(under_test, self._choice, reporter=self._reporter)

    def accept(
        self, images: Sequence[BuiltImage], runnables: Sequence[RunnableImage], work: Path
    ) -> None:
        """The same, and raise AnswerIsNoError or MachineError unless every test has passed."""
        self.examine(images, runnables, work)
        refuse_unless_passed(self.report)


def test_image(
    request: Request,
    nix: Nix,
    choice: Choice,
    *,
    state: State,
    supply: Supply,
    cache: LayerCache | None,
) -> tuple[Outcome, TestReport]:
    """Build the image and run its tests; the image is gone afterwards, but for the layer cache."""
    examiner = Examiner(resolve_tests(request, choice), choice, nix.reporter)
    evaluated, confs = build_confs(request, nix, state=state, supply=supply)
    outcome = write_aside(evaluated, confs, nix, cache=cache, state=state, accept=examiner.examine)
    return outcome, examiner.report


def refuse_unless_passed(report: TestReport) -> None:
    """Raise AnswerIsNoError where a test failed, MachineError where one could not be run."""
    total = len(report.results)
    if failed := report.having(["failed"]):
        raise AnswerIsNoError(
            f"{len(failed)} of {total} tests failed: the image was not written",
            problems=[_problem(result) for result in failed],
        )
    if not_run := report.having(["not-run"]):
        raise MachineError(
            f"{len(not_run)} of {total} tests could not be run: the image was not written",
            problems=[_problem(result) for result in not_run],
            hint="write it untested, without --test",
        )


def _problem(result: TestResult) -> Problem:
    return Problem(
        key=f"{result.platform}: {result.name}",
        message="\n".join(result.reasons),
        hint=result.hint,
    )
