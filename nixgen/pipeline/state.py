"""What nixgen remembers between runs, in the user's state folder.

`roots/` keeps the last results from Nix's garbage collection, one set per description and
profile; `builds/` holds a record of each, `programs/` what was found in their layers and
`references/` in their store paths; `stamps/` what tells a repeated run that nothing has changed;
`probes/` what was found out about the machine by building; `last-failure` names the derivation
that last failed.
The place is `$XDG_STATE_HOME/nixgen`, by default `~/.local/state/nixgen`
(https://specifications.freedesktop.org/basedir-spec/latest/).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nixgen.digest import Digest
from nixgen.errors import MachineError
from nixgen.folders import state_folder
from nixgen.wholefile import write_whole

MemoryKind = Literal["programs", "references"]

RECORD_FORMAT = 3
"""The format of the build records that are written; others are as good as none."""


@dataclass(frozen=True, slots=True)
class State:
    """The state folder; nothing is made before it is needed."""

    folder: Path

    @classmethod
    def of_user(cls, environ: Mapping[str, str]) -> State:
        """The state folder of this user; raises MachineError for one without a home."""
        return cls(state_folder(environ))

    def root_link(self, description: Path, profile: str | None) -> Path:
        """The garbage-collection root of a description's last result; its folder exists."""
        self._make(self.folder / "roots")
        return self.folder / "roots" / _key(description, profile)

    def root_links(self) -> tuple[Path, ...]:
        """All roots that are there, sorted by name."""
        roots = self.folder / "roots"
        return tuple(sorted(roots.iterdir())) if roots.is_dir() else ()

    def drop_links_beyond(self, link: Path, count: int) -> None:
        """Remove the further roots (`<link>-N`) that a build with more results once left."""
        number = count + 1
        while (further := link.with_name(f"{link.name}-{number}")).is_symlink():
            further.unlink()
            number += 1

    def write_record(self, description: Path, profile: str | None, record: Any) -> Path:
        """Keep the record of a build; gives its place."""
        place = self.folder / "builds" / f"{_key(description, profile)}.json"
        self._write(place, json.dumps(record, indent=2, sort_keys=True) + "\n")
        return place

    def record(self, description: Path, profile: str | None) -> Any | None:
        """The record of the last build, None where there is none that can be read."""
        return _read_json(self.folder / "builds" / f"{_key(description, profile)}.json")

    def record_of(self, digest: Digest) -> Any | None:
        """The last record of a build that gave the image of this digest, None where none is kept.

        The digest may be that of one of its platforms. Records of other formats are passed over.
        """
        places = [
            (each.stat().st_mtime_ns, each) for each in (self.folder / "builds").glob("*.json")
        ]
        for _, place in sorted(places, reverse=True):
            record = _read_json(place)
            if str(digest) in _digests(record):
                return record
        return None

    def write_memory(
        self, kind: MemoryKind, description: Path, profile: str | None, found: Any
    ) -> None:
        """Remember what was found in the store paths of a description's images."""
        place = self.folder / kind / f"{_key(description, profile)}.json"
        self._write(place, json.dumps(found, sort_keys=True) + "\n")

    def memory(self, kind: MemoryKind, description: Path, profile: str | None) -> Any | None:
        """What `write_memory` last kept, None where there is nothing that can be read."""
        return _read_json(self.folder / kind / f"{_key(description, profile)}.json")

    def write_stamp(self, key: str, stamp: Mapping[str, Any]) -> None:
        """Keep the stamp of a run; the oldest beyond the last hundred go."""
        self._write(self.folder / "stamps" / f"{key}.json", json.dumps(stamp, sort_keys=True))
        stamps = [(each.lstat().st_mtime_ns, each) for each in self._stamps()]
        for _, place in sorted(stamps)[:-_KEPT_STAMPS]:
            place.unlink(missing_ok=True)

    def stamp(self, key: str) -> Any | None:
        """The stamp of the last run that had this key, None where there is none."""
        return _read_json(self.folder / "stamps" / f"{key}.json")

    def _stamps(self) -> Iterator[Path]:
        return (self.folder / "stamps").glob("*.json")

    def write_probe(self, key: str, answer: str) -> None:
        """Remember what a probe of the machine found."""
        self._write(self.folder / "probes" / key, answer + "\n")

    def probe(self, key: str) -> str | None:
        """What that probe found before; None where it was not made."""
        try:
            return (self.folder / "probes" / key).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None

    def write_failure(self, derivation: str) -> None:
        """Remember which derivation failed, for `nixgen log`."""
        self._write(self.folder / "last-failure", derivation + "\n")

    def failure(self) -> str | None:
        """The store path of the derivation that last failed; None where none did."""
        try:
            return (self.folder / "last-failure").read_text(encoding="utf-8").strip() or None
        except OSError:
            return None

    def forget_failure(self) -> None:
        """A build went well: nothing is left to look at."""
        (self.folder / "last-failure").unlink(missing_ok=True)

    def _write(self, place: Path, text: str) -> None:
        self._make(place.parent)
        try:
            write_whole(place, text.encode())
        except OSError as error:
            raise MachineError(
                f"{place}: can't be written: {error.strerror or error}", hint=_HINT
            ) from error

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MachineError(
                f"{folder}: can't be made: {error.strerror or error}", hint=_HINT
            ) from error


_KEPT_STAMPS = 100
_HINT = "set XDG_STATE_HOME to a folder that you can write to"


def _read_json(place: Path) -> Any | None:
    try:
        return json.loads(place.read_bytes())
    except (OSError, ValueError):
        return None


def _digests(record: Any) -> set[Any]:
    """The digests that a record names its image by; none of a damaged or foreign one."""
    try:
        if record["format"] != RECORD_FORMAT:
            return set()
        image = record["image"]
        return {image["digest"], *(each["digest"] for each in image["platforms"])}
    except (TypeError, KeyError):
        return set()


def _key(description: Path, profile: str | None) -> str:
    """A file name for a description and profile: readable, and unlike for unlike paths."""
    path = str(description.resolve())
    digest = hashlib.sha256(f"{path}\0{profile or ''}".encode()).hexdigest()[:16]
    return f"{description.resolve().parent.name or 'root'}-{digest}"
