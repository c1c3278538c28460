"""Files by name, wherever they lie: in a folder or in a tar."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from nixgen.errors import BuildError, UsageError


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
        return (self.path / name).is_file()

    def open(self, name: str) -> IO[bytes]:
        """See `Files`."""
        return (self.path / name).open("rb")

    def size_bytes(self, name: str) -> int:
        """See `Files`."""
        return (self.path / name).stat().st_size


class TarFiles:
    """The files in an uncompressed tar, which stays open; only one is to be read at a time."""

    def __init__(self, path: Path) -> None:
        """Read the names; raises UsageError for what is no tar, BuildError where it is cut off."""
        self.path = path
        try:
            self._tar = tarfile.open(path, mode="r:")  # noqa: SIM115  why: it lives as long as this
        except tarfile.TarError as error:
            raise UsageError(
                f"{path} is neither an OCI archive nor a docker-archive: it is no tar",
                hint="a compressed archive must be unpacked first: gunzip, zstd -d",
            ) from error
        except OSError as error:
            raise UsageError(f"can't read {path}: {error.strerror or error}") from error
        try:
            self._members = {_plain(member.name): member for member in self._tar}
        except (tarfile.TarError, OSError, ValueError) as error:
            raise BuildError(f"{path} is cut off or damaged: {error}") from error

    def has(self, name: str) -> bool:
        """See `Files`."""
        return name in self._members

    def open(self, name: str) -> IO[bytes]:
        """See `Files`."""
        member = self._member(name)
        file = self._tar.extractfile(member)
        if file is None:
            raise FileNotFoundError(2, "no plain file in the archive", name)
        return file

    def size_bytes(self, name: str) -> int:
        """See `Files`."""
        with self.open(name) as file:
            return file.seek(0, 2)

    def _member(self, name: str) -> tarfile.TarInfo:
        try:
            return self._members[name]
        except KeyError:
            raise FileNotFoundError(2, "not in the archive", name) from None


def _plain(name: str) -> str:
    return name.removeprefix("./").strip("/")
