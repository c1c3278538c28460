"""Which references an image's rules cut, found where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nixgen.closure.packages import find_packages
from nixgen.closure.references import Occurrence, find_occurrences
from nixgen.closure.rules import Minimising
from nixgen.closure.selection import Kept
from nixgen.errors import BuildError
from nixgen.oci.store import StoreRoot

References = Mapping[str, Sequence[str]]
"""What each store path refers to, as Nix knows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutReference:
    """A reference that is overwritten, and where it stands in the files that are left."""

    source: str
    target: str
    places: tuple[Occurrence, ...]

    def as_json(self) -> dict[str, Any]:
        """One element of `cut` in the report."""
        return {
            "from": self.source,
            "to": self.target,
            "files": [{"file": one.file, "offsets": list(one.offsets)} for one in self.places],
        }


def find_cuts(
    rules: Minimising, kept: Mapping[str, Kept], references: References, store: StoreRoot
) -> tuple[tuple[CutReference, ...], tuple[str, ...]]:
    """The references to cut, by path, and those pairs of the rules that no reference matches.

    Raises BuildError for a reference that is no text of a file: a name or a link.
    """
    cuts: dict[tuple[str, str], CutReference] = {}
    unmatched = []
    for source, target in rules.cuts:
        sources = find_packages(source, kept)
        targets = set(find_packages(target, kept))
        found = [
            cut
            for path in sources
            for cut in _cuts_of(kept[path], targets & set(references.get(path, ())), store)
        ]
        if not found:
            unmatched.append(f"cut from {source.text} to {target.text}")
        cuts |= {(cut.source, cut.target): cut for cut in found}
    return tuple(cuts[pair] for pair in sorted(cuts)), tuple(unmatched)


def _cuts_of(kept: Kept, targets: set[str], store: StoreRoot) -> Iterator[CutReference]:
    targets = targets - {kept.path}
    files = set(kept.files)
    places: dict[str, list[Occurrence]] = {}
    for found in find_occurrences(store.physical(kept.path), targets):
        if found.file not in files:
            continue
        if found.where != "content":
            where = f"{kept.path}/{found.file}"
            raise BuildError(
                f"closure.cut: {where} refers to {found.target} by its {found.where}: only what "
                "stands in a file can be overwritten",
                hint=f'leave it out: drop = ["{found.file}"]',
            )
        places.setdefault(found.target, []).append(found)
    for target, found_at in sorted(places.items()):
        yield CutReference(source=kept.path, target=target, places=tuple(found_at))
