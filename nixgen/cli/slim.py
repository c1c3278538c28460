"""`nixgen slim`: what would make the image smaller, tried out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.groups import BuildOptions, ProgressOptions, grouped
from nixgen.cli.options import DescriptionArgument, JsonOption
from nixgen.cli.output import human_size, print_json, print_note, print_result, reporting_errors
from nixgen.errors import UsageError
from nixgen.platforms import native_platform

if TYPE_CHECKING:
    from nixgen.imagetest import TestReport
    from nixgen.pipeline.prepare import Request
    from nixgen.pipeline.trials import Slimming, Trial, Weighed

_DEFAULT = Path("app.toml")


@grouped
def slim(
    description: DescriptionArgument = _DEFAULT,
    tried: Annotated[
        list[str] | None,
        typer.Option("--try", metavar="NAME", help="Build this alternative; may be repeated."),
    ] = None,
    build: Annotated[
        bool,
        typer.Option("--build", help="Build packages, too; default: only what needs none built."),
    ] = False,
    as_json: JsonOption = False,
    *,
    options: BuildOptions,
    told: ProgressOptions,
) -> None:
    """Try what could make the image smaller, and what its tests say.

    The description is not changed: the lines that would change it are printed.
    """
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline.build import layer_cache
        from nixgen.pipeline.slimming import slim as try_alternatives
        from nixgen.pipeline.trials import Wanted

        request = options.request(description)
        with told.reporting() as reporter:
            slimming = try_alternatives(
                _for_one_platform(request),
                options.nix(reporter),
                Wanted(names=tuple(tried or ()), builds=build),
                supply=options.supply(),
                cache=layer_cache(warn=print_note, rehash=False),
            )
        if as_json:
            print_json(_document(slimming))
        else:
            print_result(_format(slimming))


def _for_one_platform(request: Request) -> Request:
    platforms = request.platforms or request.read_description().platforms(request.profile)
    if len(platforms) == 1:
        return dataclasses.replace(request, platforms=tuple(platforms))
    if request.platforms:
        raise UsageError("--platform names several", hint="try one platform at a time")
    native = native_platform()
    chosen = native if native in platforms else platforms[0]
    return dataclasses.replace(request, platforms=(chosen,))


def _format(slimming: Slimming) -> str:
    now = slimming.described
    lines = [
        f"{slimming.platform} as described: {human_size(now.size_bytes)}, "
        f"{human_size(now.unpacked_bytes)} unpacked, {_tests(now.tests)}"
    ]
    if not slimming.trials:
        return "\n".join([*lines, "there are no alternatives to try"])
    width = max(len(each.alternative.name) for each in slimming.trials)
    for trial in slimming.trials:
        lines += ["", *_format_trial(trial, now, width)]
    if not any(each.saved_bytes > 0 for each in slimming.trials):
        lines += ["", "nothing of what was tried saves anything"]
    return "\n".join(lines)


def _format_trial(trial: Trial, now: Weighed, width: int) -> list[str]:
    name = f"{trial.alternative.name:{width}}"
    found = trial.weighed
    if found is None:
        head = f"{name}  not built: {trial.reason}"
    else:
        head = f"{name}  {human_size(found.size_bytes)}, {_saved(trial, now)}, "
        head += f"{human_size(found.unpacked_bytes)} unpacked, {_tests(found.tests)}"
    lines = [head, f"  {trial.alternative.doc}"]
    failed = found.tests.having(["failed"]) if found is not None and found.tests else ()
    for each in failed:
        reasons = [line for reason in each.reasons for line in reason.splitlines()]
        lines += [f"  FAILED  {each.name}", *(f"          {line}" for line in reasons)]
    return [*lines, *(f"    {line}" for line in trial.lines)]


def _saved(trial: Trial, now: Weighed) -> str:
    if trial.saved_bytes <= 0:
        grown = f", {human_size(-trial.saved_bytes)} more" if trial.saved_bytes else ""
        return f"saves nothing{grown}"
    percent = 100 * trial.saved_bytes / now.size_bytes
    return f"saves {human_size(trial.saved_bytes)} ({percent:.1f} %)"


def _tests(report: TestReport | None) -> str:
    if report is None:
        return "no tests"
    counts = {"passed": "passed", "failed": "FAILED", "not-run": "not run"}
    told = [
        f"{count} {word}"
        for verdict, word in counts.items()
        if (count := sum(each.verdict == verdict for each in report.results))
    ]
    return "tests: " + ", ".join(told)


def _document(slimming: Slimming) -> dict[str, Any]:
    return {
        "platform": slimming.platform,
        "described": _weighed_json(slimming.described),
        "alternatives": [
            {
                "name": trial.alternative.name,
                "doc": trial.alternative.doc,
                "lines": list(trial.lines),
                "saved_bytes": trial.saved_bytes if trial.weighed is not None else None,
                "result": None if trial.weighed is None else _weighed_json(trial.weighed),
                "reason": trial.reason,
            }
            for trial in slimming.trials
        ],
    }


def _weighed_json(weighed: Weighed) -> dict[str, Any]:
    return {
        "size_bytes": weighed.size_bytes,
        "unpacked_bytes": weighed.unpacked_bytes,
        "tests": None if weighed.tests is None else weighed.tests.as_json(),
    }
