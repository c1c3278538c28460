"""The model of the catalogue: seeds and sources, pinned by SHA-256, and where they come from.

An origin's `member` is the path, inside the file that the place has, of the file that is pinned:
some packages carry another project's untouched release in them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.nixcli import fixed_output_path


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianSource:
    """A file of a Debian source package; `path` is its folder below an archive's root."""

    package: str
    version: str
    file: str
    member: str | None = None
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonPackage:
    """One file, wheel or source archive, of a release on a Python package index."""

    package: str
    version: str
    file: str
    member: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NpmPackage:
    """The tarball of one version of an npm package."""

    package: str
    version: str
    file: str
    member: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The address under which the authors themselves publish the file."""

    url: str
    member: str | None = None


Origin = DebianSource | PythonPackage | NpmPackage | Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """The folder that a source is unpacked to before it enters the store.

    `name` is the tree's name in the store, `nar_hash` the SHA-256 of its NAR, `strip` the folder
    of the archive whose content the tree is.
    """

    name: str
    nar_hash: Digest
    strip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One pinned file.

    `file` is its name in the store, `license` an SPDX expression. `systems` are the Nix systems
    whose builds use it, None for all of them. A `seed` is a binary that is used as it is.
    """

    name: str
    pname: str
    version: str
    file: str
    digest: Digest
    size_bytes: int
    license: str
    systems: tuple[str, ...] | None
    seed: bool
    origins: tuple[Origin, ...]
    unpacked: Unpacked | None

    @property
    def store_name(self) -> str:
        """The name in the store: of the unpacked tree where there is one, else of the file."""
        return self.unpacked.name if self.unpacked else self.file

    def store_path(self) -> str:
        """The path in the store that is valid when the source is there."""
        if self.unpacked:
            return str(fixed_output_path(self.store_name, self.unpacked.nar_hash, recursive=True))
        return str(fixed_output_path(self.store_name, self.digest, recursive=False))

    def serves(self, system: str) -> bool:
        """Whether builds on this Nix system use the source."""
        return self.systems is None or system in self.systems


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All sources, sorted by name. No two share a name, a file name or a name in the store."""

    sources: tuple[Source, ...]

    def select(
        self, *, system: str | None = None, names: Iterable[str] | None = None
    ) -> tuple[Source, ...]:
        """The sources that a system uses, or those named, or those of both kinds, sorted by name.

        A name is a source's own, its file's, its name in the store, or its store path. Raises
        UsageError, with the nearest name, when one is not known.
        """
        chosen = self.sources
        if names is not None:
            wanted = {self._find(name).name for name in names}
            chosen = tuple(source for source in chosen if source.name in wanted)
        if system is not None:
            chosen = tuple(source for source in chosen if source.serves(system))
        return chosen

    def _find(self, name: str) -> Source:
        known: dict[str, Source] = {}
        for source in self.sources:
            for key in (source.name, source.file, source.store_name, source.store_path()):
                known[key] = source
        if name not in known:
            close = difflib.get_close_matches(name, sorted(known), n=1)
            raise UsageError(
                f"no source is called {name!r}",
                hint=f"did you mean {close[0]!r}?" if close else "nixgen sources lists them all",
            )
        return known[name]
