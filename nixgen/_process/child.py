"""Programs that run beside this process, and programs whose limits are an answer, not an error."""

from __future__ import annotations

import contextlib
import os
import subprocess  # noqa: TID251  why: part of the one door
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nixgen._process.programs import ProcessLimitError, explaining_start
from nixgen._process.pump import Pump, signal_group, wait_exit
from nixgen._process.signals import ending_on_signals


class Child:
    """A program that runs beside this process."""

    def __init__(self, process: subprocess.Popen[bytes], *, own_session: bool) -> None:
        self._process = process
        self._own_session = own_session
        self.pid = process.pid

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Its exit code, 128 + N where signal N ended it; None when time is up first."""
        if self._process.returncode is None:
            if not wait_exit(self.pid, timeout_s):
                return None
            self._reap()
        code = self._process.returncode
        return 128 - code if code < 0 else code

    def signal(self, number: int) -> None:
        """Signal the program alone; one that has ended is no error."""
        if self._process.returncode is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it and what it started, at once."""
        if self._process.returncode is None:
            if self._own_session:
                signal_group(self.pid, 9)
            self._process.kill()

    def _reap(self) -> None:
        # why: before wait() the child's id, and so its group's, can't have been given anew.
        if self._own_session:
            signal_group(self.pid, 9)
        self._process.wait()

    def close(self) -> None:
        """Kill it if it still runs, and wait for its end."""
        self.kill()
        if self._process.returncode is None:
            self._reap()


@contextlib.contextmanager
def open_child(
    argv: Sequence[str],
    *,
    stdin: BinaryIO | int | None = subprocess.DEVNULL,
    stdout: BinaryIO | int | None = None,
    stderr: BinaryIO | int | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    own_session: bool = True,
) -> Iterator[Child]:
    """Run a program while the body runs; what is left of it is killed when the body ends.

    Streams are open files, descriptors, or None for this process's own. With `own_session` the
    terminal's signals don't reach it. Raises MachineError when it can't be started.
    """
    with ending_on_signals() as signals:
        signals.hold()
        with explaining_start(argv, None):
            process = subprocess.Popen(
                list(argv),
                env=env,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=tuple(pass_fds),
                start_new_session=own_session,
            )
        child = Child(process, own_session=own_session)
        try:
            signals.release()
            yield child
        finally:
            child.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """What came of a program that had limits.

    `exit_code` is 128 + N where signal N ended it (so 137 where a limit did). `stdout` is cut at
    the limit; `stderr` holds the last bytes, at most as many as the limit, or 4 MiB if that is
    less.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool
    overflowed: bool


def run_limited(
    argv: Sequence[str],
    *,
    input: bytes = b"",  # noqa: A002  why: subprocess's own word
    timeout_s: float,
    max_output_bytes: int,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Limited:
    """Run a program; one that passes a limit is killed at once, and what it wrote is kept.

    Raises MachineError when it can't be started.
    """
    pipe = subprocess.PIPE
    timed_out = overflowed = False
    with ending_on_signals() as signals:
        signals.hold()
        with explaining_start(argv, None):
            process = subprocess.Popen(
                list(argv),
                env=env,
                stdin=pipe if input else subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
            )
        child = Child(process, own_session=True)
        pump = Pump(
            process.pid,
            (process.stdin, process.stdout, process.stderr),
            name=Path(argv[0]).name,
            data=input,
            on_stderr_line=None,
            max_output_bytes=max_output_bytes,
        )
        try:
            signals.release()
            timed_out = not pump.until_exit(timeout_s)
        except ProcessLimitError:
            overflowed = True
        finally:
            child.close()
            pump.close()
    exit_code = child.wait()
    assert exit_code is not None  # noqa: S101  why: close() has waited for it
    return Limited(
        exit_code=exit_code,
        stdout=bytes(pump.stdout[:max_output_bytes]),
        stderr=bytes(pump.stderr[-max_output_bytes:]),
        timed_out=timed_out,
        overflowed=overflowed,
    )


def wait_until_gone(pid: int, timeout_s: float) -> bool:
    """Wait for the end of a process that may be nobody's child here; False when time is up."""
    try:
        return wait_exit(pid, timeout_s)
    except ProcessLookupError:
        return True


def child_pids(pid: int) -> tuple[int, ...]:
    """The children of a process, oldest first; none when it is gone or the kernel can't say."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return ()
    return tuple(int(word) for word in text.split())


def signal_process(pid: int, number: int) -> None:
    """Signal any process; one that has ended is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
