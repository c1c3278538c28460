"""Which files and store paths an image holds, after the rules.

Two steps. First, files go by the rules, and folders that the rules emptied go with them. Then, for
`tight`, references are looked for in what is left, from the roots on: a store path to which nothing
kept refers goes as a whole. Both depend on nothing but the store paths and the rules.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nixgen.closure.references import ReferenceScanner, hash_of
from nixgen.closure.rules import Minimising
from nixgen.errors import MachineError

Place = Callable[[str], Path]
"""Where a store path lies on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A file that is left out, by which rule or pattern; `size_bytes` is 0 for links."""

    file: str
    reason: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One store path after the rules.

    `files` are the regular files and links that stay, `left_out` those that do not, both in the
    order of the layer; `emptied` are the folders that went with them. Names are relative; a store
    path that is a file itself is one file with an empty name.
    """

    path: str
    files: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    emptied: tuple[str, ...]

    @property
    def absent(self) -> frozenset[str]:
        """Every name that the layer lacks."""
        return frozenset((*(each.file for each in self.left_out), *self.emptied))


Look = Callable[[Kept, Iterable[str], Place], frozenset[str]]
"""Says to which of some store paths the files that are left of another refer."""


def keep_files(path: str, place: Place, rules: Minimising) -> Kept:
    """Apply the rules to one store path; raises MachineError for what can't be read."""
    walker = _Walker(rules)
    try:
        here = os.fspath(place(path))
        if stat.S_ISDIR(os.lstat(here).st_mode):
            walker.folder(here, "")
        else:
            walker.files.append("")
    except OSError as error:
        raise MachineError(
            f"{error.filename}: can't be read: {error.strerror or error}",
            hint="`nix-store --verify --check-contents` looks for damage in the store",
        ) from error
    return Kept(
        path=path,
        files=tuple(walker.files),
        left_out=tuple(walker.left_out),
        emptied=tuple(walker.emptied),
    )


class _Walker:
    def __init__(self, rules: Minimising) -> None:
        self._rules = rules
        self.files: list[str] = []
        self.left_out: list[LeftOut] = []
        self.emptied: list[str] = []

    def folder(self, place: str, below: str) -> bool:
        """Go through a folder; tells whether the rules emptied it."""
        with os.scandir(place) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
        gone = 0
        for entry in ordered:
            name = f"{below}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if self.folder(entry.path, f"{name}/"):
                    self.emptied.append(name)
                    gone += 1
            elif reason := self._rules.reason(name):
                found = entry.stat(follow_symlinks=False)
                size_bytes = found.st_size if stat.S_ISREG(found.st_mode) else 0
                self.left_out.append(LeftOut(file=name, reason=reason, size_bytes=size_bytes))
                gone += 1
            else:
                self.files.append(name)
        if not ordered:
            return bool(below) and self._rules.reason(below.rstrip("/")) is not None
        return gone == len(ordered) and bool(below)


def reach(
    roots: Iterable[str],
    kept: Mapping[str, Kept],
    references: Mapping[str, Sequence[str]],
    place: Place,
    *,
    look: Look | None = None,
) -> frozenset[str]:
    """The store paths that the roots lead to through the files that are left.

    `references` are those that Nix found in the whole store paths: more can't be in a part. `look`
    is `referred_to`, or knows what that would say.
    Roots and references that are not in `kept` are passed over.
    """
    look = look or referred_to
    reached: set[str] = set()
    todo = sorted(set(roots) & kept.keys())
    while todo:
        path = todo.pop()
        if path in reached:
            continue
        reached.add(path)
        candidates = sorted(set(references.get(path, ())) & kept.keys() - reached)
        todo += sorted(look(kept[path], candidates, place))
    return frozenset(reached)


def referred_to(kept: Kept, candidates: Iterable[str], place: Place) -> frozenset[str]:
    """Those of `candidates` to which the files that are left of a store path refer."""
    by_hash = {hash_of(target): target for target in candidates if target != kept.path}
    scanner = ReferenceScanner(by_hash, first_only=True)
    top = place(kept.path)
    try:
        for file in kept.files:
            if scanner.is_done:
                break
            _scan(scanner, top / file if file else top, file)
    except OSError as error:
        raise MachineError(f"{error.filename}: can't be read: {error.strerror}") from error
    return frozenset(by_hash[found] for found in scanner.found)


def _scan(scanner: ReferenceScanner, path: Path, file: str) -> None:
    scanner.feed(file.encode("utf-8", "surrogateescape"))
    scanner.end_file()
    if path.is_symlink():
        scanner.feed(os.fsencode(path.readlink()))
    else:
        with path.open("rb", buffering=0) as content:
            scanner.read(content)
    scanner.end_file()
