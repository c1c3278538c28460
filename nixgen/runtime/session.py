"""Running an image to its end: on this terminal, or with its output captured."""

from __future__ import annotations

import contextlib
import signal
import sys
import termios
import threading
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
KILLED = 128 + signal.SIGKILL
"""The exit code of a program that was killed."""

_FORWARDED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


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
    with opened(image, runner, options, args, entrypoint, extra) as (_, launch):
        children: list[_process.Child] = []
        with (
            _terminal_restored(),
            # why: before the program starts: a signal in between would end it instead.
            _forwarding(launch, children) as killed,
            _process.open_child(
                launch.argv,
                stdin=None,
                pass_fds=launch.pass_fds,
                own_session=launch.own_session,
            ) as child,
        ):
            children.append(child)
            if killed.is_set():
                child.kill()
            exit_code = child.wait()
        if killed.is_set():
            return KILLED
        assert exit_code is not None  # noqa: S101  why: no time limit was given
        check(launch, runner, exit_code, "")
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
    with opened(image, runner, options, (), argv, env) as (_, launch):
        done = _process.run_limited(
            launch.argv,
            input=stdin,
            timeout_s=timeout_s,
            max_output_bytes=max_output_bytes,
            pass_fds=launch.pass_fds,
        )
        if not (done.timed_out or done.overflowed):
            check(launch, runner, done.exit_code, done.stderr.decode(errors="replace"))
    return Captured(
        exit_code=done.exit_code,
        stdout=done.stdout,
        stderr=done.stderr,
        timed_out=done.timed_out,
        overflowed=done.overflowed,
    )


@contextlib.contextmanager
def opened(
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


def check(launch: Launch, runner: RunnerInfo, exit_code: int, stderr: str) -> None:
    """Raise MachineError where the runner could not start the program."""
    why = launch.explain(exit_code, stderr)
    if why is not None:
        raise MachineError(
            f"{runner.name} could not start the image's program: {why}",
            hint="try another runner: --runner podman, bwrap or unshare",
        )


@contextlib.contextmanager
def _forwarding(launch: Launch, children: Sequence[_process.Child]) -> Iterator[threading.Event]:
    """Pass on signals; the second that asks for the end kills, and so does time.

    `children` holds the program that runs the launch, once there is one. Gives the event that it
    was killed.
    """
    killed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield killed
        return

    def kill() -> None:
        killed.set()
        launch.kill()
        for child in children:
            child.kill()

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
