"""File patterns of a description: which of the source's files they choose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import PurePosixPath

from nixgen.errors import DescriptionError, Problem


def select_files(
    source_files: Sequence[PurePosixPath],
    *,
    folder: str,
    include: Sequence[str],
    exclude: Sequence[str],
    key: str,
) -> list[str]:
    """The files below `folder` that `include` chooses and `exclude` does not, relative to it.

    Sorted by path component. In a pattern `*`, `?` and `[…]` stand for characters of one part of
    a path and `**` for any number of parts; a pattern that matches a folder means all that is in
    it. Raises DescriptionError, which names `key`, for an including pattern that matches
    nothing, and where nothing is left.
    """
    below = PurePosixPath(folder)
    files = sorted(
        (path.relative_to(below) for path in source_files if path.is_relative_to(below)),
        key=lambda path: path.parts,
    )
    problems = [
        Problem(
            key=f"{key}[{index}]",
            message=f"{pattern!r} matches no file of the source",
            hint="files that .gitignore names are no source",
        )
        for index, pattern in enumerate(include)
        if not any(matches(pattern, path) for path in files)
    ]
    if problems:
        raise DescriptionError("a file pattern matches nothing", problems=problems)
    chosen = [
        path
        for path in files
        if any(matches(pattern, path) for pattern in include)
        and not any(matches(pattern, path) for pattern in exclude)
    ]
    if not chosen:
        raise DescriptionError(
            "no file is left",
            problems=[Problem(key=key, message="every file of it is left out by build.exclude")],
        )
    return [str(path) for path in chosen]


def matches(pattern: str, path: PurePosixPath) -> bool:
    """Whether a pattern matches a relative path, or one of the folders above it."""
    return _compiled(pattern).fullmatch(str(path)) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = pattern.split("/")
    text = ""
    for index, part in enumerate(parts):
        if part == "**":
            # why not `.*` alone: "**/a" also means "a", and "a/**" means what is in it.
            text += "(?:[^/]+/)*" if index < len(parts) - 1 else "[^/]+"
        else:
            text += _one_part(part) + ("/" if index < len(parts) - 1 else "")
    return re.compile(f"{text}(?:/.*)?", re.DOTALL)


_SPECIAL = re.compile(
    r"(?P<any>\*+)|(?P<one>\?)|\[(?P<not>!?)(?P<set>\]?[^\]]*)\]|(?P<plain>.)", re.DOTALL
)


def _one_part(part: str) -> str:
    """A regular expression for a part of a path that is not `**`; it never matches a slash."""
    text = ""
    for match in _SPECIAL.finditer(part):
        if match["any"]:
            text += "[^/]*"
        elif match["one"]:
            text += "[^/]"
        elif match["plain"]:
            text += re.escape(match["plain"])
        else:
            members = re.sub(r"([\\\[\]^&~|])", r"\\\1", match["set"])
            text += f"(?!/)[{'^' if match['not'] else ''}{members}]"
    return text
