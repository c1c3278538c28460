"""What `nixgen sources` tells of each source: its pin, where it can come from, is it here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nixgen.sources.answer import shown_url
from nixgen.sources.fetch import SourceStore
from nixgen.sources.model import DebianSource, NpmPackage, Origin, PythonPackage, Source, Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSource:
    """One source. `in_store` is None where no store was asked."""

    source: Source
    in_store: bool | None

    def as_json(self) -> dict[str, Any]:
        """The source as a JSON object, every key always present."""
        source = self.source
        unpacked = source.unpacked
        return {
            "name": source.name,
            "pname": source.pname,
            "version": source.version,
            "file": source.file,
            "sha256": source.digest.hex,
            "size_bytes": source.size_bytes,
            "license": source.license,
            "kind": "seed" if source.seed else "source",
            "systems": None if source.systems is None else list(source.systems),
            "from": [describe_origin(origin) for origin in source.origins],
            "unpacked_nar_hash": unpacked.nar_hash.sri if unpacked else None,
            "store_path": source.store_path(),
            "in_store": self.in_store,
        }


def list_sources(
    sources: Sequence[Source], *, store: SourceStore | None = None
) -> tuple[ListedSource, ...]:
    """The sources with what the store says of them, in the order given."""
    return tuple(
        ListedSource(source=source, in_store=store.is_valid(source) if store else None)
        for source in sources
    )


def describe_origin(origin: Origin) -> str:
    """Where a source can come from, in one line: `apt source lua5.4 5.4.7-1`."""
    match origin:
        case DebianSource():
            text = f"apt source {origin.package} {origin.version}"
        case PythonPackage():
            text = f"pip {origin.package}=={origin.version}"
        case NpmPackage():
            text = f"npm {origin.package}@{origin.version}"
        case Upstream():
            text = shown_url(origin.url)
    return f"{text} ({origin.member})" if origin.member else text
