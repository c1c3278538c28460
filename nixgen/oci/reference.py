"""How a user names an image on disk: `[oci:|oci-archive:|docker-archive:]PATH[:TAG]`."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from nixgen.errors import UsageError
from nixgen.oci.opening import SourceFormat, StoredImage, open_stored

# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
FORMATS = ("oci-archive", "docker-archive", "oci")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlace:
    """A place on disk; `form` None where it is to be found out."""

    path: Path
    form: SourceFormat | None
    tag: str | None

    def open(self) -> StoredImage:
        """Open the image there; raises as `open_stored`, with a hint where nothing is there."""
        if not is_there(self.path):
            raise UsageError(
                f"no image at {self.path}: there is no such file or folder", hint=self._nearest()
            )
        return open_stored(self.path, form=self.form, tag=self.tag)

    def _nearest(self) -> str | None:
        """What lies beside it under a name much like it."""
        try:
            names = sorted(path.name for path in self.path.parent.iterdir())
        except OSError:
            return None
        close = difflib.get_close_matches(self.path.name, names, n=1, cutoff=0.6)
        return f"did you mean {self.path.with_name(close[0])}?" if close else None

    @classmethod
    def parse(cls, text: str) -> ImagePlace:
        """Parse a place; a PATH that is there is never cut at a colon. Raises UsageError."""
        prefix, separator, rest = text.partition(":")
        form = cast(SourceFormat, prefix) if separator and prefix in FORMATS else None
        path = rest if form else text
        if not path or "\0" in path:
            raise UsageError(f"{text!r} names no image", hint="PATH or PATH:TAG")
        tag = None
        place = _cut(path, form)
        if place is not None:
            path, tag = path[:place], path[place + 1 :]
        if tag == "":
            raise UsageError(f"{text}: the tag after the colon is empty")
        return cls(path=Path(path), form=form, tag=tag)


def check_tag(target: ImagePlace) -> None:
    """Raise UsageError where a copy could not have that tag, or NAME:TAG in a docker-archive."""
    name, colon, tag = (target.tag or "").rpartition(":")
    named = bool(name) and target.form == "docker-archive"
    if target.tag is not None and not (_TAG.fullmatch(tag) and (named or not colon)):
        raise UsageError(
            f"{target.path}:{target.tag}: {tag!r} is no tag",
            hint="a tag is at most 128 letters, digits and . _ -",
        )


def _cut(path: str, form: SourceFormat | None) -> int | None:
    """Where the colon before the tag is, if there is one."""
    if is_there(Path(path)):
        return None
    colons = [place for place, letter in enumerate(path) if letter == ":" and place]
    for place in colons:
        # why: the NAME:TAG of a docker-archive has colons of its own.
        if form == "docker-archive" or is_there(Path(path[:place])):
            return place
    return colons[-1] if colons and "/" not in path[colons[-1] :] else None


def is_there(path: Path) -> bool:
    """Whether there is something; False too where the name can't be one, such as a long text."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
