"""Unfinished work lies aside, under a name of its own, and is renamed when it is whole.

What is aside is locked while it is in use, so that a run that was killed leaves something that
later runs can tell from the work of a living one, and remove.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

MARK = ".nixgen-"
"""What the names of unfinished things hold."""

_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIVATE = 0o700


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on a folder or file against other runs; waits for it. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def aside(dest: Path, *, folder: bool) -> Iterator[Path]:
    """An empty folder or file beside `dest`, to be renamed to it; else gone afterwards.

    Its mode is what the umask leaves, as with anything that a program makes. Raises OSError.
    """
    with _made(dest.parent, f".{dest.name}{MARK}", folder=folder, mode=0o777) as place:
        yield place


@contextlib.contextmanager
def scratch_folder(parent: Path | None = None, *, prefix: str = "nixgen-work-") -> Iterator[Path]:
    """A folder for the user alone, gone afterwards; `parent` None is the usual temporary folder.

    Raises OSError.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    with _made(parent, prefix, folder=True, mode=_PRIVATE) as place:
        yield place


@contextlib.contextmanager
def _made(parent: Path, prefix: str, *, folder: bool, mode: int) -> Iterator[Path]:
    _sweep(parent, prefix)
    with contextlib.ExitStack() as stack:
        place = None
        while place is None:
            place = _try_to_make(parent, prefix, stack, folder=folder, mode=mode)
        yield place


def _try_to_make(
    parent: Path, prefix: str, stack: contextlib.ExitStack, *, folder: bool, mode: int
) -> Path | None:
    """Make a place and lock it; None where its name was taken, or another run swept it away."""
    place = parent / f"{prefix}{os.urandom(4).hex()}"
    try:
        if folder:
            place.mkdir(mode=mode)
        else:
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o666))
    except FileExistsError:
        return None
    stack.callback(_remove, place)
    try:
        descriptor = os.open(place, _READ_FLAGS)
    except FileNotFoundError:
        return None
    stack.callback(os.close, descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        alive = os.path.samestat(place.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return None
    return place if alive else None


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        _open_folders(place)
        shutil.rmtree(place, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)


def _open_folders(top: Path) -> None:
    """Give every folder the bits that emptying it takes."""
    with contextlib.suppress(OSError):
        top.chmod(_PRIVATE)
    for current, names, _ in os.walk(top):
        for name in names:
            place = Path(current) / name
            if not place.is_symlink():
                with contextlib.suppress(OSError):
                    place.chmod(_PRIVATE)


def _sweep(parent: Path, prefix: str) -> None:
    """Remove what killed runs left under such names: their locks are free."""
    try:
        found = sorted(path for path in parent.iterdir() if path.name.startswith(prefix))
    except OSError:
        # why: what can't be listed may still take new files.
        return
    for place in found:
        with contextlib.suppress(OSError):
            descriptor = os.open(place, _READ_FLAGS | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # why: in a folder that many users share, another's is not ours to touch.
                if os.fstat(descriptor).st_uid == os.geteuid():
                    _remove(place)
            finally:
                os.close(descriptor)
