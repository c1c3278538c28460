"""Running an image: on this terminal, with its output captured, or beside this process."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

from nixgen import _process
from nixgen.errors import MachineError
from nixgen.runtime.command import make_command
from nixgen.runtime.image import ImageProcess, RunnableImage
from nixgen.runtime.options import Job, Launch, RunOptions
from nixgen.runtime.root import open_workspace
from nixgen.runtime.runners import RunnerInfo

STOP_GRACE_S = 10.0
"""How long a program may take to end after it was asked to, as engines have it."""

_FORWARDED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_KILLED = 128 + signal.SIGKILL
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What came of a program in an image.

    `exit_code` is 128 + N where signal N ended it. `timed_out` and `overflowed` (more output
    than allowed) mean that it was killed; what it had written until then is kept.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool
    overflowed: bool


def run(
    image: RunnableImage,
    runner: RunnerInfo,
    *,
    args: Sequence[str] = (),
    entrypoint: Sequence[str] | None = None,
    env: Mapping[str, str] | None = None,
    network: bool = True,
    read_only: bool = True,
    tty: bool = False,
) -> int:
    """Run the image's process with this process's stdin, stdout and stderr; gives its exit code.

    SIGINT, SIGTERM and the like go to the program; it is killed on the second, or when it has not
    ended STOP_GRACE_S after the first. For the main thread. Raises as `make_command`, and
    MachineError where the runner fails.
    """
    options = RunOptions(network=network, read_only=read_only, tty=tty, interactive=True)
    extra = {"TERM": "xterm", **(env or {})} if tty else env
    with _opened(image, runner, options, args, entrypoint, extra) as (_, launch):
        with (
            _terminal_restored(),
            _process.open_child(
                launch.argv,
                stdin=None,
                pass_fds=launch.pass_fds,
                own_session=launch.own_session,
            ) as child,
            _forwarding(launch, child) as killed,
        ):
            exit_code = child.wait()
        if killed.is_set():
            return _KILLED
        assert exit_code is not None  # noqa: S101  why: no time limit was given
        _check(launch, runner, exit_code, "")
        return exit_code


def capture(
    image: RunnableImage,
    runner: RunnerInfo,
    argv: Sequence[str] | None = None,
    *,
    timeout_s: float,
    max_output_bytes: int,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    network: bool = False,
    read_only: bool = True,
) -> Captured:
    """Run one program of the image to its end, within limits; `argv` None is its own process.

    `argv[0]` is looked for as the image's process would. Nothing of it is left running. Raises as
    `make_command`, and MachineError where the runner fails.
    """
    options = RunOptions(network=network, read_only=read_only, interactive=bool(stdin))
    with _opened(image, runner, options, (), argv, env) as (_, launch):
        done = _process.run_limited(
            launch.argv,
            input=stdin,
            timeout_s=timeout_s,
            max_output_bytes=max_output_bytes,
            pass_fds=launch.pass_fds,
        )
        if not (done.timed_out or done.overflowed):
            _check(launch, runner, done.exit_code, done.stderr.decode(errors="replace"))
    return Captured(
        exit_code=done.exit_code,
        stdout=done.stdout,
        stderr=done.stderr,
        timed_out=done.timed_out,
        overflowed=done.overflowed,
    )


class Running:
    """A program of an image that runs beside this process."""

    def __init__(
        self,
        runner: RunnerInfo,
        launch: Launch,
        child: _process.Child,
        job: Job,
    ) -> None:
        self._runner = runner
        self._killed = False
        self._launch = launch
        self._child = child
        self._job = job
        self._stdout = job.workspace.folder / "stdout"
        self._stderr = job.workspace.folder / "stderr"

    @property
    def stdout(self) -> bytes:
        """What it has written to stdout so far."""
        return self._stdout.read_bytes()

    @property
    def stderr(self) -> bytes:
        """What it has written to stderr so far."""
        return self._stderr.read_bytes()

    def signal(self, number: int) -> None:
        """Pass a signal to it."""
        self._launch.signal(number)

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Its exit code; None when time is up first.

        Raises MachineError where the runner could not start it.
        """
        exit_code = self._child.wait(timeout_s)
        if exit_code is None or self._killed:
            return None if exit_code is None else _KILLED
        _check(self._launch, self._runner, exit_code, self.stderr.decode(errors="replace"))
        return exit_code

    def stop(self, grace_s: float = STOP_GRACE_S) -> int:
        """Ask it to end by the image's stop signal, kill it after the grace; its exit code."""
        if (exit_code := self.wait(0)) is not None:
            return exit_code
        self._launch.signal(self._job.command.stop_signal)
        if (exit_code := self.wait(grace_s)) is not None:
            return exit_code
        self._killed = True
        _kill(self._launch, self._child)
        self._child.wait()
        return _KILLED

    def wait_for_port(self, port: int, timeout_s: float, host: str = "127.0.0.1") -> bool:
        """Whether it takes TCP connections before time is up or it ends; needs `network`."""
        deadline = time.monotonic() + timeout_s
        while self.wait(0) is None:
            with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE_S)
        return False


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
) -> Iterator[Running]:
    """Run a program of the image while the body runs, its own process where `argv` is None.

    It is killed when the body ends, with all it has started. Raises as `make_command`.
    """
    options = RunOptions(network=network, read_only=read_only)
    with (
        _opened(image, runner, options, args, argv, env) as (job, launch),
        (job.workspace.folder / "stdout").open("wb") as out,
        (job.workspace.folder / "stderr").open("wb") as err,
        _process.open_child(launch.argv, stdout=out, stderr=err, pass_fds=launch.pass_fds) as child,
    ):
        yield Running(runner, launch, child, job)


