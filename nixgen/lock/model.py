"""What stands in a lockfile."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nixgen.digest import Digest

FORMAT = 1

# (profile or "", platform, build system)
ResultKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedSet:
    """The package set as pinned.

    `digest` is that of the bundled set's files, or the NAR hash of the checkout at `path`.
    """

    kind: Literal["bundled", "path"]
    digest: Digest
    path: str | None = None


# (the base image as the description names it, platform)
BaseKey = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedBase:
    """A base image as pinned for one platform.

    `manifest` is the digest of the platform's manifest, `named` that of what the name stood for:
    the manifest itself, or an index over several platforms.
    """

    manifest: Digest
    named: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedResult:
    """What was last built for one platform on one build system.

    `derivation` is the store path of the image conf's derivation, `writer` the digest of
    everything else that the image's bytes depend on, `manifest` the manifest digest they gave.
    `size_bytes` are its layers as stored, `unpacked_bytes` their tars; None in older lockfiles.
    """

    derivation: str
    writer: Digest
    manifest: Digest
    size_bytes: int | None = None
    unpacked_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lockfile's content; `description` is the digest of the app description's bytes."""

    description: Digest
    package_set: PinnedSet
    bases: Mapping[BaseKey, PinnedBase] = field(default_factory=dict)
    results: Mapping[ResultKey, LockedResult] = field(default_factory=dict)

    def with_result(self, key: ResultKey, result: LockedResult) -> Lock:
        """The same lock with one result put in or replaced."""
        return dataclasses.replace(self, results={**self.results, key: result})
