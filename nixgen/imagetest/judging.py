"""One test held against one image."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from nixgen.errors import BuildError, MachineError, UsageError
from nixgen.imagetest.files import judge_files
from nixgen.imagetest.ports import judge_port
from nixgen.imagetest.programs import MAX_OUTPUT_BYTES, Programs
from nixgen.imagetest.result import TestResult, head_of
from nixgen.imagetest.texts import judge_text
from nixgen.runtime import STOP_GRACE_S, ImageFiles
from nixgen.spec import Test

_LAST_SIGNAL = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What came of a test's program, and what was wrong with it as far as is known.

    `is_whole` says that its outputs can be judged: it was neither cut off nor given up.
    """

    exit_code: int | None
    stdout: bytes
    stderr: bytes
    reasons: tuple[str, ...]
    is_whole: bool


def judge(
    test: Test,
    *,
    files: ImageFiles,
    programs: Programs | MachineError,
    platform: str,
    process: tuple[str, ...],
    clock: Callable[[], float] = time.monotonic,
) -> TestResult:
    """The result of a test; `programs` is an error where nothing can be run here.

    `process` is what the image runs by itself. Raises nothing but what interrupts this process.
    """
    began = clock()
    command = (test.run or process) if test.starts_something else None
    result = TestResult(
        name=test.name, platform=platform, command=command, runner=None, verdict="passed"
    )
    reasons = judge_files(test, files)
    refused: MachineError | None = None
    if command is not None:
        try:
            result, more = _with_program(test, programs, result, clock)
            reasons += more
        except MachineError as error:
            refused = error
        except (BuildError, UsageError) as error:
            # why: the program is not in the image, or its user is not: the image's own fault.
            reasons.append(error.message)
    result = replace(result, duration_s=clock() - began)
    if reasons:
        return replace(result, verdict="failed", reasons=tuple(reasons))
    if refused is not None:
        reason = (refused.message,)
        return replace(result, verdict="not-run", reasons=reason, hint=refused.hint)
    return result


def _with_program(
    test: Test,
    programs: Programs | MachineError,
    result: TestResult,
    clock: Callable[[], float],
) -> tuple[TestResult, list[str]]:
    if isinstance(programs, MachineError):
        raise programs
    outcome = _serve(test, programs, clock) if test.ports else _run(test, programs)
    reasons = list(outcome.reasons)
    if outcome.is_whole:
        reasons += judge_text("stdout", test.stdout, outcome.stdout)
        reasons += judge_text("stderr", test.stderr, outcome.stderr)
    result = replace(
        result,
        runner=programs.runner,
        exit_code=outcome.exit_code,
        stdout=head_of(outcome.stdout),
        stderr=head_of(outcome.stderr),
    )
    return result, reasons


def _run(test: Test, programs: Programs) -> _Outcome:
    done = programs.capture(test)
    # why: of stderr the last bytes are kept, as many as the limit, however many came.
    overflowed = done.overflowed or len(done.stderr) >= MAX_OUTPUT_BYTES
    passed = _passed_limits(test, timed_out=done.timed_out, overflowed=overflowed)
    return _Outcome(
        exit_code=None if passed else done.exit_code,
        stdout=done.stdout,
        stderr=done.stderr,
        reasons=passed or _wrong_exit(test.exit or 0, done.exit_code),
        is_whole=not passed,
    )


def _serve(test: Test, programs: Programs, clock: Callable[[], float]) -> _Outcome:
    """Start the server, ask its ports, end it, as politely as its outcome counts."""
    with programs.start(test) as server:
        deadline = clock() + test.timeout_ns / 1e9
        reasons: list[str] = []
        for check in test.ports:
            if reasons := judge_port(check, server, deadline, clock=clock):
                break
        exit_code = server.wait(0)
        if reasons and exit_code is not None:
            reasons = [f"{reasons[0]}, with exit code {exit_code}"]
        elif not reasons and exit_code is None and _wants_outcome(test):
            exit_code = server.stop(max(0.0, min(STOP_GRACE_S, deadline - clock())))
        if server.overflowed:
            reasons = list(_passed_limits(test, timed_out=False, overflowed=True))
        answered = not reasons
        if answered and test.exit is not None and exit_code is not None:
            reasons = list(_wrong_exit(test.exit, exit_code))
        return _Outcome(
            exit_code=exit_code,
            stdout=server.stdout,
            stderr=server.stderr,
            reasons=tuple(reasons),
            is_whole=answered,
        )


def _wants_outcome(test: Test) -> bool:
    return any(part is not None for part in (test.exit, test.stdout, test.stderr))


def _passed_limits(test: Test, *, timed_out: bool, overflowed: bool) -> tuple[str, ...]:
    if timed_out:
        return (f"it did not end within {test.timeout_ns / 1e9:g} s and was killed",)
    if overflowed:
        return (f"it wrote more than {MAX_OUTPUT_BYTES >> 20} MiB",)
    return ()


def _wrong_exit(expected: int, got: int) -> tuple[str, ...]:
    if got == expected:
        return ()
    signal = f" (signal {got - 128})" if 128 < got <= 128 + _LAST_SIGNAL else ""
    return (f"exit code {got}{signal}, not {expected}",)
