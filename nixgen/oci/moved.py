"""How far a copy has got, told to a reporter."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from nixgen.progress import BytesMoved, Reporter


class Moved:
    """Bytes and blobs of all transfers together; safe for threads."""

    def __init__(self, reporter: Reporter, what: str, sizes: Sequence[int]) -> None:
        """`what` is done to the blobs: sent, received, copied. `sizes` are theirs in bytes."""
        self._reporter = reporter
        self._what = what
        self._total_bytes = sum(sizes)
        self._total = len(sizes)
        self._done_bytes = 0
        self._done = 0
        self._lock = threading.Lock()

    def add(self, count: int, *, blobs: int = 0) -> None:
        """So many bytes more have moved, and so many blobs are done."""
        with self._lock:
            self._done_bytes += count
            self._done += blobs
            self._tell()

    def leave_out(self, size_bytes: int) -> None:
        """A blob of so many bytes need not move at all."""
        with self._lock:
            self._total_bytes -= size_bytes
            self._done += 1
            self._tell()

    def _tell(self) -> None:
        self._reporter.report(
            BytesMoved(
                what=self._what,
                done_bytes=self._done_bytes,
                # why max: what is sent again after a failure counts again.
                total_bytes=max(self._total_bytes, self._done_bytes),
                done_blobs=self._done,
                total_blobs=self._total,
            )
        )
