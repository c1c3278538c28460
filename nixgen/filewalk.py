"""Files below a folder, and what the file system says of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path


def walk_files(place: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything at a place but folders themselves: (relative name, facts), sorted by part.

    A place that is no folder is one file with an empty name. Links are not followed. Raises
    OSError.
    """
    found = place.lstat()
    if stat.S_ISDIR(found.st_mode):
        yield from _walk(os.fspath(place), "")
    else:
        yield "", found


def facts_line(name: str, found: os.stat_result) -> bytes:
    """What tells one state of a file from another, but for its time of change."""
    facts = (found.st_mode, found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev)
    return f"{name}\0{facts}\n".encode("utf-8", "surrogateescape")


def _walk(folder: str, below: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, f"{below}{entry.name}/")
        else:
            yield f"{below}{entry.name}", entry.stat(follow_symlinks=False)
