"""What Nix tells on stderr with `--log-format internal-json`: progress, logs and errors.

Each line is `@nix ` and a JSON object; the numbers are those of Nix's `ActivityType` and
`ResultType` (https://github.com/NixOS/nix/blob/master/src/libutil/include/nix/util/logging.hh).
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass
from typing import Any

from nixgen.nixcli.storepath import StorePath
from nixgen.progress import (
    BytesMoved,
    DerivationFinished,
    DerivationsPlanned,
    DerivationStarted,
    LogLine,
    Notice,
    Reporter,
)

_MARK = "@nix "
_FILE_TRANSFER, _BUILDS, _BUILD = 101, 104, 105
_BUILD_LOG_LINE, _PROGRESS, _POST_BUILD_LOG_LINE = 101, 105, 107
_ERROR_LEVEL, _WARNING_LEVEL, _INFO_LEVEL = 0, 1, 3
_TAIL_LINES = 40
_ANSI = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z]|\][^\x07]*\x07)")
_POSITION_SUFFIX = re.compile(r":\d+(?::\d+)?$")
_RAW_ERROR = re.compile(r"[^\x00-\x1f]{12,}")
_WILL_BE_BUILT = re.compile(r"(?:this derivation|these (\d+) derivations) will be built")
_NOISE = re.compile(
    r"ignoring the client-specified setting|ignoring untrusted substituter|is not owned by you"
    r"|is a deprecated alias|without '--json-format' is deprecated|Nix search path entry"
    r"|you did not specify '--add-root'|you don't have Internet access"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a Nix file; `line` and `column` count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What Nix was doing where; `position` is None where it does not say."""

    text: str
    position: Position | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NixMessage:
    """An error that Nix reported. `frames` are the ways to it, the innermost first."""

    text: str
    position: Position | None
    frames: tuple[Frame, ...]


class Activities:
    """Takes Nix's stderr line by line; passes progress on and keeps what errors need.

    `errors` are the errors in the order they came; `listing` holds what Nix said besides
    (a dry run's plan); `plain` the lines of another form.
    """

    def __init__(self, reporter: Reporter) -> None:
        self.errors: list[NixMessage] = []
        self.listing: list[str] = []
        self.plain: list[str] = []
        self._reporter = reporter
        self._building: dict[int, StorePath] = {}
        self._tails: dict[StorePath, deque[str]] = {}
        self._planned = 0
        self._is_listed = False
        self._builds: set[int] = set()
        self._transfers: dict[int, tuple[int, int]] = {}

    def log_tail(self, derivation: StorePath) -> tuple[str, ...]:
        """The last lines that a derivation's build wrote."""
        return tuple(self._tails.get(derivation, ()))

    def listed_lines(self) -> list[str]:
        """The lines of what Nix listed, in whichever form it did."""
        return [line for text in (*self.listing, *self.plain) for line in text.splitlines()]

    def take(self, line: str) -> None:
        """Take one line of stderr; one of another form is kept, never refused."""
        record = _parse(line)
        if record is None:
            if line.strip():
                self.plain.append(strip_ansi(line))
            return
        action = record.get("action")
        if action == "msg":
            self._message(record)
        elif action == "start":
            self._start(record)
        elif action == "stop":
            self._stop(record)
        elif action == "result":
            self._result(record)

    def _message(self, record: dict[str, Any]) -> None:
        level, text = record.get("level"), strip_ansi(str(record.get("msg", "")))
        if level == _ERROR_LEVEL and ("raw_msg" in record or text.startswith("error:")):
            self.errors.append(_error(record, text))
        elif level in (_ERROR_LEVEL, _INFO_LEVEL):
            self.listing.append(text)
            if match := _WILL_BE_BUILT.match(text):
                self._is_listed = True
                self._plan(int(match[1] or 1))
        elif level == _WARNING_LEVEL and not _NOISE.search(text):
            self._reporter.report(Notice(text=f"nix: {text}"))

    def _start(self, record: dict[str, Any]) -> None:
        number, kind, fields = _activity(record)
        if kind == _BUILDS:
            self._builds.add(number)
        elif kind == _FILE_TRANSFER:
            self._transfers[number] = (0, 0)
        elif kind == _BUILD and fields:
            try:
                derivation = StorePath.parse(str(fields[0]))
            except ValueError:
                return
            self._building[number] = derivation
            self._reporter.report(DerivationStarted(name=derivation.derivation_name))

    def _stop(self, record: dict[str, Any]) -> None:
        derivation = self._building.pop(_activity(record)[0], None)
        if derivation is not None:
            self._reporter.report(DerivationFinished(name=derivation.derivation_name))

    def _result(self, record: dict[str, Any]) -> None:
        number, kind, fields = _activity(record)
        if kind in (_BUILD_LOG_LINE, _POST_BUILD_LOG_LINE) and number in self._building and fields:
            self._log_line(self._building[number], str(fields[0]))
        elif kind == _PROGRESS and len(fields) >= 2 and all(isinstance(f, int) for f in fields):
            # why: newer Nix counts a derivation twice here; what it lists before is exact.
            if number in self._builds and not self._is_listed:
                self._plan(fields[1])
            elif number in self._transfers:
                self._transfers[number] = (fields[0], fields[1])
                done, total = (
                    sum(column) for column in zip(*self._transfers.values(), strict=True)
                )
                self._reporter.report(
                    BytesMoved(what="downloaded", done_bytes=done, total_bytes=total or None)
                )

    def _plan(self, count: int) -> None:
        if count > self._planned:
            self._planned = count
            self._reporter.report(DerivationsPlanned(count=count))

    def _log_line(self, derivation: StorePath, raw: str) -> None:
        text = readable_log_line(raw)
        if text is None:
            return
        self._tails.setdefault(derivation, deque(maxlen=_TAIL_LINES)).append(text)
        self._reporter.report(LogLine(name=derivation.derivation_name, text=text))


