"""Hashing beside reading and writing, where a core is free: one large layer then uses two."""

from __future__ import annotations

import queue
import threading
from types import TracebackType
from typing import Self

from nixgen.oci.blob import Summed, Summing, write_all
from nixgen.oci.packing import KEPT_VIEWS


class SpareCores:
    """The cores that have no layer of their own to make (any more)."""

    def __init__(self, *, cores: int, layers: int) -> None:
        self._lock = threading.Lock()
        self._layers = layers
        self._cores = cores
        self._lent = 0

    def layer_done(self) -> None:
        """Say that one of the layers needs its core no longer."""
        with self._lock:
            self._layers -= 1

    def take(self) -> bool:
        """Take a core if there is one; to be given back."""
        with self._lock:
            if self._layers + self._lent >= self._cores:
                return False
            self._lent += 1
            return True

    def give_back(self) -> None:
        """Give back what `take` gave."""
        with self._lock:
            self._lent -= 1


class OverlappedSumming:
    """A sink that counts, hashes and writes as `Summing` does, hashing on a spare core if it can.

    To be used as a context, which ends the thread that hashes.
    """

    def __init__(self, spare: SpareCores, file: int | None = None) -> None:
        self._spare = spare
        self._file = file
        self._summing = Summing()
        self._thread: threading.Thread | None = None
        self._waiting: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
        # why: of the views that are kept for it, the thread may be behind by all.
        self._places = threading.Semaphore(KEPT_VIEWS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def __call__(self, data: memoryview) -> None:
        """Take the next bytes; raises OSError of the file's write."""
        if self._thread is None and self._spare.take():
            self._thread = threading.Thread(target=self._hash, name="nixgen-hash", daemon=True)
            self._thread.start()
        if self._thread is None:
            self._summing(data)
        else:
            self._places.acquire()
            self._waiting.put(data)
        if self._file is not None:
            write_all(self._file, data)

    def summed(self) -> Summed:
        """What passed; the last call."""
        self._end()
        return self._summing.summed()

    def _hash(self) -> None:
        while (data := self._waiting.get()) is not None:
            self._summing(data)
            self._places.release()

    def _end(self) -> None:
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None
            self._spare.give_back()
