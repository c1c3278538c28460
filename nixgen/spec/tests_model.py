"""What a test of an image means: `Test`, for one platform, with every default filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Pairs = tuple[tuple[str, str], ...]
"""A table of strings as (name, value) pairs, sorted by name, each name once."""

FileType = Literal["file", "directory", "symlink"]

DEFAULT_TIMEOUT_NS = 30_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a text must be like; all that is set must hold.

    `text` is the whole text, but for newlines at its end; each of `contains` is part of it;
    `regex` is found in it, by Python's `re` with `^` and `$` at each line.
    """

    text: str | None = None
    contains: tuple[str, ...] = ()
    regex: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCheck:
    """A path that the image must hold, links followed: what it leads to has this type and mode.

    With type "symlink" the path itself must be a link, whatever it leads to.
    """

    path: str
    type: FileType | None = None
    mode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortCheck:
    """A TCP port that must take a connection, and with `get` (a path) answer to HTTP."""

    port: int
    get: str | None = None
    status: int = 200
    body: Expectation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One test of the image.

    `run` None is the image's own process. `exit` None demands 0 of what runs to its end, and
    nothing of a server that is ended once its `ports` have answered. `user` is (uid, gid), None
    the image's own. `absent` are paths that the image must not hold. `timeout_ns` bounds all of
    it, in nanoseconds.
    """

    __test__ = False  # why: pytest collects classes of this name otherwise.

    name: str
    run: tuple[str, ...] | None = None
    exit: int | None = None
    stdout: Expectation | None = None
    stderr: Expectation | None = None
    stdin: str = ""
    env: Pairs = ()
    user: tuple[int, int] | None = None
    files: tuple[FileCheck, ...] = ()
    absent: tuple[str, ...] = ()
    ports: tuple[PortCheck, ...] = ()
    network: bool = False
    timeout_ns: int = DEFAULT_TIMEOUT_NS

    @property
    def starts_something(self) -> bool:
        """Whether a program is started; else the test only looks at files."""
        outcomes = (self.run, self.exit, self.stdout, self.stderr)
        return bool(self.ports or self.stdin) or any(part is not None for part in outcomes)
