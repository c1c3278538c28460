"""How often work is tried, and how slow it may be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from nixgen.errors import InterruptedByUserError, NetworkError
from nixgen.registry.errors import UnavailableError
from nixgen.registry.faults import Broken


class Tries:
    """The failures of one piece of work in a row, and the waits after each.

    `most` tries are made; waits double from `back_off_s`. A registry that asks for a wait gets it,
    unless that is longer than `max_wait_s`.
    """

    def __init__(
        self, *, most: int, back_off_s: float, max_wait_s: float, stopped: threading.Event
    ) -> None:
        self._most = most
        self._back_off_s = back_off_s
        self._max_wait_s = max_wait_s
        self._stopped = stopped
        self._failures = 0

    def failed(self, error: NetworkError) -> None:
        """Wait before another try; raises `error` where there is none left."""
        self._failures += 1
        asked_s = error.wait_s if isinstance(error, UnavailableError) else None
        if self._failures >= self._most or (asked_s or 0.0) > self._max_wait_s:
            raise error
        backed_off_s = self._back_off_s * 2 ** (self._failures - 1)
        self._stopped.wait(min(backed_off_s if asked_s is None else asked_s, self._max_wait_s))
        if self._stopped.is_set():
            raise InterruptedByUserError("stopped")

    def succeeded(self) -> None:
        """Begin to count anew: the work has come further."""
        self._failures = 0


class Pace:
    """Breaks off a transfer that hardly moves: fewer than `least_bytes` in `stall_s`."""

    def __init__(
        self,
        *,
        stall_s: float,
        least_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stall_s = stall_s
        self._least_bytes = least_bytes
        self._clock = clock
        self._count = 0
        self._waited_s = 0.0
        self._since_s = 0.0

    def begin(self) -> None:
        """The other side's turn begins."""
        self._since_s = self._clock()

    def moved(self, count: int) -> None:
        """Its turn is over, so many bytes have moved; raises Broken where it is too slow."""
        # why only its turns: what this side does with the bytes may take any time.
        self._waited_s += self._clock() - self._since_s
        self._count += count
        if self._waited_s < self._stall_s:
            return
        count, waited_s = self._count, self._waited_s
        self._count, self._waited_s = 0, 0.0
        if count < self._least_bytes:
            raise Broken(f"only {count} bytes moved in {waited_s:.0f} s")
