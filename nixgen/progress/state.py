"""What the events so far add up to, and the lines that show it: pure, without a clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from nixgen.progress.events import (
    BytesMoved,
    DerivationFinished,
    DerivationsPlanned,
    DerivationStarted,
    Event,
    LogLine,
    Notice,
    PhaseStarted,
)

_RUNNING_SHOWN = 4
_RATE_WINDOW_S = 5.0
_RATE_SAMPLES = 64
_BAR_COLUMNS = 16
_BAR_WIDTH = 72


@dataclass(slots=True, kw_only=True)
class ProgressState:
    """What the events so far add up to. `running` maps a derivation to its last log line.

    `samples` are the times in seconds and the bytes moved until then, of the last few seconds.
    """

    phase: str = ""
    planned: int = 0
    done: int = 0
    running: dict[str, str] = field(default_factory=dict)
    moved: BytesMoved | None = None
    samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_RATE_SAMPLES))

    def apply(self, event: Event, *, now_s: float = 0.0) -> None:
        """Take one event into account; `now_s` is a time on any clock that does not go back."""
        match event:
            case PhaseStarted(name=name):
                self.phase, self.planned, self.done = name, 0, 0
                self.running, self.moved = {}, None
                self.samples.clear()
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
                self._take_sample(event, now_s)
                self.moved = event
            case Notice():
                pass

    def _take_sample(self, event: BytesMoved, now_s: float) -> None:
        if self.moved is None or self.moved.what != event.what:
            self.samples.clear()
        step_s = _RATE_WINDOW_S / (_RATE_SAMPLES // 2)
        # why: the newest stands for all of its moment, so that many events don't fill the window.
        if len(self.samples) > 1 and now_s - self.samples[-2][0] < step_s:
            self.samples.pop()
        self.samples.append((now_s, event.done_bytes))
        while len(self.samples) > 2 and now_s - self.samples[1][0] > _RATE_WINDOW_S:
            self.samples.popleft()

    def bytes_per_s(self) -> float | None:
        """How fast bytes moved in the last seconds; None while that can't be told."""
        if len(self.samples) < 2:
            return None
        (start_s, before), (end_s, after) = self.samples[0], self.samples[-1]
        return max(0, after - before) / (end_s - start_s) if end_s > start_s else None

    @property
    def total(self) -> int:
        """Derivations in all: never fewer than are done and running."""
        return max(self.planned, self.done + len(self.running))


def format_status(state: ProgressState, *, elapsed_s: float, width: int) -> list[str]:
    """The state as lines of at most `width` columns.

    A headline, then bytes that move with their rate, then the running derivations.
    """
    parts = [state.phase or "working"]
    if state.total:
        parts.append(f"{state.done} of {state.total} derivations")
    parts.append(format_duration(elapsed_s))
    lines = [" · ".join(parts)]
    if state.moved is not None:
        lines.append(_format_moved(state.moved, state.bytes_per_s(), width))
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


def printable(text: str) -> str:
    """A foreign line without what could move the cursor or change colours."""
    return "".join(char if char.isprintable() else " " if char == "\t" else "" for char in text)


def _format_moved(moved: BytesMoved, bytes_per_s: float | None, width: int) -> str:
    done = f"{moved.what} {format_bytes(moved.done_bytes)}"
    if moved.total_bytes is not None:
        done += f" of {format_bytes(moved.total_bytes)}"
    parts = [done]
    if bytes_per_s is not None:
        parts.append(f"{format_bytes(int(bytes_per_s))}/s")
    if moved.total_blobs is not None:
        parts.append(f"{moved.done_blobs} of {moved.total_blobs} blobs")
    bar = f"{_bar(moved.done_bytes, moved.total_bytes)} " if moved.total_bytes else ""
    return f"  {bar if width >= _BAR_WIDTH else ''}{' · '.join(parts)}"


def _bar(done: int, total: int) -> str:
    filled = _BAR_COLUMNS * min(done, total) // total
    return f"[{'#' * filled}{'-' * (_BAR_COLUMNS - filled)}]"


def _fit(line: str, width: int) -> str:
    line = printable(line)
    return line if len(line) < width else line[: max(1, width - 2)] + "…"
