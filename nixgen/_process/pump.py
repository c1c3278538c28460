"""Bytes between a running program's pipes and memory, all pipes at once, until it ends."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections.abc import Callable
from typing import IO

from nixgen._process.programs import ProcessLimitError

_STDERR_KEPT_BYTES = 4 << 20
_LONGEST_LINE_BYTES = 1 << 20
_PIPE_BYTES = 1 << 16


def wait_exit(pid: int, timeout_s: float | None) -> bool:
    """Wait until a child has ended, without reaping it; False when time is up first."""
    descriptor = os.pidfd_open(pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            return bool(selector.select(timeout_s))
    finally:
        os.close(descriptor)


def signal_group(pid: int, number: int) -> None:
    """Signal the process group of a child that has not been reaped; none left is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def wait_group_gone(group: int, timeout_s: float) -> None:
    """Wait until no process of a killed group is left, as long as it takes within the limit.

    why: a killed process lives on for a moment, and nothing reports the end of one that is not
    this process's child.
    """
    deadline = time.monotonic() + timeout_s
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.001)


class Pump:
    """Feeds a program's stdin and collects its stdout and stderr, the latter also by line.

    `stdout` is kept whole up to `max_output_bytes`, `stderr` its last 4 MiB.
    """

    def __init__(
        self,
        pid: int,
        pipes: tuple[IO[bytes] | None, IO[bytes] | None, IO[bytes] | None],
        *,
        name: str,
        data: bytes,
        on_stderr_line: Callable[[str], None] | None,
        max_output_bytes: int,
    ) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self._pid = pid
        self._name = name
        self._pipes = pipes
        self._input = memoryview(data)
        self._on_line = on_stderr_line
        self._max_output_bytes = max_output_bytes
        self._line = bytearray()
        self._quiet = False
        self._exit = os.pidfd_open(pid)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._exit, selectors.EVENT_READ, self._on_exit)
        stdin, stdout, stderr = pipes
        for pipe, event, action in (
            (stdin, selectors.EVENT_WRITE, self._write_stdin),
            (stdout, selectors.EVENT_READ, self._read_stdout),
            (stderr, selectors.EVENT_READ, self._read_stderr),
        ):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, event, action)

    def until_exit(self, timeout_s: float | None) -> bool:
        """Pump until the program has ended and its pipes are empty; False when time is up.

        The end of the program counts, not that of its pipes, which a program that it left in
        the background may hold open; such a program is ended too.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = self._selector.select(left)
            ended = any(key.fd == self._exit for key, _ in ready)
            moved = [key.data(key.fileobj) for key, _ in ready]
            if ended and not any(moved):
                return True
            if left == 0 and not ended:
                return False

    def drop_output(self) -> None:
        """From now on throw away what comes and call nobody: the program is being ended."""
        self._quiet = True

    def finish_lines(self) -> None:
        """Hand over a last line that has no newline."""
        line, self._line = self._line, bytearray()
        if line:
            self._emit(line)

    def close(self) -> None:
        """Close the program's pipes."""
        self._selector.close()
        os.close(self._exit)
        for pipe in self._pipes:
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _on_exit(self, _pidfd: int) -> bool:
        signal_group(self._pid, signal.SIGKILL)
        return False

    def _write_stdin(self, pipe: IO[bytes]) -> bool:
        try:
            written = os.write(pipe.fileno(), self._input[:_PIPE_BYTES])
        except BlockingIOError:
            return False
        except BrokenPipeError:
            written = len(self._input)
        self._input = self._input[written:]
        if not self._input:
            self._selector.unregister(pipe)
            pipe.close()
        return False

    def _read_stdout(self, pipe: IO[bytes]) -> bool:
        data = self._read(pipe)
        if self._quiet:
            return bool(data)
        self.stdout += data
        if len(self.stdout) > self._max_output_bytes:
            raise ProcessLimitError(f"{self._name} wrote more than {self._max_output_bytes} bytes")
        return bool(data)

    def _read_stderr(self, pipe: IO[bytes]) -> bool:
        data = self._read(pipe)
        if self._quiet:
            return bool(data)
        self.stderr += data
        if len(self.stderr) > 2 * _STDERR_KEPT_BYTES:
            del self.stderr[:-_STDERR_KEPT_BYTES]
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._emit(line)
        if len(self._line) > _LONGEST_LINE_BYTES:
            self.finish_lines()
        return bool(data)

    def _emit(self, line: bytearray) -> None:
        if self._on_line is not None:
            self._on_line(line.decode(errors="replace"))

    def _read(self, pipe: IO[bytes]) -> bytes:
        try:
            data = os.read(pipe.fileno(), _PIPE_BYTES)
        except BlockingIOError:
            return b""
        if not data:
            self._selector.unregister(pipe)
        return data
