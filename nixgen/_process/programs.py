"""Programs by name, and what to say when one is missing or fails."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from nixgen.errors import MachineError

_TAIL_LINES = 20
_DEBIAN_PACKAGES = {
    "nix": "nix-bin",
    "nix-build": "nix-bin",
    "nix-instantiate": "nix-bin",
    "nix-store": "nix-bin",
    "podman": "podman",
    "bwrap": "bubblewrap",
    "unshare": "util-linux",
    "git": "git",
    "zstd": "zstd",
}


class ProcessFailedError(MachineError):
    """A program ended with a failure. The message holds the last lines of its stderr.

    `program_exit_code` is the program's own, -N for signal N, and 0 for one that stopped reading.
    """

    def __init__(self, argv: Sequence[str], exit_code: int, stderr: str) -> None:
        lines = [line for line in stderr.splitlines() if line.strip()][-_TAIL_LINES:]
        if exit_code == 0:
            how = "ended before it had read all its input"
        elif exit_code < 0:
            how = f"was ended by signal {-exit_code}"
        else:
            how = f"failed with exit code {exit_code}"
        super().__init__("\n".join([f"{Path(argv[0]).name} {how}", *lines]))
        self.argv = tuple(argv)
        self.program_exit_code = exit_code
        self.stderr = stderr


class ProcessLimitError(MachineError):
    """A program was ended because it took too long or wrote too much."""


def find_program(name: str) -> Path | None:
    """Where a program is on PATH, or None."""
    found = shutil.which(name)
    return None if found is None else Path(found)


def missing_program(name: str) -> MachineError:
    """The error for a program that is not there, with the command that installs it."""
    package = _DEBIAN_PACKAGES.get(Path(name).name)
    hint = (
        f"sudo apt-get install {package}  (Debian, Ubuntu)"
        if package
        else f"install {Path(name).name} and put it on PATH"
    )
    return MachineError(f"the program {name!r} was not found", hint=hint)


@contextlib.contextmanager
def explaining_start(argv: Sequence[str], cwd: Path | None) -> Iterator[None]:
    """Turn the failure to start a program into a MachineError that says why."""
    try:
        yield
    except OSError as error:
        if cwd is not None and not cwd.is_dir():
            raise MachineError(f"no folder {cwd} to run {argv[0]} in") from error
        if error.errno == errno.ENOENT:
            raise missing_program(argv[0]) from error
        raise MachineError(f"can't start {argv[0]}: {error.strerror}") from error
