"""`nixgen test`: what the description's tests say about the image."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.groups import BuildOptions, ProgressOptions, grouped
from nixgen.cli.options import DescriptionArgument, JsonOption
from nixgen.cli.output import end, print_json, print_note, print_result, reporting_errors
from nixgen.errors import EXIT_ANSWER_IS_NO, EXIT_DONE, EXIT_MACHINE

if TYPE_CHECKING:
    from nixgen.imagetest import TestReport, TestResult

_DEFAULT = Path("app.toml")
_EXIT_CODES = {"passed": EXIT_DONE, "failed": EXIT_ANSWER_IS_NO, "not-run": EXIT_MACHINE}
_INDENT = " " * 9
_STDERR_LINES = 10
_WORDS = {"passed": "passed ", "failed": "FAILED ", "not-run": "NOT RUN"}


@grouped
def test(
    description: DescriptionArgument = _DEFAULT,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Run this test only; may be repeated, or a pattern such as '*port*'.",
        ),
    ] = None,
    runner: Annotated[
        str | None,
        typer.Option("--runner", "--engine", help="podman, bwrap or unshare; default: what works."),
    ] = None,
    as_json: JsonOption = False,
    *,
    options: BuildOptions,
    told: ProgressOptions,
) -> None:
    """Build the image and run its tests here.

    Exit code 1 when a test failed, 3 when none failed and some could not be run.
    """
    with reporting_errors(as_json=as_json):
        from nixgen.imagetest import Choice
        from nixgen.pipeline.build import layer_cache
        from nixgen.pipeline.state import State
        from nixgen.pipeline.testing import test_image

        request = options.request(description)
        with told.reporting() as reporter:
            outcome, report = test_image(
                request,
                options.nix(reporter),
                Choice(names=tuple(name or ()), runner=runner),
                state=State.of_user(os.environ),
                supply=options.supply(),
                cache=layer_cache(warn=print_note, rehash=False),
            )
        if as_json:
            named = {"name": outcome.name, "tag": outcome.tag, "digest": str(outcome.digest)}
            print_json({**named, **report.as_json()})
        else:
            print_result(_format_report(report))
        end(_EXIT_CODES[report.verdict])


def _format_report(report: TestReport) -> str:
    platform_width = max(len(result.platform) for result in report.results)
    name_width = max(len(result.name) for result in report.results)
    lines: list[str] = []
    told: tuple[object, object] = ((), None)
    for result in report.results:
        lines.append(
            f"{_WORDS[result.verdict]}  {result.platform:{platform_width}}  "
            f"{result.name:{name_width}}  {_format_effort(result)}".rstrip()
        )
        # why: what this machine lacks is the same for all tests of a platform.
        if result.verdict != "not-run" or told != (result.reasons, result.hint):
            lines += [f"{_INDENT}{line}" for line in _format_reasons(result)]
            told = (result.reasons, result.hint)
    counts = f"{report.count('passed')} passed, {report.count('failed')} failed"
    if not_run := report.count("not-run"):
        counts += f", {not_run} not run"
    return "\n".join([*lines, counts])


def _format_reasons(result: TestResult) -> Iterator[str]:
    from nixgen.progress import printable

    for reason in result.reasons:
        yield from reason.splitlines()
    if result.hint:
        yield f"hint: {result.hint}"
    if result.verdict == "failed":
        for line in result.stderr.splitlines()[-_STDERR_LINES:]:
            yield f"stderr: {printable(line)}"


def _format_effort(result: TestResult) -> str:
    by = f", {result.runner}" if result.runner else ""
    return f"{result.duration_s:.2f} s{by}"
