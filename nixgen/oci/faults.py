"""What the operating system's errors mean to the user, with a hint."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nixgen.errors import BuildError, MachineError, UsageError

_HINTS = {
    errno.ENOSPC: "free space there, or name another place with -o",
    errno.EDQUOT: "your disk quota is used up: free space, or name another place with -o",
    errno.EROFS: "the file system is read-only: name another place with -o",
    errno.EACCES: "you may not write there: name another place with -o",
    errno.EPERM: "you may not write there: name another place with -o",
    errno.EFBIG: "the file system does not take files this large: name another place with -o",
}


@contextmanager
def writing(what: str, path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into a MachineError that says what failed and where."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise MachineError(
            f"can't write {what} to {path}: {reason}", hint=_HINTS.get(error.errno or 0)
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are missing; raises UsageError, OSError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{path} can't be a folder: a file is there") from error


def unreadable(path: str, error: OSError) -> MachineError:
    """The error for a part of a store path that can't be read."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return MachineError(
            f"missing from the store: {path}",
            hint="it may have been garbage collected meanwhile: build again",
        )
    return MachineError(f"can't read {path}: {error.strerror or error}")


def changed(path: str) -> BuildError:
    """The error for a file that is not what it was when its header was written."""
    return BuildError(
        f"{path} changed while it was read",
        hint="nothing may write to a store path: run 'nix-store --verify --check-contents'",
    )
