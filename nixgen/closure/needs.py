"""What a program can't start without: its loader, its libraries, the interpreter of a script.

Libraries are looked for where the program itself says (DT_RUNPATH or DT_RPATH, with `$ORIGIN`), as
ld.so(8) does; what the machine's own search path would find is nobody's promise.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nixgen.closure.sections import Section, read_sections

_FIRST_LINE_BYTES = 4096
_LONGEST_STRING_BYTES = 1 << 16
_MOST_LINKS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """`file` can't start without one of `places`, absolute paths of the image."""

    file: str
    what: str
    places: tuple[str, ...]


def find_needs(file: str, place: Path) -> Iterator[Need]:
    """The needs of the file that has the absolute path `file` in the image and lies at `place`.

    Raises OSError.
    """
    if place.is_symlink() or not place.is_file():
        return
    with place.open("rb") as stream:
        first = stream.read(_FIRST_LINE_BYTES)
        if first.startswith(b"#!"):
            words = first[2:].split(b"\n")[0].split()
            if words and words[0].startswith(b"/"):
                interpreter = words[0].decode("utf-8", "surrogateescape")
                yield Need(file=file, what="interpreter", places=(interpreter,))
        elif first.startswith(b"\x7fELF"):
            stream.seek(0)
            sections = read_sections(stream)

            def text(section: Section) -> str:
                stream.seek(section.start)
                raw = stream.read(min(section.size_bytes, _LONGEST_STRING_BYTES))
                return raw.split(b"\0")[0].decode("utf-8", "surrogateescape")

            yield from _program_needs(file, sections, text)


def _program_needs(
    file: str, sections: tuple[Section, ...], text: Callable[[Section], str]
) -> Iterator[Need]:
    loaders = [text(each) for each in sections if each.name == ".interp"]
    for loader in loaders:
        yield Need(file=file, what="loader", places=(loader,))
    folders = [
        folder.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", posixpath.dirname(file))
        for each in sections
        if each.name == "rpath"
        for folder in text(each).split(":")
        if folder
    ]
    for each in sections:
        if each.name == "needed":
            library = text(each)
            # why: a name with a slash is a path, and not looked for.
            search = [""] if "/" in library else folders
            places = tuple(posixpath.normpath(posixpath.join(each, library)) for each in search)
            yield Need(file=file, what="library", places=places)


def is_there(path: str, find: Callable[[str], Path | None]) -> bool:
    """Whether a path leads to a file, by links of the image; `find` gives a path's place, or None.

    Only store paths are asked for; whatever lies elsewhere is not there.
    """
    for _ in range(_MOST_LINKS):
        place = find(path)
        if place is None:
            return False
        if not place.is_symlink():
            return place.exists()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), str(place.readlink())))
    return False
