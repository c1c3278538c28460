"""Files by name, wherever they lie: in a folder or in a tar."""

from __future__ import annotations

import contextlib
import errno
import io
import posixpath
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from nixgen.errors import BuildError, UsageError

_BUFFER_BYTES = 1 << 20
_LINKS = 8
_COMPRESSED = {
    b"\x1f\x8b": "gunzip",
    b"\x28\xb5\x2f\xfd": "zstd -d",
    b"\xfd7zXZ\0": "unxz",
    b"BZh": "bunzip2",
}


class Files(Protocol):
    """Read access to files; names are relative, with slashes."""

    @property
    def path(self) -> Path:
        """Where they lie."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """A file's bytes from its start; raises OSError."""
        ...

    def size_bytes(self, name: str) -> int:
        """A file's size; raises OSError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFiles:
    """The files below a folder."""

    path: Path

    def has(self, name: str) -> bool:
        """See `Files`."""
        try:
            return self._place(name).is_file()
        except OSError:
            return False

    def open(self, name: str) -> IO[bytes]:
        """See `Files`."""
        return self._place(name).open("rb")

    def size_bytes(self, name: str) -> int:
        """See `Files`."""
        return self._place(name).stat().st_size

    def _place(self, name: str) -> Path:
        # why: names stand in documents of others, and links in their folders.
        place = (self.path / name).resolve()
        if not place.is_relative_to(self.path.resolve()):
            raise PermissionError(errno.EPERM, "outside of the image's folder", name)
        return place


def _unpacking_hint(path: Path) -> str | None:
    with contextlib.suppress(OSError), path.open("rb") as file:
        start = file.read(6)
        for magic, program in _COMPRESSED.items():
            if start.startswith(magic):
                return f"it is compressed: unpack it first with {program}"
    return None


class TarFiles:
    """The files in an uncompressed tar."""

    def __init__(self, path: Path) -> None:
        """Read the names; raises UsageError for what is no tar, BuildError where it is cut off."""
        self.path = path
        try:
            tar = tarfile.open(path, mode="r:")  # noqa: SIM115  why: two kinds of failure
        except tarfile.TarError as error:
            raise UsageError(
                f"{path} is neither an OCI archive nor a docker-archive: it is no tar",
                hint=_unpacking_hint(path),
            ) from error
        except OSError as error:
            raise UsageError(f"can't read {path}: {error.strerror or error}") from error
        try:
            with tar:
                self._members = {_plain(member.name): member for member in tar}
        except (tarfile.TarError, OSError, ValueError) as error:
            raise BuildError(f"{path} is cut off or damaged: {error}") from error

    def has(self, name: str) -> bool:
        """See `Files`."""
        return name in self._members

    def open(self, name: str) -> IO[bytes]:
        """See `Files`."""
        return io.BufferedReader(_Part(self.path, self._file(name)), _BUFFER_BYTES)

    def size_bytes(self, name: str) -> int:
        """See `Files`."""
        return self._file(name).size

    def _file(self, name: str) -> tarfile.TarInfo:
        member = self._members.get(name)
        for _ in range(_LINKS):
            if member is None:
                raise FileNotFoundError(2, "not in the archive", name)
            if member.isreg():
                return member
            if not (member.issym() or member.islnk()):
                break
            # why links: docker writes a layer that occurs twice as one.
            base = "" if member.islnk() else posixpath.dirname(member.name)
            target = posixpath.normpath(posixpath.join(base, member.linkname))
            member = self._members.get(_plain(target))
        raise FileNotFoundError(2, "no plain file in the archive", name)


class _Part(io.RawIOBase):
    """A part of a file; each has a place of its own in it, so that threads don't disturb it."""

    def __init__(self, path: Path, member: tarfile.TarInfo) -> None:
        self._raw = path.open("rb", buffering=0)
        self._raw.seek(member.offset_data)
        self._left = member.size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count = self._raw.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _plain(name: str) -> str:
    return name.removeprefix("./").strip("/")
