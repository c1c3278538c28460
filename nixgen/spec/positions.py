"""Line numbers for the keys and array elements of a TOML document.

tomllib gives values without places. This scanner walks a document that tomllib has accepted and
notes where each key and each element starts; it checks nothing itself. Where it can't follow, a
path has no line rather than a wrong one. Grammar: https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import bisect
import contextlib
import re
import tomllib

Path = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]+")
_STRINGS = (
    re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"""(?:"{0,2})', re.DOTALL),
    re.compile(r"'''(?:[^']|'(?!''))*'''(?:'{0,2})"),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


class _LostError(Exception):
    """The text is not what the grammar leads to expect here."""


def find_lines(text: str) -> dict[Path, int]:
    """Map the path of each key and array element to its line, counted from 1.

    `text` must be a document that tomllib accepts. A table has the line of its first mention.
    """
    scanner = _Scanner(text)
    with contextlib.suppress(_LostError, RecursionError):
        scanner.scan_document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._last_index: dict[Path, int] = {}

    def scan_document(self) -> None:
        table: Path = ()
        while True:
            self._take(_GAP)
            if self._at >= len(self._text):
                return
            if self._peek("["):
                table = self._scan_header()
            else:
                self._scan_pair(table)

    def _scan_header(self) -> Path:
        line = self._line()
        of_array = self._peek("[[")
        self._at += 2 if of_array else 1
        parts = self._scan_key()
        self._expect("]]" if of_array else "]")
        path: Path = ()
        for part in parts[:-1]:
            path = self._enter((*path, part), line)
        path = (*path, parts[-1])
        if not of_array:
            return self._enter(path, line)
        self.lines.setdefault(path, line)
        self._last_index[path] = self._last_index.get(path, -1) + 1
        path = (*path, self._last_index[path])
        self.lines[path] = line
        return path

    def _enter(self, path: Path, line: int) -> Path:
        """Note a table on the way, and go on in the last element where it is an array."""
        self.lines.setdefault(path, line)
        return (*path, self._last_index[path]) if path in self._last_index else path

    def _scan_pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for part in self._scan_key():
            path = (*path, part)
            self.lines.setdefault(path, line)
        self._expect("=")
        self._take(_BLANK)
        self._scan_value(path)

    def _scan_key(self) -> list[str]:
        parts = []
        while True:
            self._take(_BLANK)
            parts.append(self._scan_key_part())
            self._take(_BLANK)
            if not self._peek("."):
                return parts
            self._at += 1

    def _scan_key_part(self) -> str:
        if self._peek("'"):
            return self._take(_STRINGS[3])[1:-1]
        if not self._peek('"'):
            return self._take(_BARE_KEY)
        quoted = self._take(_STRINGS[2])
        return str(tomllib.loads(f"key = {quoted}")["key"]) if "\\" in quoted else quoted[1:-1]

    def _scan_value(self, path: Path) -> None:
        if self._peek("["):
            self._scan_array(path)
        elif self._peek("{"):
            self._scan_inline_table(path)
        elif self._peek('"') or self._peek("'"):
            self._scan_string()
        else:
            self._take(_BARE_VALUE)

    def _scan_string(self) -> None:
        for pattern in _STRINGS:
            if match := pattern.match(self._text, self._at):
                self._at = match.end()
                return
        raise _LostError

    def _scan_array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while True:
            self._take(_GAP)
            if self._peek("]"):
                self._at += 1
                return
            self.lines[(*path, index)] = self._line()
            self._scan_value((*path, index))
            index += 1
            self._take(_GAP)
            if self._peek(","):
                self._at += 1
            elif not self._peek("]"):
                raise _LostError

    def _scan_inline_table(self, path: Path) -> None:
        self._at += 1
        while True:
            self._take(_GAP)
            if self._peek("}"):
                self._at += 1
                return
            self._scan_pair(path)
            self._take(_GAP)
            if self._peek(","):
                self._at += 1
            elif not self._peek("}"):
                raise _LostError

    def _line(self) -> int:
        return bisect.bisect_left(self._newlines, self._at) + 1

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _expect(self, text: str) -> None:
        if not self._peek(text):
            raise _LostError
        self._at += len(text)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise _LostError
        self._at = match.end()
        return match.group()
