"""What asking one place for one file comes to: the file, or why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from nixgen.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Obtained:
    """A whole file, not yet compared with its pin. `lent`: it is not ours to move or change."""

    path: Path
    digest: Digest
    lent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """The place does not give the file; `wrong_content`: it gives another one by that name."""

    reason: str
    wrong_content: bool = False


Answer = Obtained | Miss


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One thing to try: `where` says it to people, `get` does it within an empty folder.

    `get` answers with a Miss what is the place's fault, and raises OSError or MachineError for
    what is this machine's. `runs_program` asks to be called from the main thread, the only one
    that an interrupt reaches.
    """

    where: str
    get: Callable[[Path], Answer]
    runs_program: bool = False


def shown_url(url: str) -> str:
    """A URL for people's eyes: without a user name or password in it."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def without_logins(text: str) -> str:
    """A foreign program's words without the user names and passwords of URLs in them."""
    return re.sub(r"(?<=://)[^/@\s]+@", "", text)


def last_line(text: str) -> str:
    """The last line that says something, the most telling one of a program that failed."""
    lines = [line.strip() for line in without_logins(text).splitlines() if line.strip()]
    return lines[-1] if lines else "it says nothing"


def read_local(path: Path) -> Answer:
    """A file that another one keeps on this machine, hashed where it lies."""
    try:
        if not path.is_file():
            return Miss(reason="not there")
        return Obtained(path=path, digest=Digest.of_file(path), lent=True)
    except OSError as error:
        return Miss(reason=f"can't be read: {error.strerror}")
