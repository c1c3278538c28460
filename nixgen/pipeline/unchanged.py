"""Knowing that a run would only repeat the last one: what it reads and what it made are as then.

A run leaves a stamp in the state folder: the digests of the description and the lockfile; name,
size, times, mode and inode of every file of the project's source, of a local package set, of base
images on disk, of nixgen itself and of the image; the roots that keep the result from garbage
collection; and what was printed. The next run of the same call whose stamp still holds prints the
same again, without asking Nix. Sources are surveyed before they are read and once more when the
image is there; a source that changed in between, or within the last seconds before, gets no
stamp, so that no change can hide in a clock's tick (git's index knows this as being racy:
https://git-scm.com/docs/racy-git).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nixgen
from nixgen import resources
from nixgen.digest import Digest
from nixgen.errors import NixgenError
from nixgen.filewalk import facts_line, walk_files
from nixgen.lock import lock_path
from nixgen.pipeline.outcome import Outcome
from nixgen.pipeline.state import State
from nixgen.sourcetree import SourceTree, survey_source

_FORMAT = 3
_SETTLED_NS = 2_000_000_000
_VARIABLES = ("NIX_", "NIXGEN_", "SOURCE_DATE_EPOCH", "XDG_CACHE_HOME", "XDG_STATE_HOME", "HOME")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One way of calling: `options` are those, as given, that the image's bytes depend on."""

    description: Path
    destination: Path | None
    options: Mapping[str, Any]

    def key(self, environ: Mapping[str, str]) -> str:
        """A name for the call: equal for equal calls from the same folder and environment."""
        variables = {name: environ[name] for name in environ if name.startswith(_VARIABLES)}
        document = {
            "folder": str(Path.cwd()),
            "description": str(self.description.absolute()),
            "destination": None if self.destination is None else str(self.destination),
            "options": self.options,
            "environment": variables,
            "machine": os.uname().machine,
        }
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """A file or a folder that a run read, surveyed before; `facts` tell it from any other."""

    place: Path
    facts: str
    newest_ns: int
    surveyed_ns: int

    @classmethod
    def of(cls, place: Path) -> Surveyed:
        """Survey a place; a link stands for what it leads to. Raises OSError."""
        surveyed_ns, newest_ns = time.time_ns(), 0
        resolved = place.resolve()
        state = hashlib.sha256(os.fsencode(resolved))
        for name, found in walk_files(resolved):
            state.update(facts_line(name, found) + b"%d\n" % found.st_ctime_ns)
            newest_ns = max(newest_ns, found.st_mtime_ns, found.st_ctime_ns)
        return cls(
            place=place, facts=state.hexdigest(), newest_ns=newest_ns, surveyed_ns=surveyed_ns
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a run read, surveyed before it read the files of the trees and base images."""

    description: Path
    description_digest: Digest
    trees: tuple[SourceTree, ...]
    bases: tuple[Surveyed, ...] = ()

    @property
    def are_settled(self) -> bool:
        """Whether a later change is sure to show in the facts."""
        ages = [tree.surveyed_ns - tree.newest_ns for tree in self.trees]
        ages += [base.surveyed_ns - base.newest_ns for base in self.bases]
        return all(age > _SETTLED_NS for age in ages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A link that keeps a store path: what it says, and where that path lies on this machine."""

    link: Path
    target: str
    place: Path

    @classmethod
    def of(cls, document: Mapping[str, str]) -> Root:
        """Read what `as_json` wrote."""
        return cls(
            link=Path(document["link"]),
            target=document["target"],
            place=Path(document["place"]),
        )

    def as_json(self) -> dict[str, str]:
        """For a stamp."""
        return {"link": str(self.link), "target": self.target, "place": str(self.place)}

    @property
    def holds(self) -> bool:
        """Whether the link is as it was, and the path is there."""
        try:
            return str(self.link.readlink()) == self.target and self.place.exists()
        except OSError:
            return False


def recall(call: Call, state: State, environ: Mapping[str, str]) -> Outcome | None:
    """What the last run of this call gave, None where a new run could give anything else."""
    stamp = state.stamp(call.key(environ))
    try:
        if stamp is None or stamp["format"] != _FORMAT or not _holds(stamp, call.description):
            return None
        return Outcome.of(stamp["image"])
    except (OSError, KeyError, TypeError, ValueError, AttributeError, NixgenError):
        # why: a stamp is a shortcut, and whatever is wrong with the inputs the run itself says.
        return None


def remember(
    call: Call,
    inputs: Inputs,
    outcome: Outcome,
    *,
    roots: Sequence[Root],
    state: State,
    environ: Mapping[str, str],
) -> None:
    """Leave the stamp of a run, where what it read stayed as it was."""
    lock = _digest(lock_path(inputs.description))
    if lock is None or not inputs.are_settled:
        return
    trees = [survey_source(tree.folder, lock_name=tree.lock_name) for tree in inputs.trees]
    if [tree.facts for tree in trees] != [tree.facts for tree in inputs.trees]:
        return
    bases = {str(base.place): base.facts for base in inputs.bases}
    if bases != _bases_now(bases):
        return
    stamp = {
        "format": _FORMAT,
        "program": program_facts(),
        "description": str(inputs.description_digest),
        "lock": lock,
        "trees": [
            {"folder": str(tree.folder), "lock_name": tree.lock_name, "facts": tree.full_facts}
            for tree in trees
        ],
        "bases": bases,
        "roots": [root.as_json() for root in roots],
        "files": facts_of(outcome.path),
        "image": outcome.as_json(),
    }
    state.write_stamp(call.key(environ), stamp)


def _holds(stamp: Mapping[str, Any], description: Path) -> bool:
    """Whether everything that the stamp tells of is as it was, the cheapest first."""
    return (
        _digest(description) == stamp["description"]
        and _digest(lock_path(description)) == stamp["lock"]
        and all(Root.of(each).holds for each in stamp["roots"])
        and facts_of(Path(stamp["image"]["path"])) == stamp["files"]
        and program_facts() == stamp["program"]
        and _bases_now(stamp["bases"]) == stamp["bases"]
        and all(
            survey_source(Path(tree["folder"]), lock_name=tree["lock_name"]).full_facts
            == tree["facts"]
            for tree in stamp["trees"]
        )
    )


def _bases_now(places: Iterable[str]) -> dict[str, str]:
    return {place: Surveyed.of(Path(place)).facts for place in places}


def program_facts() -> str:
    """What tells this nixgen from another: its version and the facts of its own files."""
    package = Path(nixgen.__file__).parent
    found = (facts_of(each) for each in (package, resources.nix_dir(), resources.templates_dir()))
    return hashlib.sha256("\n".join((nixgen.__version__, *found)).encode()).hexdigest()


def facts_of(place: Path) -> str:
    """A digest of names, sizes, modification times and inodes of a file, or of all in a folder.

    Times of change are left out: making another hard link to a blob alters them.
    """
    state = hashlib.sha256()
    for name, found in walk_files(place):
        if "__pycache__/" not in name:
            state.update(facts_line(name, found))
    return state.hexdigest()


def _digest(path: Path) -> str | None:
    try:
        return str(Digest.of_bytes(path.read_bytes()))
    except OSError:
        return None
