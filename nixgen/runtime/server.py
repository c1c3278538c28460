"""Running an image beside this process, within limits, and talking to its ports."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Self

from nixgen import _process
from nixgen.runtime.image import RunnableImage
from nixgen.runtime.network import Network, open_network
from nixgen.runtime.options import Job, Launch, RunOptions
from nixgen.runtime.runners import RunnerInfo
from nixgen.runtime.session import KILLED, STOP_GRACE_S, check, opened

_CHUNK_BYTES = 1 << 16
_CONNECT_TIMEOUT_S = 1.0
_PAUSE_S = 0.02
_SETTLE_S = 5.0


class _Output:
    """A pipe that is read as it fills; `data` holds the first bytes, up to the limit."""

    def __init__(self, max_bytes: int) -> None:
        self.data = bytearray()
        self.on_overflow: Callable[[], None] = lambda: None
        self._max_bytes = max_bytes
        self._read_end, self.write_end = os.pipe()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        overflowed = False
        while chunk := os.read(self._read_end, _CHUNK_BYTES):
            room = self._max_bytes - len(self.data)
            self.data += chunk[:room]
            if len(chunk) > room and not overflowed:
                overflowed = True
                self.on_overflow()
        os.close(self._read_end)

    def close_write_end(self) -> None:
        """Leave the pipe to the program; twice is no error."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def settle(self) -> None:
        """Wait until all that was written is read; nobody is left who could write then."""
        if self._reader is not threading.current_thread():
            self._reader.join(_SETTLE_S)


class Running:
    """A program of an image that runs beside this process.

    `timed_out` and `overflowed` (more output than allowed) say that a limit has ended it.
    """

    def __init__(
        self,
        runner: RunnerInfo,
        launch: Launch,
        child: _process.Child,
        job: Job,
        *,
        outputs: tuple[_Output, _Output],
        timeout_s: float | None,
    ) -> None:
        self.timed_out = False
        self.overflowed = False
        self._runner = runner
        self._launch = launch
        self._child = child
        self._job = job
        self._killed = False
        self._outputs = outputs
        self._timeout_s = timeout_s
        self._held = contextlib.ExitStack()
        self._network: Network | None = None

    def __enter__(self) -> Self:
        for output in self._outputs:
            output.on_overflow = self._end_for_output
        if self._timeout_s is not None:
            timer = threading.Timer(self._timeout_s, self._end_for_time)
            timer.daemon = True
            timer.start()
            self._held.callback(timer.cancel)
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    @property
    def stdout(self) -> bytes:
        """What it has written to stdout so far."""
        return bytes(self._outputs[0].data)

    @property
    def stderr(self) -> bytes:
        """What it has written to stderr so far."""
        return bytes(self._outputs[1].data)

    def signal(self, number: int) -> None:
        """Pass a signal to it."""
        self._launch.signal(number)

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Its exit code, when its output is all there; None when time is up first.

        Raises MachineError where the runner could not start it.
        """
        exit_code = self._child.wait(timeout_s)
        if exit_code is None:
            return None
        self._launch.kill()
        for output in self._outputs:
            output.settle()
        if self._killed:
            return KILLED
        check(self._launch, self._runner, exit_code, self.stderr.decode(errors="replace"))
        return exit_code

    def stop(self, grace_s: float = STOP_GRACE_S) -> int:
        """Ask it to end by the image's stop signal, kill it after the grace; its exit code."""
        if (exit_code := self.wait(0)) is not None:
            return exit_code
        self._launch.signal(self._job.command.stop_signal)
        if (exit_code := self.wait(grace_s)) is not None:
            return exit_code
        self._kill()
        self.wait()
        return KILLED

    def connect(self, port: int, timeout_s: float = _CONNECT_TIMEOUT_S) -> socket.socket:
        """A TCP connection to a port of its loopback device, with or without `network`.

        Raises OSError where nobody listens there (yet), MachineError where its network can't be
        reached.
        """
        if self._network is None:
            pid = self._launch.pid()
            if pid is None:
                raise ConnectionRefusedError("it has not started yet")
            self._network = self._held.enter_context(open_network(pid))
        return self._network.connect(port, timeout_s)

    def wait_for_port(self, port: int, timeout_s: float) -> bool:
        """Whether it takes TCP connections before time is up or it ends."""
        deadline = time.monotonic() + timeout_s
        while self.wait(0) is None:
            with contextlib.suppress(OSError), self.connect(port):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE_S)
        return False

    def _kill(self) -> None:
        self._killed = True
        self._launch.kill()
        self._child.kill()

    def _end_for_time(self) -> None:
        self.timed_out = True
        self._kill()

    def _end_for_output(self) -> None:
        # why: not by the thread that reads: until the end of the program, its pipes are emptied.
        self.overflowed = True
        killer = threading.Thread(target=self._kill, daemon=True)
        killer.start()
        self._held.callback(killer.join)


@contextlib.contextmanager
def start(
    image: RunnableImage,
    runner: RunnerInfo,
    argv: Sequence[str] | None = None,
    *,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    network: bool = True,
    read_only: bool = True,
    timeout_s: float | None = None,
    max_output_bytes: int = _process.DEFAULT_MAX_OUTPUT_BYTES,
) -> Iterator[Running]:
    """Run a program of the image while the body runs, its own process where `argv` is None.

    It is killed when the body ends, with all it has started, or when it passes a limit: of its
    time, or of what it writes to stdout or stderr. Raises as `make_command`.
    """
    options = RunOptions(network=network, read_only=read_only)
    with (
        _outputs(max_output_bytes) as (out, err),
        opened(image, runner, options, args, argv, env) as (job, launch),
        _process.open_child(
            launch.argv, stdout=out.write_end, stderr=err.write_end, pass_fds=launch.pass_fds
        ) as child,
    ):
        out.close_write_end()
        err.close_write_end()
        with Running(
            runner, launch, child, job, outputs=(out, err), timeout_s=timeout_s
        ) as running:
            yield running


@contextlib.contextmanager
def _outputs(max_bytes: int) -> Iterator[tuple[_Output, _Output]]:
    out, err = _Output(max_bytes), _Output(max_bytes)
    try:
        yield out, err
    finally:
        for output in (out, err):
            output.close_write_end()
            output.settle()
