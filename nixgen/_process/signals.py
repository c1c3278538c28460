"""Signals as exceptions, so that clean-up runs, and none while a program is being started."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalGate:
    """Raises for the signals that end a process; while held, it keeps them for later."""

    def __init__(self) -> None:
        self._held = False
        self._pending: int | None = None
        self._previous: dict[int, Any] = {}

    def install(self) -> None:
        """Take the ending signals over, but for those that are ignored.

        Python delivers signals to the main thread only: elsewhere this does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        for number in ENDING_SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._previous[number] = signal.signal(number, self._on_signal)

    def restore(self) -> None:
        """Give the signals back to whom they were taken from."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def hold(self) -> None:
        """From now on no signal raises."""
        self._held = True

    def release(self) -> None:
        """From now on signals raise; one that came while held does so now."""
        self._held = False
        if self._pending is not None:
            number, self._pending = self._pending, None
            self._on_signal(number, None)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._held:
            self._pending = number
            return
        previous = self._previous.get(number)
        if callable(previous):
            previous(number, frame)
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise SystemExit(128 + number)


@contextlib.contextmanager
def ending_on_signals() -> Iterator[SignalGate]:
    """Within it SIGTERM and SIGHUP raise SystemExit(128 + N), and SIGINT KeyboardInterrupt."""
    gate = SignalGate()
    gate.install()
    try:
        yield gate
    finally:
        gate.restore()
