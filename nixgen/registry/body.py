"""A part of a file as the body of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from nixgen.registry.pace import Pace


class FileBody:
    """So many bytes of a file from an offset on; `moved` is told of bytes as they are read.

    `pace` breaks off a server that hardly takes them.
    """

    def __init__(
        self,
        file: BinaryIO,
        offset: int,
        size_bytes: int,
        *,
        moved: Callable[[int], None],
        pace: Pace,
    ) -> None:
        self._file = file
        self._offset = offset
        self._size_bytes = size_bytes
        self._moved = moved
        self._pace = pace
        self._left = 0
        self._last = 0

    def rewind(self) -> None:
        """Begin (again) with the first byte; must come before the first read."""
        self._file.seek(self._offset)
        self._left = self._size_bytes
        self._last = 0
        self._pace.begin()

    def __len__(self) -> int:
        return self._size_bytes

    def __iter__(self) -> FileBody:
        return self

    def __next__(self) -> bytes:
        data = self.read(1 << 16)
        if not data:
            raise StopIteration
        return data

    def read(self, count: int = -1) -> bytes:
        """The next bytes; empty at the end."""
        # why here: that more is asked for tells that the last bytes went out.
        self._pace.moved(self._last)
        data = self._file.read(self._left if count < 0 else min(count, self._left))
        self._left -= len(data)
        self._last = len(data)
        self._moved(len(data))
        self._pace.begin()
        return data
