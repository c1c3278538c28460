"""Seeing to it that the sources a build needs are in the store before Nix asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nixgen import resources
from nixgen.nixcli import Nix, StorePath
from nixgen.sources import Catalogue, Source, Supply, ensure, read_catalogue


@dataclass(frozen=True, slots=True)
class NixSourceStore:
    """The store of `nix`, as the fetching of sources needs it."""

    nix: Nix
    valid: frozenset[StorePath]

    @classmethod
    def holding(cls, sources: Iterable[Source], nix: Nix) -> NixSourceStore:
        """The store, asked once which of these sources it has."""
        paths = [StorePath.parse(source.store_path()) for source in sources]
        return cls(nix, frozenset(nix.is_valid(paths)))

    def is_valid(self, source: Source) -> bool:
        """Whether the source was in the store."""
        return StorePath.parse(source.store_path()) in self.valid

    def add_file(self, path: Path, source: Source) -> None:
        """Add the file under its flat hash; raises HashMismatchError."""
        self.nix.add_flat_file(path, source.store_name, source.digest)

    def add_tree(self, path: Path, source: Source) -> None:
        """Add the unpacked tree under its NAR hash; raises HashMismatchError."""
        assert source.unpacked is not None  # noqa: S101 - only such sources are trees
        self.nix.add_recursive(path, source.store_name, source.unpacked.nar_hash)


def bundled_catalogue() -> Catalogue:
    """The sources and seeds of the bundled set."""
    return read_catalogue(resources.nix_dir() / "bundled" / "sources.json")


def ensure_sources(missing: Iterable[StorePath], nix: Nix, *, supply: Supply) -> None:
    """Fetch those of the derivations about to be built that are sources of the catalogue."""
    by_name = {source.store_name: source for source in bundled_catalogue().sources}
    names = {path.derivation_name for path in missing}
    needed = [source for name, source in sorted(by_name.items()) if name in names]
    if needed:
        ensure(
            needed, store=NixSourceStore.holding(needed, nix), supply=supply, reporter=nix.reporter
        )
