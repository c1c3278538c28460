"""How a user names an image on disk: `[oci:|oci-archive:|docker-archive:]PATH[:TAG]`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from nixgen.errors import UsageError
from nixgen.oci.opening import SourceFormat, StoredImage, open_stored
from nixgen.platforms import Platform

_FORMATS = ("oci-archive", "docker-archive", "oci")
_REMOTE = ("docker", "registry", "docker-daemon", "containers-storage", "podman", "dir")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlace:
    """A place on disk; `form` None where it is to be found out."""

    path: Path
    form: SourceFormat | None
    tag: str | None

    @classmethod
    def parse(cls, text: str) -> ImagePlace:
        """Parse a place; a PATH that is there is never cut at a colon. Raises UsageError."""
        prefix, separator, rest = text.partition(":")
        form = cast(SourceFormat, prefix) if separator and prefix in _FORMATS else None
        if form is None and separator and prefix in _REMOTE:
            raise UsageError(
                f"{text}: this nixgen reads and writes images on disk only",
                hint="oci:PATH, oci-archive:PATH or docker-archive:PATH",
            )
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


def _cut(path: str, form: SourceFormat | None) -> int | None:
    """Where the colon before the tag is, if there is one."""
    if Path(path).exists():
        return None
    colons = [place for place, letter in enumerate(path) if letter == ":" and place]
    for place in colons:
        # why: the NAME:TAG of a docker-archive has colons of its own.
        if form == "docker-archive" or Path(path[:place]).exists():
            return place
    return colons[-1] if colons and "/" not in path[colons[-1] :] else None


def open_image(text: str) -> StoredImage:
    """Open an image as the user names it; raises as `ImagePlace.parse` and `open_stored`."""
    place = ImagePlace.parse(text)
    return open_stored(place.path, form=place.form, tag=place.tag)


def parse_platform(text: str | None) -> Platform | None:
    """The value of `--platform`, which may be one that nixgen does not build for."""
    if text is None:
        return None
    try:
        return Platform.parse(text)
    except ValueError as error:
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise UsageError(f"--platform: {error}") from error
        return Platform(*parts)
