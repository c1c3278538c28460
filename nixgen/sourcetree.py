"""What counts as an app's source: one filter for every builder and for hashing.

In a git repository: the files git tracks, and those it does not track and does not ignore. Only
the repository's own `.gitignore` files are asked, never the user's global excludes, so that two
people get the same source. Elsewhere: every file. Never: `.git`, the lockfile, generated Nix,
images and build records that nixgen made, caches of Python and editors, and key pairs to sign with
that git does not track.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nixgen import _process
from nixgen.errors import DescriptionError, MachineError, Problem
from nixgen.filewalk import facts_line

GENERATED_MARK = ".nixgen-generated"
"""A folder with this file in it holds generated Nix."""

_GIT_SOURCE = ("--cached", "--others", "--exclude-per-directory=.gitignore")
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_RECORD_MARK = b'"_type": "https://in-toto.io/Statement/'
_LAYOUT_MARK = "oci-layout"
_CACHES = frozenset(
    {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".direnv", ".venv"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTree:
    """A source as it was at one moment, by what the file system says of it.

    `files` as `list_source` gives them. `facts` is a digest of their names, modes, sizes,
    modification times and inodes; `full_facts` of their times of change too, which making a hard
    link alters. `newest_ns` is the newest modification, `surveyed_ns` the moment before the
    survey, both in nanoseconds since 1970.
    """

    folder: Path
    lock_name: str
    files: tuple[PurePosixPath, ...]
    facts: str
    full_facts: str
    newest_ns: int
    surveyed_ns: int


def survey_source(folder: Path, *, lock_name: str) -> SourceTree:
    """List the source, and take the facts of its files; raises as `list_source` does."""
    surveyed_ns, newest_ns = time.time_ns(), 0
    files = list_source(folder, lock_name=lock_name)
    plain, full = hashlib.sha256(), hashlib.sha256()
    for path in files:
        found = (folder / path).lstat()
        line = facts_line(str(path), found)
        plain.update(line)
        full.update(line + b"%d\n" % found.st_ctime_ns)
        newest_ns = max(newest_ns, found.st_mtime_ns)
    return SourceTree(
        folder=folder,
        lock_name=lock_name,
        files=files,
        facts=plain.hexdigest(),
        full_facts=full.hexdigest(),
        newest_ns=newest_ns,
        surveyed_ns=surveyed_ns,
    )


def list_source(folder: Path, *, lock_name: str) -> tuple[PurePosixPath, ...]:
    """The files and symlinks of the source, relative to `folder`, sorted by path component.

    Raises MachineError where the folder is in a git repository and git is missing, and
    DescriptionError for a file that Nix can't store (a socket, a device, a pipe).
    """
    in_repository = _in_repository(folder)
    candidates = _git_files(folder) if in_repository else _walk(folder, PurePosixPath())
    kept = {path for path in candidates if not _left_out(folder, path, lock_name)}
    pairs = {path for path in kept if _is_of_key_pair(folder, path)}
    kept -= pairs.difference(_git_files(folder, "--cached")) if pairs and in_repository else pairs
    for path in sorted(kept):
        mode = (folder / path).lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            raise DescriptionError(
                "the source holds something that is neither a file nor a symlink",
                problems=[Problem(message="a special file", file=str(path))],
                hint="remove it, or name it in .gitignore",
            )
    return tuple(sorted(kept, key=lambda path: path.parts))


def stage_source(folder: Path, files: Sequence[PurePosixPath], destination: Path) -> None:
    """Put the listed files below `destination`, as hard links where that can be, else as copies.

    Only content, the owner's execute bit and symlink targets matter to Nix; times and owners do
    not reach the store.
    """
    for path in files:
        target = destination / path
        target.parent.mkdir(parents=True, exist_ok=True)
        origin = folder / path
        if origin.is_symlink():
            target.symlink_to(origin.readlink())
            continue
        try:
            os.link(origin, target)
        except OSError:
            shutil.copy2(origin, target)


def _in_repository(folder: Path) -> bool:
    return any((parent / ".git").exists() for parent in (folder, *folder.parents))


def _git_files(folder: Path, *which: str) -> Iterator[PurePosixPath]:
    git = _process.find_program("git")
    if git is None:
        raise MachineError(
            f"{folder} is in a git repository, and git is not installed",
            hint="install git (Debian: apt-get install git): it says which files are source",
        )
    argv = [str(git), "-c", "safe.directory=*", "-c", "core.quotePath=false", "-C", str(folder)]
    argv += ["ls-files", "-z", *(which or _GIT_SOURCE)]
    listed = _process.run(argv)
    if listed.exit_code != 0:
        raise MachineError(f"git could not list {folder}: {listed.stderr.strip()}")
    for raw in listed.stdout.split(b"\0"):
        name = os.fsdecode(raw)
        path = PurePosixPath(name)
        if not name or not os.path.lexists(folder / path):
            continue
        if (folder / path).is_dir() and not (folder / path).is_symlink():
            # why: a submodule is listed as one directory; its own rules say what is in it.
            for inner in _git_files(folder / path, *which):
                yield path / inner
        else:
            yield path


def _walk(folder: Path, below: PurePosixPath) -> Iterator[PurePosixPath]:
    for item in sorted((folder / below).iterdir()):
        path = below / item.name
        if item.is_dir() and not item.is_symlink():
            if item.name not in _CACHES and item.name != ".git":
                yield from _walk(folder, path)
        else:
            yield path


def _left_out(folder: Path, path: PurePosixPath, lock_name: str) -> bool:
    if path == PurePosixPath(lock_name) or ".git" in path.parts or _CACHES & set(path.parts):
        return True
    if path.name.endswith((".oci.tar", ".docker.tar")) or (
        path.suffix == ".tar" and (folder / path).is_file() and _is_image_archive(folder / path)
    ):
        return True
    if path.name.endswith(".record.json") and _is_record(folder / path):
        return True
    return any(
        (folder / parent / _LAYOUT_MARK).is_file() or (folder / parent / GENERATED_MARK).is_file()
        for parent in path.parents
        if parent != PurePosixPath()
    )


def _is_of_key_pair(folder: Path, path: PurePosixPath) -> bool:
    """Whether a file is the private or the public half of a pair NAME.key and NAME.pub.

    why: the store can be read by every user of the machine, and a new pair changes no app.
    """
    if path.suffix not in (".key", ".pub"):
        return False
    private, public = (folder / path.with_suffix(suffix) for suffix in (".key", ".pub"))
    if not private.is_file() or not public.is_file():
        return False
    with private.open("rb") as file:
        return _PRIVATE_KEY.match(file.read(100)) is not None


def _is_record(path: Path) -> bool:
    """Whether a file is a build record as nixgen writes it beside an image."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _RECORD_MARK in file.read(100)


def _is_image_archive(path: Path) -> bool:
    """Whether a tar file is an image archive: its first entry is a blob or an image's JSON."""
    with path.open("rb") as file:
        header = file.read(512)
    name = header[:100].rstrip(b"\0")
    return name.startswith((b"blobs/", b"oci-layout")) or (
        name.endswith((b".json", b"/layer.tar")) and len(name) >= 64
    )
