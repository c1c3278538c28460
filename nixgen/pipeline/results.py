"""The results that nixgen keeps from garbage collection, and letting go of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.nixcli import Collected, Nix, StorePath
from nixgen.pipeline.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptResult:
    """One root: its link, the store path it keeps, and the size of that path's closure.

    `closure_bytes` counts NAR sizes; closures overlap, so their sum says more than is freed.
    """

    link: Path
    path: str
    closure_bytes: int

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {
            "root": str(self.link),
            "path": self.path,
            "closure_bytes": self.closure_bytes,
        }


def list_results(nix: Nix, environ: Mapping[str, str]) -> tuple[KeptResult, ...]:
    """All results that are kept, sorted by the name of their root."""
    found = []
    for link in State.of_user(environ).root_links():
        path = str(link.readlink()) if link.is_symlink() else ""
        try:
            store_path = StorePath.parse(path)
        except ValueError:
            continue
        valid = nix.is_valid([store_path])
        size = sum(info.nar_size_bytes for info in nix.closure(store_path)) if valid else 0
        found.append(KeptResult(link=link, path=path, closure_bytes=size))
    return tuple(found)


def drop_results(results: Sequence[KeptResult], nix: Nix) -> Collected:
    """Remove the roots, then collect garbage."""
    nix.delete_roots([result.link for result in results])
    return nix.gc()
