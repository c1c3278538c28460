"""Why a file holds a reference, as far as can be told, and what mends it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from nixgen.closure.kinds import MAGIC_BYTES, FileKind, kind_of
from nixgen.closure.references import Occurrence
from nixgen.closure.sections import read_sections, section_at

_FIRST_LINE_BYTES = 4096


class Cause(StrEnum):
    """What made the reference."""

    LINK = "a symbolic link"
    NAME = "the file's name"
    INTERPRETER = "the program's loader"
    RPATH = "a search path for libraries"
    NEEDED = "a library that is loaded"
    DEBUG = "debug information"
    PROGRAM = "a string in a program"
    SHEBANG = "the interpreter of a script"
    SCRIPT = "the text of a script"
    BYTE_CODE = "compiled Python"
    PYTHON_BUILD = "how Python was built"
    PKG_CONFIG = "a pkg-config file"
    LIBTOOL = "a libtool file"
    CMAKE = "a CMake file"
    PROPAGATED = "inputs passed on to builds"
    STATIC_LIBRARY = "a static library"
    HEADER = "a header"
    DOCS = "documentation"
    TEXT = "text"
    DATA = "data"


FIXES = {
    Cause.LINK: "take the package out of image.contents, or link to what is needed of it",
    Cause.NAME: "rename the file in the package's build",
    Cause.INTERPRETER: "it is needed: the program can't start without it",
    Cause.RPATH: "patchelf --shrink-rpath in the package's build drops what is not used",
    Cause.NEEDED: "it is needed: the program loads it at its start",
    Cause.DEBUG: "strip the program, or move debug information to an output of its own",
    Cause.PROGRAM: "look at the string (`strings -a`); if it is not used, [closure] cut takes it",
    Cause.SHEBANG: "it is needed to run the script; leave the script out with [closure] drop",
    Cause.SCRIPT: "call the program by name, or leave the script out with [closure] drop",
    Cause.BYTE_CODE: "leave the byte code out with [closure] drop, or compile it anew",
    Cause.PYTHON_BUILD: 'drop = ["lib/python*/_sysconfigdata*", "lib/python*/config-*"]',
    Cause.PKG_CONFIG: 'minimise = "safe" leaves it out',
    Cause.LIBTOOL: 'minimise = "safe" leaves it out',
    Cause.CMAKE: 'minimise = "safe" leaves it out',
    Cause.PROPAGATED: 'minimise = "safe" leaves it out',
    Cause.STATIC_LIBRARY: 'minimise = "safe" leaves it out',
    Cause.HEADER: 'minimise = "safe" leaves it out',
    Cause.DOCS: 'minimise = "safe" leaves it out',
    Cause.TEXT: "leave the file out with [closure] drop, or mend it in the package's build",
    Cause.DATA: "leave the file out with [closure] drop, or mend it in the package's build",
}
"""What mends a reference, by its cause."""

_BY_NAME = (
    (Cause.PROPAGATED, re.compile(r"nix-support/.*")),
    (Cause.PYTHON_BUILD, re.compile(r"(.*/)?(_sysconfigdata[^/]*|config-3[^/]*/.*)")),
    (Cause.PKG_CONFIG, re.compile(r".*\.pc")),
    (Cause.LIBTOOL, re.compile(r".*\.la")),
    (Cause.CMAKE, re.compile(r".*\.cmake|(lib|share)/cmake/.*")),
)
_BY_KIND = {
    FileKind.DOCS: Cause.DOCS,
    FileKind.HEADERS: Cause.HEADER,
    FileKind.STATIC_LIBRARIES: Cause.STATIC_LIBRARY,
    FileKind.BYTE_CODE: Cause.BYTE_CODE,
    FileKind.DEBUG: Cause.DEBUG,
}
_BY_SECTION = {
    ".interp": Cause.INTERPRETER,
    "rpath": Cause.RPATH,
    "needed": Cause.NEEDED,
    "soname": Cause.NEEDED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A reference in one file, its likely causes in the order of the offsets, each once."""

    occurrence: Occurrence
    causes: tuple[Cause, ...]

    @property
    def fixes(self) -> tuple[str, ...]:
        """What mends each cause."""
        return tuple(FIXES[cause] for cause in self.causes)


def explain(place: Path, occurrence: Occurrence) -> Explained:
    """Guess why a file of the store path at `place` holds the reference; raises OSError."""
    if occurrence.where != "content":
        cause = Cause.LINK if occurrence.where == "link" else Cause.NAME
        return Explained(occurrence=occurrence, causes=(cause,))
    path = place / occurrence.file if occurrence.file else place
    with path.open("rb") as file:
        first = file.read(_FIRST_LINE_BYTES)
        by_name = _cause_by_name(occurrence.file, first)
        if by_name is not None:
            return Explained(occurrence=occurrence, causes=(by_name,))
        if first.startswith(b"\x7fELF"):
            file.seek(0)
            sections = read_sections(file)
            names = [section_at(sections, offset) for offset in occurrence.offsets]
            causes = [_cause_in_program(name) for name in names]
        else:
            causes = [_cause_in_text(first, offset) for offset in occurrence.offsets]
    return Explained(occurrence=occurrence, causes=tuple(dict.fromkeys(causes)))


def _cause_by_name(name: str, first: bytes) -> Cause | None:
    for cause, pattern in _BY_NAME:
        if pattern.fullmatch(name):
            return cause
    return _BY_KIND.get(kind_of(name, first[:MAGIC_BYTES]))


def _cause_in_program(section: str | None) -> Cause:
    if section is not None and section.startswith((".debug", ".zdebug", ".gnu_debug")):
        return Cause.DEBUG
    return _BY_SECTION.get(section or "", Cause.PROGRAM)


def _cause_in_text(first: bytes, offset: int) -> Cause:
    if first.startswith(b"#!"):
        end = first.find(b"\n")
        return Cause.SHEBANG if end < 0 or offset < end else Cause.SCRIPT
    return Cause.DATA if b"\0" in first else Cause.TEXT
