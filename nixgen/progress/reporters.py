"""How progress is shown: a terminal is redrawn in place, anything else gets plain lines."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

from nixgen.progress.events import (
    DerivationStarted,
    Event,
    LogLine,
    Notice,
    PhaseStarted,
    Reporter,
    Silent,
)
from nixgen.progress.state import ProgressState, format_status, printable

_REDRAW_S = 0.1
_TICK_S = 1.0


class PlainReporter:
    """One line per event that matters; build logs only when `verbose`."""

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self._stream = stream
        self._verbose = verbose
        self._state = ProgressState()

    def report(self, event: Event) -> None:
        """Write the event's line, if it has one."""
        self._state.apply(event)
        line = self._line(event)
        if line is not None:
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(line + "\n")
                self._stream.flush()

    def _line(self, event: Event) -> str | None:
        match event:
            case PhaseStarted(name=name):
                return name
            case DerivationStarted(name=name):
                number = self._state.done + len(self._state.running)
                return f"building {name} ({number} of {self._state.total})"
            case LogLine(name=name, text=text) if self._verbose:
                return f"{name}> {printable(text)}"
            case Notice(text=text):
                return text
            case _:
                return None


class TerminalReporter:
    """Keeps a few status lines at the bottom of a terminal. Use it as a context manager.

    Between events it redraws once a second, so that the elapsed time moves on.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        color: bool,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
        width: Callable[[], int] = lambda: _terminal_width(),
        tick_s: float = _TICK_S,
    ) -> None:
        self._stream = stream
        self._color = color
        self._verbose = verbose
        self._clock = clock
        self._width = width
        self._tick_s = tick_s
        self._state = ProgressState()
        self._started = clock()
        self._drawn_at = float("-inf")
        self._drawn_lines = 0
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> TerminalReporter:
        self._ticker.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._ticker.join()
        with self._lock:
            self._write(self._erasure())

    def report(self, event: Event) -> None:
        """Take the event into the state, and redraw when it is time."""
        with self._lock:
            self._state.apply(event, now_s=self._clock())
            if isinstance(event, Notice):
                self._above(event.text)
            elif isinstance(event, LogLine) and self._verbose:
                self._above(f"{event.name}> {printable(event.text)}")
            elif self._clock() - self._drawn_at >= _REDRAW_S:
                self._draw()

    def _tick(self) -> None:
        while not self._ended.wait(self._tick_s):
            with self._lock:
                self._draw()

    def _above(self, text: str) -> None:
        self._write(self._erasure() + text + "\n")
        self._draw()

    def _draw(self) -> None:
        now = self._clock()
        lines = format_status(self._state, elapsed_s=now - self._started, width=self._width())
        shown = [f"\x1b[1m{lines[0]}\x1b[0m", *lines[1:]] if self._color else lines
        self._write(self._erasure() + "\n".join(shown) + "\n")
        self._drawn_lines, self._drawn_at = len(lines), now

    def _erasure(self) -> str:
        up, self._drawn_lines = self._drawn_lines, 0
        return f"\x1b[{up}A\r\x1b[J" if up else ""

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


@contextlib.contextmanager
def reporting(
    stream: TextIO, *, quiet: bool = False, verbose: bool = False, environ: Mapping[str, str]
) -> Iterator[Reporter]:
    """The reporter that fits the stream; a terminal's status is gone when it ends.

    No colour when NO_COLOR is set (https://no-color.org) or the terminal is dumb.
    """
    if quiet:
        yield Silent()
    elif stream.isatty() and environ.get("TERM", "dumb") != "dumb":
        color = not environ.get("NO_COLOR")
        with TerminalReporter(stream, color=color, verbose=verbose) as reporter:
            yield reporter
    else:
        yield PlainReporter(stream, verbose=verbose)


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(2).columns or 80
    except OSError:
        return 80
