"""Keeping the layer cache bounded: what it holds, and dropping what was used longest ago.

A run that uses the cache holds a shared lock on its file `lock` for as long as it may need a
blob; who drops blobs holds it alone. An entry's time is that of its last use.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.digest import Digest
from nixgen.errors import UsageError

DEFAULT_MAX_BYTES = 10_000_000_000
"""What a run leaves the cache at most, unless the user says otherwise."""
BOUND_VARIABLE = "NIXGEN_CACHE_MAX_SIZE"
"""The environment variable in which the user does."""

_SIZE = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,3}))? ?([kKMGT]?)(i?)B?")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}

LOCK = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedBlob:
    """One blob of a cache; `last_used_s` is POSIX time, and None where no entry names the blob."""

    path: Path
    size_bytes: int
    last_used_s: float | None
    entries: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheContent:
    """What a cache holds: its blobs, longest unused first, and what stands for none of them."""

    folder: Path
    blobs: tuple[CachedBlob, ...]
    leftovers: tuple[Path, ...]

    @property
    def size_bytes(self) -> int:
        """The blobs, in sum."""
        return sum(blob.size_bytes for blob in self.blobs)

    def as_json(self) -> dict[str, Any]:
        """The document of `nixgen cache info --json`."""
        used = [blob.last_used_s for blob in self.blobs if blob.last_used_s is not None]
        return {
            "folder": str(self.folder),
            "layers": len(self.blobs),
            "size_bytes": self.size_bytes,
            "oldest_use": int(min(used)) if used else None,
            "newest_use": int(max(used)) if used else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What pruning did. Bytes that a layout shares by a hard link stay on the disk with it."""

    removed_layers: int
    removed_bytes: int
    kept_layers: int
    kept_bytes: int

    def as_json(self) -> dict[str, Any]:
        """The document of `nixgen cache prune --json`."""
        return {
            "removed_layers": self.removed_layers,
            "removed_bytes": self.removed_bytes,
            "kept_layers": self.kept_layers,
            "kept_bytes": self.kept_bytes,
        }


def read_entry(place: Path) -> bytes:
    """The bytes of an entry; raises OSError, also where a pipe would be waited for."""
    file = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(file, "rb") as entry:
        return entry.read()


def user_bound(environ: Mapping[str, str]) -> int:
    """The most bytes that the user lets the cache keep; raises UsageError."""
    text = environ.get(BOUND_VARIABLE, "")
    if not text:
        return DEFAULT_MAX_BYTES
    try:
        return parse_size(text)
    except UsageError as error:
        raise UsageError(f"{BOUND_VARIABLE}: {error.message}", hint=error.hint) from None


def parse_size(text: str) -> int:
    """A size in bytes: `500MB`, `1.5 GiB`, `0`; raises UsageError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a size", hint="write it as 500MB, 2GB or 1.5GiB")
    whole, fraction, unit, binary = match.groups()
    scale: int = (1024 if binary else 1000) ** _POWERS[unit.lower()]
    part = int(fraction) * scale // 10 ** len(fraction) if fraction else 0
    return int(whole) * scale + part


def open_lock(folder: Path) -> int:
    """Open the lock of the cache at `folder` (with its format's name); raises OSError."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(folder / LOCK, flags)
    except FileNotFoundError:
        return os.open(folder / LOCK, flags | os.O_CREAT, 0o644)


def read_content(folder: Path) -> CacheContent:
    """What the cache at `folder` holds; nothing where it is not there. Raises OSError."""
    named: dict[str, list[tuple[float, Path]]] = {}
    leftovers: list[Path] = []
    for path in _files(folder / "entries"):
        name = _blob_name(path)
        if name is None:
            leftovers.append(path)
            continue
        with contextlib.suppress(FileNotFoundError):
            named.setdefault(name, []).append((path.stat().st_mtime, path))
    blobs = []
    for path in _files(folder / "blobs"):
        uses = named.pop(path.name, [])
        with contextlib.suppress(FileNotFoundError):
            blobs.append(
                CachedBlob(
                    path=path,
                    size_bytes=path.lstat().st_size,
                    last_used_s=max((used for used, _ in uses), default=None),
                    entries=tuple(entry for _, entry in uses),
                )
            )
    leftovers += [entry for uses in named.values() for _, entry in uses]
    leftovers += _files(folder / "tmp")
    blobs.sort(key=lambda blob: (blob.last_used_s or 0.0, blob.path.name))
    return CacheContent(folder=folder, blobs=tuple(blobs), leftovers=tuple(sorted(leftovers)))


def size_of_blobs(folder: Path) -> int:
    """The size in bytes of all blobs, without a look at what they are; raises OSError."""
    total = 0
    with os.scandir(folder / "blobs") as found:
        for entry in found:
            with contextlib.suppress(FileNotFoundError):
                total += entry.stat(follow_symlinks=False).st_size
    return total


def prune(folder: Path, *, max_bytes: int | None, older_than_s: float | None) -> Pruned:
    """Drop what no entry names, what was not used for `older_than_s`, and then what was used
    longest ago until at most `max_bytes` are left. The caller holds the lock. Raises OSError.
    """
    content = read_content(folder)
    for path in content.leftovers:
        _remove(path)
    limit = None if older_than_s is None else time.time() - older_than_s
    left = content.size_bytes
    removed: list[CachedBlob] = []
    for blob in content.blobs:
        unused = blob.last_used_s is None or (limit is not None and blob.last_used_s < limit)
        if unused or (max_bytes is not None and left > max_bytes):
            # why: an entry without a blob is harmless, but tells of nothing.
            for path in (*blob.entries, blob.path):
                _remove(path)
            left -= blob.size_bytes
            removed.append(blob)
    return Pruned(
        removed_layers=len(removed),
        removed_bytes=sum(blob.size_bytes for blob in removed),
        kept_layers=len(content.blobs) - len(removed),
        kept_bytes=left,
    )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def holding_alone(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the cache's lock against every run that uses it; gives whether it was free.

    With `wait` it is waited for. Raises OSError.
    """
    file = open_lock(folder)
    try:
        yield _lock_alone(file, wait=wait)
    finally:
        os.close(file)


def _lock_alone(file: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _blob_name(entry: Path) -> str | None:
    """The blob that an entry is about; None where the entry is damaged."""
    try:
        return Digest.parse(json.loads(read_entry(entry))["digest"]).hex
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