@contextlib.contextmanager
def _opened(
    image: RunnableImage,
    runner: RunnerInfo,
    options: RunOptions,
    args: Sequence[str],
    entrypoint: Sequence[str] | None,
    env: Mapping[str, str] | None,
) -> Iterator[tuple[Job, Launch]]:
    """Make a run ready; afterwards nothing of it is left, however it ended."""
    with _process.ending_on_signals(), open_workspace(image) as workspace:
        process = ImageProcess.of(image, workspace.files)
        command = make_command(process, workspace.files, entrypoint=entrypoint, args=args, env=env)
        job = Job(image=image, command=command, workspace=workspace, options=options)
        with runner.open(job) as launch:
            try:
                yield job, launch
            finally:
                launch.kill()


def _check(launch: Launch, runner: RunnerInfo, exit_code: int, stderr: str) -> None:
    why = launch.explain(exit_code, stderr)
    if why is not None:
        raise MachineError(
            f"{runner.name} could not start the image's program: {why}",
            hint="try another runner: --runner podman, bwrap or unshare",
        )


@contextlib.contextmanager
def _forwarding(launch: Launch, child: _process.Child) -> Iterator[threading.Event]:
    """Pass on signals; the second that asks for the end kills, and so does time.

    Gives the event that it was killed.
    """
    killed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield killed
        return

    def kill() -> None:
        killed.set()
        _kill(launch, child)

    timer = threading.Timer(STOP_GRACE_S, kill)
    timer.daemon = True

    def forward(number: int, _frame: FrameType | None) -> None:
        if number in _ENDING:
            if timer.ident is not None:
                threading.Thread(target=kill, daemon=True).start()
                return
            timer.start()
        # why: what is in the terminal's foreground has got these from it already.
        has_it = not launch.own_session and number in (signal.SIGINT, signal.SIGQUIT)
        if not (has_it and sys.stdin.isatty()):
            threading.Thread(target=launch.signal, args=(number,), daemon=True).start()

    previous = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        yield killed
    finally:
        timer.cancel()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _kill(launch: Launch, child: _process.Child) -> None:
    launch.kill()
    child.kill()


@contextlib.contextmanager
def _terminal_restored() -> Iterator[None]:
    """A program that was killed may have left the terminal in raw mode."""
    try:
        before = termios.tcgetattr(0)
    except (termios.error, OSError):
        yield
        return
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
