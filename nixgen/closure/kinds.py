"""What a file of a store path is for, told by its name and its first bytes.

The folders are those of the Filesystem Hierarchy Standard below a prefix
(https://refspecs.linuxfoundation.org/FHS_3.0/fhs/), as autotools, CMake and Python use them.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache

MAGIC_BYTES = 4


class FileKind(StrEnum):
    """What a file is for."""

    CODE = "code"
    DATA = "data"
    DOCS = "docs"
    HEADERS = "headers"
    STATIC_LIBRARIES = "static-libraries"
    BUILD_FILES = "build-files"
    LOCALES = "locales"
    BYTE_CODE = "byte-code"
    DEBUG = "debug"


_BY_NAME: tuple[tuple[FileKind, str], ...] = (
    (FileKind.DEBUG, r"lib/debug/.*|.*\.(debug|dwo|dwp)"),
    (FileKind.BYTE_CODE, r".*\.(pyc|pyo|elc)"),
    (FileKind.DOCS, r"(share/)?(doc|man|info|gtk-doc|devhelp)/.*"),
    (FileKind.HEADERS, r"include/.*|.*\.(h|hh|hpp|hxx)"),
    (FileKind.STATIC_LIBRARIES, r".*\.(a|o)"),
    (
        FileKind.BUILD_FILES,
        r".*\.(la|pc)|(lib|share)/(cmake|pkgconfig|aclocal)/.*|nix-support/.*|.*\.cmake|.*\.m4",
    ),
    (FileKind.LOCALES, r"(share|lib)/(locale|i18n)/.*"),
    (
        FileKind.CODE,
        r"s?bin/.*|libexec/.*|.*\.so(\.[0-9.]+)?|.*\.(py|pl|pm|rb|lua|js|mjs|tcl|sh|jar|wasm)",
    ),
)
_CODE_MAGIC = (b"\x7fELF", b"#!")


def kind_of(name: str, magic: bytes) -> FileKind:
    """The kind of a file: `name` is relative to its store path, `magic` are its first bytes.

    A program is code wherever it is, unless it was put where documentation or debug information
    belongs.
    """
    by_name = _kind_by_name(name)
    if by_name is None or by_name in (FileKind.HEADERS, FileKind.BUILD_FILES):
        return FileKind.CODE if magic.startswith(_CODE_MAGIC) else by_name or FileKind.DATA
    return by_name


def _kind_by_name(name: str) -> FileKind | None:
    return next((kind for kind, pattern in _patterns() if pattern.fullmatch(name)), None)


@cache
def _patterns() -> tuple[tuple[FileKind, re.Pattern[str]], ...]:
    return tuple((kind, re.compile(text, re.DOTALL)) for kind, text in _BY_NAME)
