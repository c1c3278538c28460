"""Blobs: bytes with a digest, made once, then linked or copied to where they are wanted."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from nixgen.digest import Digest

# why: FICLONE of <linux/fs.h>; Python gives it no name before 3.13.
_FICLONE = 0x40049409
_COPY_BYTES = 64 << 20
# why: a blob is named by its bytes; the umask takes bits from this as from any other mode.
_READ_ONLY = 0o444
# why: what the two system calls say where a file system, or a pair of them, can't.
_CANNOT = {
    errno.EXDEV,
    errno.EPERM,
    errno.EACCES,
    errno.EMLINK,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTTY,
    errno.ETXTBSY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed:
    """Digest and size of a stream of bytes."""

    digest: Digest
    size_bytes: int


class Summing:
    """A sink that counts and hashes what passes through, and hands it to an open file."""

    def __init__(self, file: int | None = None) -> None:
        self._file = file
        self._state = hashlib.sha256()
        self._size_bytes = 0

    def __call__(self, data: memoryview | bytes) -> None:
        """Take the next bytes; raises OSError of the file's write."""
        self._state.update(data)
        self._size_bytes += len(data)
        if self._file is not None:
            write_all(self._file, data)

    def summed(self) -> Summed:
        """What passed so far."""
        return Summed(digest=Digest(self._state.hexdigest()), size_bytes=self._size_bytes)


def new_blob(folder: Path, prefix: str) -> tuple[int, Path]:
    """A file of a name that is free, open for writing once: its mode has no w; raises OSError."""
    while True:
        place = folder / f"{prefix}{os.urandom(4).hex()}"
        with contextlib.suppress(FileExistsError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            return os.open(place, flags, _READ_ONLY), place


def write_all(file: int, data: memoryview | bytes) -> None:
    """Write all bytes to a file descriptor, however many calls it takes; raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def place_blob(source: Path, destination: Path) -> None:
    """Make `destination`, which must not exist, hold the bytes of `source`.

    By a hard link where that is possible and lets the same users read it as may look into the
    folder, else by sharing extents, else by copying. Raises OSError; no part of a file is left
    behind then.
    """
    mode = _READ_ONLY & destination.parent.stat().st_mode
    if stat.S_IMODE(source.stat().st_mode) == mode:
        try:
            os.link(source, destination)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
        else:
            return
    copy_blob(source, destination, mode=mode)


def copy_blob(source: Path, destination: Path, *, mode: int) -> None:
    """Copy a file's bytes and time into a new file of that mode by the cheapest way there is.

    Raises OSError; no part of a file is left behind then.
    """
    with source.open("rb") as reader:
        writer = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(writer, mode)
            _copy_bytes(reader.fileno(), writer)
            info = os.fstat(reader.fileno())
            # why: equal size and time are what tells the copy from another blob later.
            os.utime(writer, ns=(info.st_mtime_ns, info.st_mtime_ns))
        except BaseException:
            destination.unlink(missing_ok=True)
            raise
        finally:
            os.close(writer)


def _copy_bytes(source: int, destination: int) -> None:
    try:
        fcntl.ioctl(destination, _FICLONE, source)
        return
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    try:
        while os.copy_file_range(source, destination, _COPY_BYTES):
            pass
        return
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    os.lseek(source, 0, os.SEEK_SET)
    os.ftruncate(destination, 0)
    os.lseek(destination, 0, os.SEEK_SET)
    while data := os.read(source, 1 << 20):
        write_all(destination, data)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable; raises OSError."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_durably(path: Path, data: bytes) -> None:
    """Write a small file and make its bytes durable; raises OSError."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
