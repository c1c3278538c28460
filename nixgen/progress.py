"""What long work tells about itself, and how that is shown.

Work reports events to a `Reporter`. The state that they add up to is pure (`ProgressState`);
two thin reporters show it: a terminal is redrawn in place, anything else gets plain lines.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TextIO

_RUNNING_SHOWN = 4
_REDRAW_S = 0.1
_TICK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted:
    """A new stage of the work begins, such as "evaluate" or "write layers"."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivationsPlanned:
    """So many derivations are to be built in all, as far as is known now."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivationStarted:
    """A derivation's build began; `name` without hash and `.drv`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivationFinished:
    """A derivation's build ended; whether well is known only at the end of all."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line that the build of `name` wrote."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BytesMoved:
    """So much of `what` is done; `total_bytes` is None where unknown."""

    what: str
    done_bytes: int
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something the user should read, such as a warning."""

    text: str


Event = (
    PhaseStarted
    | DerivationsPlanned
    | DerivationStarted
    | DerivationFinished
    | LogLine
    | BytesMoved
    | Notice
)


class Reporter(Protocol):
    """Who is told what happens."""

    def report(self, event: Event) -> None:
        """Take one event; never raises."""
        ...


class Silent:
    """A reporter that shows nothing."""

    def report(self, event: Event) -> None:
        """Ignore the event."""


@dataclass(slots=True, kw_only=True)
class ProgressState:
    """What the events so far add up to. `running` maps a derivation to its last log line."""

    phase: str = ""
    planned: int = 0
    done: int = 0
    running: dict[str, str] = field(default_factory=dict)
    moved: BytesMoved | None = None

    def apply(self, event: Event) -> None:
        """Take one event into account."""
        match event:
            case PhaseStarted(name=name):
                self.phase, self.planned, self.done = name, 0, 0
                self.running, self.moved = {}, None
            case DerivationsPlanned(count=count):
                self.planned = count
            case DerivationStarted(name=name):
                self.running[name] = ""
            case DerivationFinished(name=name):
                self.running.pop(name, None)
                self.done += 1
            case LogLine(name=name, text=text):
                if name in self.running:
                    self.running[name] = text
            case BytesMoved():
                self.moved = event
            case Notice():
                pass

    @property
    def total(self) -> int:
        """Derivations in all: never fewer than are done and running."""
        return max(self.planned, self.done + len(self.running))


def format_status(state: ProgressState, *, elapsed_s: float, width: int) -> list[str]:
    """The state as lines of at most `width` columns: a headline and the running derivations."""
    parts = [state.phase or "working"]
    if state.total:
        parts.append(f"{state.done} of {state.total} derivations")
    if state.moved is not None:
        parts.append(_format_moved(state.moved))
    parts.append(format_duration(elapsed_s))
    lines = [" · ".join(parts)]
    names = list(state.running)
    for name in names[:_RUNNING_SHOWN]:
        last = state.running[name]
        lines.append(f"  {name}: {last}" if last else f"  {name}")
    if len(names) > _RUNNING_SHOWN:
        lines.append(f"  and {len(names) - _RUNNING_SHOWN} more")
    return [_fit(line, width) for line in lines]


def format_duration(seconds: float) -> str:
    """Seconds as people read them: `4 s`, `1 min 05 s`, `2 h 03 min`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def format_bytes(count: int) -> str:
    """Bytes as people read them, in powers of 1000: `812 B`, `1.3 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{int(value)} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("the loop ends at GB")


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
            self._state.apply(event)
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


def printable(text: str) -> str:
    """A foreign line without what could move the cursor or change colours."""
    return "".join(char if char.isprintable() else " " if char == "\t" else "" for char in text)


def _format_moved(moved: BytesMoved) -> str:
    done = format_bytes(moved.done_bytes)
    if moved.total_bytes is None:
        return f"{moved.what} {done}"
    return f"{moved.what} {done} of {format_bytes(moved.total_bytes)}"


def _fit(line: str, width: int) -> str:
    line = printable(line)
    return line if len(line) < width else line[: max(1, width - 2)] + "…"


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(2).columns or 80
    except OSError:
        return 80
