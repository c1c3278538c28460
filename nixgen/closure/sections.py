"""Which part of an ELF file holds a byte: the interpreter, the search path for libraries, or other.

The layouts are those of the System V ABI (https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html).
A file that lies about its own layout has no parts; nothing it says is believed beyond its size.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

_MAGIC = b"\x7fELF"
_LARGEST_TABLE_BYTES = 16 << 20
_DYNAMIC, _STRING_TABLE = 6, 3
_NEEDED, _SONAME, _RPATH, _RUNPATH = 1, 14, 15, 29
_DYNAMIC_WORDS = {_NEEDED: "needed", _SONAME: "soname", _RPATH: "rpath", _RUNPATH: "rpath"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section: `name` as the file has it (`.interp`, `.rodata`), or `rpath` and the like."""

    name: str
    start: int
    size_bytes: int

    def holds(self, offset: int) -> bool:
        """Whether the byte at this offset of the file belongs to it."""
        return self.start <= offset < self.start + self.size_bytes


@dataclass(frozen=True, slots=True)
class _Header:
    kind: int
    name: int
    start: int
    size_bytes: int
    link: int


def read_sections(file: BinaryIO) -> tuple[Section, ...]:
    """The sections of an ELF file, the strings of its dynamic section first; none for other files.

    Raises OSError.
    """
    start = file.read(64)
    if start[:4] != _MAGIC or len(start) < 52 or start[4] not in (1, 2) or start[5] not in (1, 2):
        return ()
    try:
        return _Reader(file, wide=start[4] == 2, order="<" if start[5] == 1 else ">").read(start)
    except (struct.error, _DamagedError):
        return ()


def section_at(sections: tuple[Section, ...], offset: int) -> str | None:
    """The name of the first section that holds the byte at `offset` of the file."""
    return next((section.name for section in sections if section.holds(offset)), None)


class _DamagedError(Exception):
    """The file's own numbers lead outside of it."""


class _Reader:
    def __init__(self, file: BinaryIO, *, wide: bool, order: str) -> None:
        self._file = file
        self._wide = wide
        self._order = order
        self._size_bytes = os.fstat(file.fileno()).st_size

    def read(self, start: bytes) -> tuple[Section, ...]:
        if self._wide:
            (table,) = self._unpack("Q", start, 40)
            entry_bytes, count, names = self._unpack("HHH", start, 58)
        else:
            (table,) = self._unpack("I", start, 32)
            entry_bytes, count, names = self._unpack("HHH", start, 46)
        if not count or names >= count or entry_bytes < (64 if self._wide else 40):
            return ()
        raw = self._bytes(table, entry_bytes * count)
        headers = [self._header(raw, index * entry_bytes) for index in range(count)]
        strings = self._bytes(headers[names].start, headers[names].size_bytes)
        dynamic = [part for each in headers for part in self._dynamic(each, headers)]
        # why 8: SHT_NOBITS takes no room in the file.
        plain = [
            Section(name=_text(strings, each.name), start=each.start, size_bytes=each.size_bytes)
            for each in headers
            if each.kind not in (0, 8)
        ]
        return (*dynamic, *plain)

    def _header(self, raw: bytes, at: int) -> _Header:
        if self._wide:
            name, kind, _, _, start, size, link = self._unpack("IIQQQQI", raw, at)
        else:
            name, kind, _, _, start, size, link = self._unpack("IIIIIII", raw, at)
        return _Header(kind=kind, name=name, start=start, size_bytes=size, link=link)

    def _dynamic(self, header: _Header, headers: list[_Header]) -> list[Section]:
        """The strings that the dynamic section names, each as a section of its own."""
        if header.kind != _DYNAMIC or header.link >= len(headers):
            return []
        strings = headers[header.link]
        if strings.kind != _STRING_TABLE:
            return []
        text = self._bytes(strings.start, strings.size_bytes)
        raw = self._bytes(header.start, header.size_bytes)
        width, form = (16, "qQ") if self._wide else (8, "iI")
        found = []
        for at in range(0, len(raw) - width + 1, width):
            tag, value = self._unpack(form, raw, at)
            if tag in _DYNAMIC_WORDS and value < len(text):
                end = text.find(b"\0", value)
                size_bytes = (len(text) if end < 0 else end) - value
                name = _DYNAMIC_WORDS[tag]
                found.append(Section(name=name, start=strings.start + value, size_bytes=size_bytes))
        return found

    def _bytes(self, start: int, size_bytes: int) -> bytes:
        if size_bytes > _LARGEST_TABLE_BYTES or start + size_bytes > self._size_bytes:
            raise _DamagedError
        self._file.seek(start)
        return self._file.read(size_bytes)

    def _unpack(self, form: str, data: bytes, at: int) -> tuple[int, ...]:
        return struct.unpack_from(self._order + form, data, at)


def _text(strings: bytes, at: int) -> str:
    end = strings.find(b"\0", at)
    return strings[at : len(strings) if end < 0 else end].decode("ascii", "replace")
