"""What stays of an image layout when another image is written over it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.digest import Digest
from nixgen.oci.image import REF_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Staying:
    """Entries of an index as they stood, and all blobs that they need."""

    entries: tuple[Any, ...] = ()
    blobs: frozenset[Digest] = frozenset()


def entries_that_stay(
    layout: Path, written: Iterable[Digest], *, beside: Sequence[str] | None
) -> Staying:
    """The entries of the old index that refer to what is `written` or stays itself.

    With `beside`, the tags of what is written, entries under other tags stay too. What refers to
    an entry stays with it: the signature of a statement. A damaged index is as good as none.
    """
    try:
        old = json.loads((layout / "index.json").read_bytes())["manifests"]
        others = [entry for entry in old if _tag(entry) is None]
        stay = []
        if beside is not None:
            stay = [entry for entry in old if _tag(entry) not in (None, *beside)]
        kept = set[Digest]().union(*(_needs(layout, Digest.parse(e["digest"])) for e in stay))
        known = {*written, *kept}
        subjects = {Digest.parse(entry["digest"]): _subject(layout, entry) for entry in others}
        found = set[Digest]()
        while more := {each for each, of in subjects.items() if of in known and each not in found}:
            known |= more
            found |= more
            for digest in more:
                kept |= _needs(layout, digest)
        stay += [entry for entry in others if Digest.parse(entry["digest"]) in found]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Staying()
    return Staying(entries=tuple(stay), blobs=frozenset(kept))


def _tag(entry: Any) -> Any:
    return entry.get("annotations", {}).get(REF_NAME)


def _subject(layout: Path, entry: Any) -> Digest | None:
    subject = _document(layout, Digest.parse(entry["digest"])).get("subject")
    return None if subject is None else Digest.parse(subject["digest"])


def _needs(layout: Path, digest: Digest) -> set[Digest]:
    """A manifest or index with all that it names."""
    document = _document(layout, digest)
    if "manifests" in document:
        parts = [Digest.parse(entry["digest"]) for entry in document["manifests"]]
        return {digest}.union(*(_needs(layout, part) for part in parts))
    entries = (document["config"], *document["layers"])
    return {digest, *(Digest.parse(entry["digest"]) for entry in entries)}


def _document(layout: Path, digest: Digest) -> Any:
    return json.loads((layout / "blobs" / "sha256" / digest.hex).read_bytes())
