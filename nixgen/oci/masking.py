"""Images as they are but for the hashes of their own store paths.

The same package built on another system has another store hash, and so all that refers to it is
another too. Here the hash of each store path of an image gives way to one made of the path's name,
wherever its 32 characters stand: in names, contents, links' targets and texts. Two images that are
equal then differ in store hashes only. Hashes of paths that are not in the image stay: a difference
in them is one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Self

from nixgen.closure.references import HASH_BYTES, find_hashes
from nixgen.oci.tree import Tree

_STORE_PATH = re.compile(r"nix/store/([0-9a-df-np-sv-z]{32})-([^/]+)")


class StoreHashMask:
    """The hashes of one image's store paths, and what stands for each."""

    def __init__(self, standing_for: Mapping[bytes, bytes]) -> None:
        self._standing_for = dict(standing_for)
        self._hashes = frozenset(standing_for)
        self._meant = {stand_in: found for found, stand_in in standing_for.items()}

    @classmethod
    def of(cls, tree: Tree) -> Self:
        """The mask of an image's files.

        Paths of one name are told apart by the names, kinds, modes and sizes of their files, in
        that order; where those are the same too, by their hashes.
        """
        listings: dict[tuple[str, str], list[str]] = {}
        for path, entry in sorted(tree.items()):
            if match := _STORE_PATH.match(path):
                facts = f"{path[match.end() :]}\0{entry.kind}\0{entry.mode}\0{entry.size_bytes}"
                listings.setdefault((match[2], match[1]), []).append(facts)
        standing_for = {}
        order = sorted((name, listing, found) for (name, found), listing in listings.items())
        last, number = "", 0
        for name, _, found in order:
            number = number + 1 if name == last else 0
            last = name
            standing_for[found.encode()] = _stand_in(name, number)
        return cls(standing_for)

    def mask(self, data: bytes) -> bytes:
        """The bytes, of the same length, with the hashes replaced."""
        changed = bytearray(data)
        for at, found in find_hashes(data, self._hashes):
            changed[at : at + HASH_BYTES] = self._standing_for[found]
        return bytes(changed)

    def mask_text(self, text: str) -> str:
        """The same for text."""
        return self.mask(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def mask_json(self, document: Any) -> Any:
        """The same for all that a JSON document says."""
        return json.loads(self.mask_text(json.dumps(document, ensure_ascii=False)))

    def unmask_json(self, document: Any) -> Any:
        """The document that `mask_json` made this one of."""
        return json.loads(StoreHashMask(self._meant).mask_text(json.dumps(document)))

    def mask_names(self, tree: Tree) -> Tree:
        """The tree with other names and targets; contents are masked when they are read."""
        return {
            self.mask_text(path): entry
            if entry.target is None
            else dataclasses.replace(entry, target=self.mask_text(entry.target))
            for path, entry in tree.items()
        }

    def digest(self) -> MaskedDigest:
        """A digest to be fed a file's content."""
        return MaskedDigest(self)


class MaskedDigest:
    """SHA-256 of bytes that come in pieces, each hash replaced wherever it stands."""

    def __init__(self, mask: StoreHashMask) -> None:
        self._mask = mask
        self._state = hashlib.sha256()
        self._held = b""

    def update(self, data: bytes) -> None:
        """The next bytes."""
        masked = self._mask.mask(self._held + data)
        # why: a hash may begin in the last bytes of one piece and end in the next.
        cut = max(len(masked) - (HASH_BYTES - 1), 0)
        self._state.update(masked[:cut])
        self._held = masked[cut:]

    def hexdigest(self) -> str:
        """The digest of all that came."""
        state = self._state.copy()
        state.update(self._held)
        return state.hexdigest()


def _stand_in(name: str, number: int) -> bytes:
    """What stands for a hash: of its form, and the same wherever the name and number are."""
    digits = hashlib.sha256(f"{number} {name}".encode()).hexdigest()[:HASH_BYTES]
    # why: `e` is no digit of a store hash.
    return digits.replace("e", "z").encode()
