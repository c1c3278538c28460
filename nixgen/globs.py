"""File patterns: which relative paths they choose.

`*`, `?` and `[…]` stand for characters of one part of a path and `**` for any number of parts; a
pattern that matches a folder means all that is in it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import PurePosixPath


def matches(pattern: str, path: PurePosixPath | str) -> bool:
    """Whether a pattern matches a relative path, or one of the folders above it."""
    return _compiled(pattern).fullmatch(str(path)) is not None


def matches_any(patterns: tuple[str, ...], path: str) -> bool:
    """Whether one of several patterns matches, told by one look at the path."""
    return _all_compiled(patterns).fullmatch(path) is not None


def matches_image_path(pattern: str, path: str) -> bool:
    """Whether a pattern means a file of an image, given by its absolute path there.

    `/…` means paths from the image's root; `NAME/…` those below a store path of that name, which
    is what follows the hash: `curl-8.14.1/bin/curl`.
    """
    if pattern.startswith("/"):
        return matches(pattern[1:], path[1:])
    in_store = _IN_STORE.match(path)
    return in_store is not None and matches(pattern, path[in_store.end() :])


_IN_STORE = re.compile(r"/nix/store/[0-9a-z]{32}-")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_expression(pattern), re.DOTALL)


@cache
def _all_compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    # why: without alternatives nothing may match, not even an empty path.
    return re.compile("|".join(map(_expression, patterns)) or "(?!)", re.DOTALL)


def _expression(pattern: str) -> str:
    parts = pattern.split("/")
    text = ""
    for index, part in enumerate(parts):
        if part == "**":
            # why not `.*` alone: "**/a" also means "a", and "a/**" means what is in it.
            text += "(?:[^/]+/)*" if index < len(parts) - 1 else "[^/]+"
        else:
            text += _one_part(part) + ("/" if index < len(parts) - 1 else "")
    return f"{text}(?:/.*)?"


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
