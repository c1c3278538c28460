"""A strict reader of JSON objects that notes every fault, each with the entry and key at fault."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from nixgen.digest import Digest
from nixgen.errors import Problem

# why not a dot at the start: older Nix refuses it.
_STORE_NAME = re.compile(r"[0-9A-Za-z+\-_?=][0-9A-Za-z+\-._?=]{0,210}")
_SYSTEM = re.compile(r"[a-z0-9_]+-linux")
_MISSING: Any = object()


class Table:
    """A JSON object being read: each key once, strictly, noting what is wrong with it."""

    def __init__(self, value: Any, key: str, file: str, faults: list[Problem]) -> None:
        self._key = key
        self._file = file
        self._faults = faults
        self._known: set[str] = set()
        self._value: dict[str, Any] = value if isinstance(value, dict) else {}
        self._is_object = isinstance(value, dict)
        if not self._is_object:
            self.fault("", f"expected an object, found {_kind(value)}")

    def named_by(self, key: str) -> None:
        """Call this entry by its name in messages, where it has one."""
        if isinstance(name := self._value.get(key), str) and name:
            self._key = f"sources[{name}]"

    def fault(self, key: str, message: str) -> None:
        """Note what is wrong with a key of this object."""
        place = ".".join(part for part in (self._key, key) if part)
        self._faults.append(Problem(file=self._file, key=place or None, message=message))

    def finish(self) -> None:
        """Note keys that nobody asked for."""
        for key in sorted(set(self._value) - self._known):
            close = difflib.get_close_matches(key, sorted(self._known), n=1)
            self.fault(key, "unknown key" + (f"; did you mean {close[0]!r}?" if close else ""))

    def text(self, key: str) -> str:
        """A required string that is not empty."""
        value = self._get(key, str, "a string")
        if value == "":
            self.fault(key, "must not be empty")
        return "" if value is _MISSING else str(value)

    def count(self, key: str) -> int:
        """A required whole number above 0."""
        value = self._get(key, int, "a whole number above 0")
        if value is _MISSING:
            return 1
        if isinstance(value, bool) or value < 1:
            self.fault(key, f"expected a whole number above 0, found {value!r}")
        return int(value)

    def flag(self, key: str) -> bool:
        """A required true or false."""
        value = self._get(key, bool, "true or false")
        return value is True

    def store_name(self, key: str) -> str:
        """A required name that the Nix store takes."""
        value = self.text(key)
        if value and not _STORE_NAME.fullmatch(value):
            self.fault(key, f"not a name that the Nix store takes: {value!r}")
        return value

    def plain_name(self, key: str) -> str:
        """A required file name, without a folder."""
        value = self.text(key)
        if "/" in value or value in (".", "..") or not value.isprintable():
            self.fault(key, f"expected a file name, found {value!r}")
        return value

    def relative(self, key: str) -> str:
        """A required relative path without `..`."""
        value = self.text(key)
        if value and any(part in ("", ".", "..") for part in value.split("/")):
            self.fault(key, f"expected a relative path without '..', found {value!r}")
        return value

    def optional_relative(self, key: str) -> str | None:
        """A relative path without `..`, or None."""
        self._known.add(key)
        return self.relative(key) if key in self._value else None

    def url(self, key: str) -> str:
        """A required http or https address."""
        value = self.text(key)
        try:
            parts = urlsplit(value)
            good = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            good = False
        if value and not good:
            self.fault(key, f"expected an http or https address, found {value!r}")
        return value

    def digest(self, key: str) -> Digest:
        """A required SHA-256, in hexadecimal."""
        return self._digest(key, Digest)

    def nar_hash(self, key: str) -> Digest:
        """A required SHA-256, in the SRI form."""
        return self._digest(key, Digest.parse_sri)

    def systems(self, key: str) -> tuple[str, ...] | None:
        """Nix systems, sorted; None where the key is absent."""
        if key not in self._value:
            self._known.add(key)
            return None
        found = self._get(key, list, "an array of Nix systems")
        if found is _MISSING:
            return None
        for value in found:
            if not isinstance(value, str) or not _SYSTEM.fullmatch(value):
                self.fault(key, f"expected Nix systems such as 'x86_64-linux', found {value!r}")
                return None
        return tuple(sorted(set(found)))

    def tables(self, key: str) -> Iterator[Table]:
        """The objects of a required array that is not empty."""
        found = self._get(key, list, "an array of objects")
        if found is _MISSING:
            return
        if not found:
            self.fault(key, "must not be empty")
        for number, value in enumerate(found):
            yield Table(value, f"{self._prefix}{key}[{number}]", self._file, self._faults)

    def table(self, key: str) -> Table | None:
        """The object under a key, or None."""
        self._known.add(key)
        if key not in self._value:
            return None
        return Table(self._value[key], f"{self._prefix}{key}", self._file, self._faults)

    @property
    def _prefix(self) -> str:
        return f"{self._key}." if self._key else ""

    def _digest(self, key: str, parse: Callable[[str], Digest]) -> Digest:
        value = self.text(key)
        try:
            digest: Digest = parse(value)
        except ValueError as error:
            if value:
                self.fault(key, str(error))
            return Digest("0" * 64)
        return digest

    def _get(self, key: str, kind: type, expected: str) -> Any:
        self._known.add(key)
        if key not in self._value:
            if self._is_object:
                self.fault(key, f"missing: {expected} is required")
            return _MISSING
        value = self._value[key]
        if not isinstance(value, kind):
            self.fault(key, f"expected {expected}, found {_kind(value)}")
            return _MISSING
        return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", type(None): "null"}
    return names.get(type(value), repr(value))
