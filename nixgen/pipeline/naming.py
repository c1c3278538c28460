"""How images are named on the command line: places on disk, registries, engines.

A prefix says what is meant: `oci:`, `oci-archive:` and `docker-archive:` a place on disk,
`docker://` a registry, `docker:` and `podman:` an engine. Without one, what begins with `/`, `./`
or `../`, has no slash, or lies in a folder that is there is a place on disk; else a name whose
first part could be a host (`registry.example/team/app`, `localhost:5000/app`) is a registry's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nixgen.engine import ENGINES, EngineName
from nixgen.errors import UsageError
from nixgen.oci.reference import FORMATS, ImagePlace, is_there
from nixgen.registry import ImageReference, parse_tag

_REGISTRY = "docker://"
_OTHER_WORDS = {
    "docker-daemon": "docker:",
    "containers-storage": "podman:",
    "registry": _REGISTRY,
    "https": _REGISTRY,
    "http": _REGISTRY,
    "dir": "oci:",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTarget:
    """An engine to load into; `names` (`NAME:TAG`) are empty where the image's own will do."""

    engine: EngineName
    names: tuple[str, ...]


ImageName = ImagePlace | ImageReference


def parse_source(text: str) -> ImageName:
    """The name of an image that is to be read; raises UsageError."""
    target = parse_target(text)
    if isinstance(target, EngineTarget):
        name = target.names[0] if target.names else "NAME"
        raise UsageError(
            f"{text}: an image in an engine's store can't be read from there",
            hint=f"{target.engine} save -o FILE.tar {name}, and name that file",
        )
    return target


def parse_target(text: str) -> ImageName | EngineTarget:
    """The name of where an image is to go; raises UsageError."""
    if text.startswith(_REGISTRY):
        return ImageReference.parse(text.removeprefix(_REGISTRY))
    prefix, colon, rest = text.partition(":")
    if colon and not is_there(Path(text)):
        if prefix in ENGINES:
            return _parse_engine(prefix, rest)
        if prefix in _OTHER_WORDS and not is_there(Path(prefix)):
            better = f"{_OTHER_WORDS[prefix]}{rest.removeprefix('//')}"
            raise UsageError(f"{text}: {prefix}: is no prefix here", hint=f"write {better}")
    if (colon and prefix in FORMATS) or _is_place(text):
        return ImagePlace.parse(text)
    return ImageReference.parse(text)


def _is_place(text: str) -> bool:
    first, slash, _ = text.partition("/")
    if not slash or first in ("", ".", "..") or is_there(Path(first)):
        return True
    return not ("." in first or ":" in first or first == "localhost")


def _parse_engine(engine: EngineName, name: str) -> EngineTarget:
    if not name:
        return EngineTarget(engine=engine, names=())
    reference = ImageReference.parse(name)
    if reference.digest is not None:
        raise UsageError(f"{engine}:{name}: an engine gives an image its digest itself")
    tag = reference.tag or "latest"
    base = name if reference.tag is None else name[: -len(tag) - 1]
    return EngineTarget(engine=engine, names=(f"{base}:{parse_tag(tag, within=name)}",))


def guess(text: str, place: ImagePlace) -> str | None:
    """What else a place that is not there may have been meant to be, for a hint."""
    try:
        reference = ImageReference.parse(text)
    except UsageError:
        return None
    is_file = text.endswith((".tar", ".oci", ".json")) or text.startswith((".", "/"))
    if place.form is not None or is_file:
        return None
    return f"an image of a registry is written {_REGISTRY}{reference}"
