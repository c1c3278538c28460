"""Starting programs: to their end, as a filter, on the terminal, or in place of this process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess  # noqa: TID251  why: this is the one door
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, BinaryIO, NoReturn, Protocol, cast

from nixgen._process.programs import ProcessFailedError, ProcessLimitError, explaining_start
from nixgen._process.pump import Pump, signal_group, wait_exit, wait_group_gone
from nixgen._process.signals import ENDING_SIGNALS, ending_on_signals

DEFAULT_MAX_OUTPUT_BYTES = 256 << 20
_GRACE_S = 5.0
_GONE_S = 1.0
_TAIL_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A program that ended. `exit_code` is -N where signal N ended it.

    `stderr` holds at most the last MiBs of what it wrote there.
    """

    argv: tuple[str, ...]
    exit_code: int
    stdout: bytes
    stderr: str

    def check(self) -> Completed:
        """This, if the program succeeded; else raises ProcessFailedError."""
        if self.exit_code != 0:
            raise ProcessFailedError(self.argv, self.exit_code, self.stderr)
        return self


class Runner(Protocol):
    """How callers run a program to its end: `run` itself, or a fake in tests."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        input: bytes | None = None,  # noqa: A002  why: subprocess's own word
        timeout_s: float | None = None,
        on_stderr_line: Callable[[str], None] | None = None,
        max_output_bytes: int = DEFAULT_MAX_OUTPUT_BYTES,
    ) -> Completed:
        """See `run`."""
        ...


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input: bytes | None = None,  # noqa: A002  why: subprocess's own word
    timeout_s: float | None = None,
    on_stderr_line: Callable[[str], None] | None = None,
    max_output_bytes: int = DEFAULT_MAX_OUTPUT_BYTES,
    grace_s: float = _GRACE_S,
) -> Completed:
    """Run a program to its end, whatever its exit code is.

    `env` is the whole environment (None: this process's own). `on_stderr_line` is called in this
    thread with each line of stderr, without its newline, as it comes. A program that must end
    early has `grace_s` seconds between SIGTERM and SIGKILL.

    Raises MachineError when it can't be started, ProcessLimitError when it runs longer than
    `timeout_s` or writes more than `max_output_bytes` to stdout.
    """
    with ending_on_signals() as signals:
        signals.hold()
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        child = _start(argv, stdin=stdin, stdout=subprocess.PIPE, env=env, cwd=cwd)
        pump = Pump(
            child.pid,
            (child.stdin, child.stdout, child.stderr),
            name=Path(argv[0]).name,
            data=input or b"",
            on_stderr_line=on_stderr_line,
            max_output_bytes=max_output_bytes,
        )
        try:
            signals.release()
            if not pump.until_exit(timeout_s):
                name = Path(argv[0]).name
                raise ProcessLimitError(f"{name} did not end within {timeout_s:g} seconds")
        except BaseException:
            pump.drop_output()
            _end_group(child, pump.until_exit, grace_s)
            raise
        finally:
            _reap(child)
            pump.close()
    pump.finish_lines()
    return Completed(
        argv=tuple(argv),
        exit_code=child.returncode,
        stdout=bytes(pump.stdout),
        stderr=pump.stderr.decode(errors="replace"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A running program that reads what is written to `stdin`."""

    argv: tuple[str, ...]
    stdin: BinaryIO


@contextlib.contextmanager
def open_filter(argv: Sequence[str], *, stdout: BinaryIO | int) -> Iterator[Filter]:
    """Run a program whose output goes to `stdout`, an open file or its descriptor.

    Leaving the context closes the program's stdin and waits for its end. Raises MachineError
    when it can't be started, ProcessFailedError when it fails or stops reading early (in place
    of the broken pipe that the body saw). Any other exception in the body ends the program.
    """
    if not isinstance(stdout, int):
        stdout.flush()
    with ending_on_signals() as signals:
        signals.hold()
        child = _start(argv, stdin=subprocess.PIPE, stdout=stdout)
        stdin, tail = cast(BinaryIO, child.stdin), bytearray()
        reader = threading.Thread(target=_keep_tail, args=(child.stderr, tail), daemon=True)
        reader.start()
        broken = False
        try:
            signals.release()
            try:
                yield Filter(argv=tuple(argv), stdin=stdin)
                stdin.close()
            except BrokenPipeError:
                broken = True
                if not wait_exit(child.pid, _GRACE_S):
                    raise
            wait_exit(child.pid, None)
        except BaseException:
            _end_group(child, lambda grace_s: wait_exit(child.pid, grace_s), _GRACE_S)
            raise
        finally:
            _reap(child)
            with contextlib.suppress(BrokenPipeError):
                stdin.close()
            reader.join(_GRACE_S)
    if child.returncode != 0 or broken:
        raise ProcessFailedError(argv, child.returncode, tail.decode(errors="replace"))


def run_attached(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> int:
    """Run a program on this terminal, with this process's stdin, stdout and stderr.

    It stays in the foreground process group and so gets the terminal's signals itself; SIGTERM
    and SIGHUP are passed on. Gives its exit code, 128 + N where signal N ended it. Raises
    MachineError when it can't be started. For the main thread only.
    """
    child: subprocess.Popen[bytes] | None = None

    def forward(number: int, _frame: FrameType | None) -> None:
        if child is not None and number != signal.SIGINT:
            child.send_signal(number)

    previous = {
        number: signal.signal(number, forward)
        for number in ENDING_SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        with explaining_start(argv, None):
            child = subprocess.Popen(list(argv), env=env)
        exit_code = child.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return 128 - exit_code if exit_code < 0 else exit_code


def replace(argv: Sequence[str]) -> NoReturn:
    """Become another program, in this process. Raises MachineError when it can't be started."""
    with explaining_start(argv, None):
        os.execvp(argv[0], list(argv))  # noqa: S606  why: that is the point
    raise AssertionError("exec returned")


def _start(
    argv: Sequence[str],
    *,
    stdin: int,
    stdout: BinaryIO | int,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    with explaining_start(argv, cwd):
        return subprocess.Popen(
            list(argv),
            env=env,
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )


def _end_group(
    child: subprocess.Popen[bytes], wait: Callable[[float], bool], grace_s: float
) -> None:
    signal_group(child.pid, signal.SIGTERM)
    try:
        wait(grace_s)
    finally:
        signal_group(child.pid, signal.SIGKILL)


def _reap(child: subprocess.Popen[bytes]) -> None:
    # why: before wait() the child's id, and so its group's, can't have been given anew.
    signal_group(child.pid, signal.SIGKILL)
    child.wait()
    wait_group_gone(child.pid, _GONE_S)


def _keep_tail(pipe: IO[bytes], tail: bytearray) -> None:
    with pipe:
        while data := os.read(pipe.fileno(), _TAIL_BYTES):
            tail += data
            del tail[:-_TAIL_BYTES]
