"""All tests of images that were built, one after the other."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nixgen.errors import MachineError, UsageError
from nixgen.imagetest.judging import judge
from nixgen.imagetest.programs import ImagePrograms, Programs
from nixgen.imagetest.result import TestReport, TestResult
from nixgen.platforms import Platform
from nixgen.progress import PhaseStarted, Reporter
from nixgen.runtime import (
    RunnableImage,
    RunnerInfo,
    check_runner_name,
    choose_runner,
    open_workspace,
)
from nixgen.spec import Test

Choose = Callable[[str | None, Platform], RunnerInfo]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageUnderTest:
    """A built image and the tests that are for its platform."""

    image: RunnableImage
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which tests to run and by what.

    `names` are patterns as of a shell, of which one must fit; none at all means every test.
    `runner` None is the first that works.
    """

    names: tuple[str, ...] = ()
    runner: str | None = None

    def select(self, tests: Sequence[Test]) -> tuple[Test, ...]:
        """The tests whose name is chosen."""
        return tuple(test for test in tests if not self.names or self._takes(test.name))

    def check(self, tests: Sequence[Test]) -> None:
        """Raise UsageError where this can't be had of these tests, or there are none."""
        if self.runner is not None:
            check_runner_name(self.runner)
        if not tests:
            raise UsageError(
                "the description has no test for what is built",
                hint='write one: [[test]] with run = ["PROGRAM", "ARGUMENT"]',
            )
        known = list(dict.fromkeys(test.name for test in tests))
        for pattern in self.names:
            if not any(_fits(name, pattern) for name in known):
                raise UsageError(
                    f"no test is called {pattern!r}", hint="there are: " + ", ".join(known)
                )

    def _takes(self, name: str) -> bool:
        return any(_fits(name, pattern) for pattern in self.names)


def _fits(name: str, pattern: str) -> bool:
    # why: a name may hold what a pattern gives a meaning, such as [.
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def run_tests(
    images: Sequence[ImageUnderTest],
    choice: Choice,
    *,
    reporter: Reporter,
    choose: Choose = choose_runner,
) -> TestReport:
    """Run the chosen tests of every image; nothing of them is left running.

    Raises as `Choice.check`.
    """
    choice.check([test for image in images for test in image.tests])
    results: list[TestResult] = []
    for under_test in images:
        tests = choice.select(under_test.tests)
        if tests:
            results += _run_image(under_test.image, tests, choice, reporter, choose)
    return TestReport(results=tuple(results))


def _run_image(
    image: RunnableImage,
    tests: Sequence[Test],
    choice: Choice,
    reporter: Reporter,
    choose: Choose,
) -> list[TestResult]:
    programs = _programs(image, tests, choice, choose)
    config = image.conf.config
    process = (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ()))
    results = []
    with open_workspace(image) as workspace:
        for test in tests:
            reporter.report(PhaseStarted(name=f"test {test.name} ({image.platform})"))
            results.append(
                judge(
                    test,
                    files=workspace.files,
                    programs=programs,
                    platform=str(image.platform),
                    process=process,
                )
            )
    return results


def _programs(
    image: RunnableImage, tests: Sequence[Test], choice: Choice, choose: Choose
) -> Programs | MachineError:
    """What runs the programs of the tests, or why nothing does."""
    if not any(test.starts_something for test in tests):
        return MachineError("nothing is to be run")
    try:
        return ImagePrograms(image=image, chosen=choose(choice.runner, image.platform))
    except MachineError as error:
        return error
