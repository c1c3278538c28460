"""Bytes that are held against their descriptor while they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

from nixgen.errors import BuildError, NixgenError
from nixgen.oci.image import Descriptor

_READ_BYTES = 1 << 20


class Readable(Protocol):
    """A file, or something like it, that is read from its start to its end."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class Verified:
    """A blob's bytes; reading to its end raises `fault` unless digest and size are as said.

    `on_read` is told how many bytes each read gave. `open_file` may be called again, by a `seek`
    back. Also raises `fault` where reading fails with
    an OSError, and what else `open_file` and its file raise.
    """

    def __init__(
        self,
        open_file: Callable[[], Readable],
        descriptor: Descriptor,
        where: str,
        *,
        fault: Callable[[str], NixgenError] = BuildError,
    ) -> None:
        self._open_file = open_file
        self._descriptor = descriptor
        self._where = where
        self._fault = fault
        self.on_read: Callable[[int], None] = _ignore
        self._begin()

    def _begin(self) -> None:
        try:
            self._file = self._open_file()
        except OSError as error:
            raise self._unreadable(error) from error
        self._state = hashlib.sha256()
        self._left = self._descriptor.size_bytes

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, all where that is negative; none at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_READ_BYTES), b""))
        if size == 0:
            return b""
        try:
            # why: one more than is said to be there, so that a blob that goes on is found out.
            data = self._file.read(min(size, self._left + 1))
        except (OSError, EOFError) as error:
            raise self._unreadable(error) from error
        self._left -= len(data)
        self._state.update(data)
        self.on_read(len(data))
        # why at the last byte too: who knows the size may not ask for more.
        if self._left < 0 or ((not data or self._left == 0) and not self._is_whole()):
            raise self._fault(
                f"{self._where}: the blob {self._descriptor.digest} does not have that digest and "
                "size: it is damaged or cut off"
            )
        return data

    def seek(self, offset: int) -> int:
        """Go on at `offset`; what lies before it is read, so that all is checked in the end."""
        if offset < self._descriptor.size_bytes - self._left:
            self._file.close()
            self._begin()
        while (missing := offset - (self._descriptor.size_bytes - self._left)) > 0:
            if not self.read(min(missing, _READ_BYTES)):
                break
        return self._descriptor.size_bytes - self._left

    def drain(self) -> None:
        """Read what is left, and check all."""
        while self.read(_READ_BYTES):
            pass

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _is_whole(self) -> bool:
        return self._left == 0 and self._state.hexdigest() == self._descriptor.digest.hex

    def _unreadable(self, error: Exception) -> NixgenError:
        reason = getattr(error, "strerror", None) or error
        return self._fault(
            f"{self._where}: can't read the blob {self._descriptor.digest}: {reason}"
        )

    def __enter__(self) -> Verified:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ignore(_count: int) -> None:
    pass
