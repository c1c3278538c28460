"""How an image is run: what the caller may choose, and what a runner makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nixgen.runtime.command import Command
from nixgen.runtime.image import RunnableImage
from nixgen.runtime.root import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Isolation of one run.

    `network`: the machine's own network, else only a loopback device of its own. `read_only`:
    the root can't be written, but for /tmp and the image's volumes. `tty`: the program gets this
    terminal as its controlling one. `interactive`: it reads this process's stdin or given bytes.
    """

    network: bool = False
    read_only: bool = True
    tty: bool = False
    interactive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that a runner needs to know about one run."""

    image: RunnableImage
    command: Command
    workspace: Workspace
    options: RunOptions

    @property
    def has_tmp(self) -> bool:
        """Whether the image has a /tmp, which then is empty and in memory."""
        tmp = self.workspace.root / "tmp"
        return tmp.is_dir() and not tmp.is_symlink()


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A program of this machine that runs the job: `argv`, started by the caller.

    `pass_fds` are descriptors that it inherits; with `own_session` it is apart from the terminal.
    `signal` passes a signal to the image's program, `kill` ends it; both may be called at any
    time. `pid` is a process in its namespaces, None where none is known (yet). `explain` says why
    nothing ran, given the exit code and stderr; None where it did run.
    """

    argv: tuple[str, ...]
    pass_fds: tuple[int, ...] = ()
    own_session: bool = True
    signal: Callable[[int], None]
    kill: Callable[[], None]
    pid: Callable[[], int | None]
    explain: Callable[[int, str], str | None]
