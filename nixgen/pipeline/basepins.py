"""Base images and the lockfile: what is pinned, for which platforms, and whether that fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from nixgen.errors import DescriptionError, LockError
from nixgen.lock import Lock, PinnedBase, lock_path
from nixgen.lock.model import BaseKey
from nixgen.pipeline.bases import BaseFinder, FoundBase
from nixgen.platforms import Platform
from nixgen.spec import AppSpec, Description
from nixgen.spec.model import BaseName


def find_bases(
    specs: Sequence[AppSpec],
    lock: Lock,
    finder: BaseFinder,
    *,
    description: Path,
    frozen: bool,
) -> tuple[FoundBase | None, ...]:
    """The base image of each of a description's specs.

    With `frozen` (`--locked`) one that is not pinned, or on disk is another, is a LockError.
    Raises what `BaseFinder.find` raises.
    """
    found: list[FoundBase | None] = []
    for spec in specs:
        name = spec.image.base
        if name is None:
            found.append(None)
            continue
        locked = lock.bases.get((name.text, str(spec.platform)))
        if frozen and locked is None:
            raise _unpinned(description, name, spec.platform)
        _, at, digest = name.text.partition("@")
        if at and locked is not None and digest not in (str(locked.named), str(locked.manifest)):
            raise _other_digest(description, name, locked)
        base = finder.find(name, spec.platform, locked)
        if frozen and locked is not None and base.pinned.manifest != locked.manifest:
            raise _moved(description, name, locked, base.pinned)
        found.append(base)
    return tuple(found)


def pins_of(bases: Sequence[FoundBase | None]) -> dict[BaseKey, PinnedBase]:
    """The pins of base images, for a lock."""
    return {(base.name.text, str(base.platform)): base.pinned for base in bases if base is not None}


def pin_bases(
    description: Description, old: Lock | None, finder: BaseFinder
) -> dict[BaseKey, PinnedBase]:
    """Pin every base image of a description anew, whatever the profile and platform.

    Platforms that an old lock has besides those of the description are kept. Raises what
    `BaseFinder.pin` raises.
    """
    return {
        (name.text, str(platform)): finder.pin(name, platform)
        for name, platform in _wanted(description, old)
    }


def check_bases(description: Description, old: Lock, finder: BaseFinder) -> None:
    """Raise LockError where a base is not pinned, or where one on disk is another by now."""
    for name, platform in _wanted(description, None):
        locked = old.bases.get((name.text, str(platform)))
        if locked is None:
            raise _unpinned(description.path, name, platform)
        if name.kind == "disk":
            now = finder.pin(name, platform)
            if now.manifest != locked.manifest:
                raise _moved(description.path, name, locked, now)


def _wanted(description: Description, old: Lock | None) -> list[tuple[BaseName, Platform]]:
    found = dict.fromkeys(_described(description))
    if old is not None:
        names = {name.text: name for name, _ in found}
        for text, platform in sorted(old.bases):
            if text in names:
                found.setdefault((names[text], Platform.parse(platform)))
    return list(found)


def _described(description: Description) -> Iterator[tuple[BaseName, Platform]]:
    for profile in (None, *description.profiles):
        for platform in description.platforms(profile):
            try:
                spec = description.resolve(platform=platform, profile=profile)
            except DescriptionError:
                # why: a profile of what is not served yet has no image to pin a base for.
                if profile is None:
                    raise
                continue
            if spec.image.base is not None:
                yield spec.image.base, platform


def _unpinned(description: Path, name: BaseName, platform: Platform) -> LockError:
    return LockError(
        f"{lock_path(description)}: the base image {name.text} is not pinned for {platform}",
        hint=f"`nixgen lock {description}` pins it for the platforms described, a run without "
        "--locked for any other",
    )


def _moved(description: Path, name: BaseName, locked: PinnedBase, now: PinnedBase) -> LockError:
    return LockError(
        f"{lock_path(description)}: the base image {name.text} is not the one that was locked\n"
        f"  locked: {locked.manifest}\n  found:  {now.manifest}",
        hint=f"`nixgen lock {description}` writes it anew",
    )


def _other_digest(description: Path, name: BaseName, locked: PinnedBase) -> LockError:
    """why: a lock that was merged or edited by hand must not outweigh what is described."""
    return LockError(
        f"{lock_path(description)}: the base image {name.text} is locked as another digest\n"
        f"  locked: {locked.named}",
        hint=f"`nixgen lock {description}` writes it anew",
    )
