"""Streams gathered into large pieces, so that Python runs a few steps for each, not for each file.

Threads that make several layers at once share one interpreter. What they do in it for each file
takes microseconds, and two threads that hand the interpreter to and fro between such steps lose
more than they gain. So one at a time gathers, while the others hash and write, which needs no
interpreter.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from nixgen.oci import faults
from nixgen.oci.tarheader import padding

Sink = Callable[[memoryview], object]
"""Takes the next bytes of a stream.

The view is left as it is until `KEPT_VIEWS` further calls have returned: a sink may still be at
work on it in another thread.
"""

KEPT_VIEWS = 2

# why: large enough that the steps for each piece count for nothing, small enough for the cache
# of a core.
_BUFFER_BYTES = 512 << 10
# why: gathering a buffer takes less, unless the disk is waited for: then others go on meanwhile.
_TURN_S = 0.005
# why: one for the process, as is the interpreter's own lock.
_turn = threading.Lock()


class Packer:
    """Gathers bytes into buffers, and hands each to the sink when it is full.

    Only within its context: `with Packer(sink) as packer: …; packer.flush()`.
    """

    __slots__ = ("_buffer", "_flushed_bytes", "_has_turn", "_ring", "_sink", "_used")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._ring = [memoryview(bytearray(_BUFFER_BYTES)) for _ in range(KEPT_VIEWS + 1)]
        self._buffer = self._ring[0]
        self._used = 0
        self._flushed_bytes = 0
        self._has_turn = False

    def __enter__(self) -> Self:
        self._take_turn()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._give_turn()

    @property
    def total_bytes(self) -> int:
        """How many bytes were put in so far."""
        return self._flushed_bytes + self._used

    def put(self, data: bytes) -> None:
        """Add bytes made in memory."""
        end = self._used + len(data)
        if end <= _BUFFER_BYTES:
            self._buffer[self._used : end] = data
            self._used = end
            return
        view = memoryview(data)
        while view:
            room = self._room(len(view))
            count = len(room)
            room[:] = view[:count]
            self._used += count
            view = view[count:]

    def put_file(self, file: int, size_bytes: int, *, name: str) -> None:
        """Add an open file of that many bytes, and a tar's padding.

        Raises MachineError where it can't be read, BuildError where it holds less. `name` is for
        their messages.
        """
        left = size_bytes
        while left:
            count = _read_into(file, self._room(left), name)
            if not count:
                raise faults.changed(name)
            self._used += count
            left -= count
        self.put(padding(size_bytes))

    def put_rest(self, file: int, *, name: str) -> None:
        """Add all that is left in an open file; raises MachineError where it can't be read."""
        while count := _read_into(file, self._room(_BUFFER_BYTES), name):
            self._used += count

    def _room(self, wanted: int) -> memoryview:
        """The free part of the buffer, but no more than is wanted; never empty."""
        if self._used == _BUFFER_BYTES:
            self.flush()
        return self._buffer[self._used : self._used + wanted]

    def flush(self) -> None:
        """Hand on what is gathered."""
        if not self._used:
            return
        self._give_turn()
        self._sink(self._buffer[: self._used])
        self._flushed_bytes += self._used
        self._used = 0
        self._ring.append(self._ring.pop(0))
        self._buffer = self._ring[0]
        self._take_turn()

    def _take_turn(self) -> None:
        self._has_turn = _turn.acquire(timeout=_TURN_S)

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            _turn.release()


def _read_into(file: int, room: memoryview, name: str) -> int:
    try:
        return os.readv(file, (room,))
    except OSError as error:
        raise faults.unreadable(name, error) from error
