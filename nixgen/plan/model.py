"""The Plan: every decision about an image, as frozen data that can be printed.

One `ImagePlan` per platform. What the generated Nix says and what the writer does is read from
here; nothing is decided after it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nixgen.digest import Digest
from nixgen.lock import PinnedSet
from nixgen.plan.base import BasePlan
from nixgen.plan.strategy import Strategy
from nixgen.platforms import Platform
from nixgen.spec.model import Closure, LayerStrategy

FORMAT = 1

Scalar = str | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file, directory or symlink of the image's root that no package provides.

    `mode` is octal text such as "0644". A file has `text` or `source` (relative to the project's
    source tree); a symlink has `target`.
    """

    path: str
    type: Literal["file", "directory", "symlink"]
    mode: str
    uid: int = 0
    gid: int = 0
    text: str | None = None
    source: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlan:
    """How the app itself is built; `data` is what the kind's Nix file takes.

    `packages` are the attributes of the set that the build needs.
    """

    kind: str
    src: str
    packages: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlan:
    """One image for one platform.

    `build_system` is the Nix system that its derivations are built on, `strategy_reason` why.
    `candidates` are attributes of the set that may stand in place of one of `contents`, by its
    name; the first that the set has does. `base` is the image that it begins with, or None;
    `max_layers` counts those above it. `config` is the `config` object of the OCI image
    configuration (https://github.com/opencontainers/image-spec/blob/main/config.md); `created` is
    RFC 3339.
    `foreign_binaries` are the patterns of programs that may be for another machine.
    """

    platform: Platform
    build_system: str
    strategy: Strategy
    strategy_reason: str
    name: str
    tags: tuple[str, ...]
    created: str
    base: BasePlan | None
    contents: tuple[str, ...]
    candidates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    build: BuildPlan | None
    config: Mapping[str, Any]
    entries: tuple[Entry, ...]
    max_layers: int
    layer_strategy: LayerStrategy
    compression: Literal["zstd", "gzip", "none"]
    annotations: Mapping[str, str]
    foreign_binaries: tuple[str, ...] = ()
    closure: Closure

    @property
    def tag(self) -> str:
        """The first tag, which is the one that is shown."""
        return self.tags[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All images of one run, in the order of the description's platforms.

    `machine_system` is the Nix system of the machine that writes the images.
    """

    app_name: str
    app_version: str
    nixgen_version: str
    description_file: str
    description_digest: Digest
    profile: str | None
    package_set: PinnedSet
    machine_system: str
    images: tuple[ImagePlan, ...]

    def as_json(self) -> dict[str, Any]:
        """The plan as a JSON object with a format number; stable key order."""
        return {"format": FORMAT, **_plain(self)}


def _plain(value: Any) -> Any:
    """Dataclasses to dictionaries, digests and platforms to their text."""
    if isinstance(value, Digest | Platform):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