def strip_ansi(text: str) -> str:
    """Text without the escape sequences of colours and titles."""
    return _ANSI.sub("", text)


def readable_log_line(raw: str) -> str | None:
    """A line of a build log for people; None for one that only Nix itself reads.

    why: Nix 2.8 lets the message of a builder that could not be started, serialised with its
    lengths as binary numbers, through into the log.
    """
    text = strip_ansi(raw).rstrip()
    if "\x00" in text:
        runs = _RAW_ERROR.findall(text)
        return max(runs, key=len) if runs else None
    return None if text in {"\x01", "\x02"} else text


def _activity(record: dict[str, Any]) -> tuple[int, object, list[Any]]:
    """The number, type and fields of an activity; -1 and none where they have no such shape."""
    number, fields = record.get("id"), record.get("fields")
    return (
        number if isinstance(number, int) else -1,
        record.get("type"),
        fields if isinstance(fields, list) else [],
    )


def _parse(line: str) -> dict[str, Any] | None:
    if not line.startswith(_MARK):
        return None
    try:
        record = json.loads(line[len(_MARK) :])
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _error(record: dict[str, Any], shown: str) -> NixMessage:
    raw = record.get("raw_msg")
    text = strip_ansi(raw) if isinstance(raw, str) else shown.removeprefix("error:")
    trace = record.get("trace")
    frames = [
        Frame(text=strip_ansi(str(entry.get("raw_msg", ""))), position=_position(entry))
        for entry in (trace if isinstance(trace, list) else [])
        if isinstance(entry, dict)
    ]
    return NixMessage(text=text.strip(), position=_position(record), frames=tuple(frames))


def _position(record: dict[str, Any]) -> Position | None:
    file, line, column = record.get("file"), record.get("line"), record.get("column")
    if not isinstance(file, str) or not isinstance(line, int) or not line:
        return None
    # why: newer Nix repeats line and column at the end of the file's name.
    name = _POSITION_SUFFIX.sub("", file) if file.startswith("/") else "«string»"
    return Position(file=name, line=line, column=column if isinstance(column, int) else 1)
