"""Which revision of which repository a project's source is, as git tells it."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen import _process
from nixgen.sourcetree import SourceTree

_TIME_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A commit, and where its repository says that it comes from, without names and passwords.

    `is_clean`: no source file below the project's folder differs from it.
    """

    commit: str
    repository: str | None
    is_clean: bool

    def as_json(self) -> dict[str, Any]:
        """The revision as a JSON object."""
        return {"commit": self.commit, "repository": self.repository, "clean": self.is_clean}


def find_revision(folder: Path, source: SourceTree | None, *, lock_name: str) -> Revision | None:
    """The revision of a folder; None outside of a repository, before the first commit, without git.

    The lockfile and untracked files that are no source may differ in a clean one. Raises
    MachineError where git does not come to an end.
    """
    if _process.find_program("git") is None:
        return None
    commit = _ask(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    address = _ask(folder, "remote", "get-url", "origin")
    beside_lock = ("--", ".", f":(exclude){lock_name}")
    changed = _ask(folder, "status", "--porcelain", "--untracked-files=no", *beside_lock)
    untracked = _ask(folder, "ls-files", "-z", "--others", "--exclude-per-directory=.gitignore")
    files = set() if source is None else {str(path) for path in source.files}
    return Revision(
        commit=commit,
        repository=None if not address else public_address(address),
        is_clean=changed == "" and files.isdisjoint((untracked or "").split("\0")),
    )


def public_address(address: str) -> str | None:
    """An address of git as a URL without user and password; None for a place on this machine."""
    if "://" not in address:
        host, separator, path = address.partition(":")
        if not separator or "/" in host:
            return None
        # https://git-scm.com/docs/git-clone#_git_urls: `user@host:path` is short for ssh.
        address = f"ssh://{host}/{path.lstrip('/')}"
    return public_url(address)


def public_url(url: str) -> str | None:
    """A URL without user and password; None for one of this machine, or that is none."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    name = f"[{host}]" if ":" in host else host
    place = name if port is None else f"{name}:{port}"
    return urllib.parse.urlunsplit((parts.scheme, place, parts.path, parts.query, ""))


def _ask(folder: Path, *arguments: str) -> str | None:
    argv = ["git", "--no-optional-locks", "-c", "safe.directory=*", "-c", "core.fsmonitor=false"]
    argv += ["-C", str(folder)]
    done = _process.run([*argv, *arguments], timeout_s=_TIME_LIMIT_S)
    return done.stdout.decode(errors="replace").strip() if done.exit_code == 0 else None
