"""Results are made aside, beside their place, and renamed when they are whole.

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

    Raises OSError.
    """
    with contextlib.ExitStack() as stack:
        # why: else another run may take it for abandoned between its making and its locking.
        with locked(dest.parent):
            _sweep(dest)
            place = _make(dest, folder=folder)
            stack.enter_context(locked(place))
        try:
            yield place
        finally:
            _remove(place)


def _make(dest: Path, *, folder: bool) -> Path:
    if folder:
        return Path(tempfile.mkdtemp(prefix=_prefix(dest), dir=dest.parent))
    descriptor, name = tempfile.mkstemp(prefix=_prefix(dest), dir=dest.parent)
    os.close(descriptor)
    return Path(name)


def _prefix(dest: Path) -> str:
    return f".{dest.name}{MARK}"


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)


def _sweep(dest: Path) -> None:
    """Remove what killed runs left beside `dest`: their locks are free."""
    for place in sorted(dest.parent.iterdir()):
        if not place.name.startswith(_prefix(dest)):
            continue
        with contextlib.suppress(OSError):
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(place)
            finally:
                os.close(descriptor)
