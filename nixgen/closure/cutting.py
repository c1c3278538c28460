"""Cutting a reference: the hash in a file is overwritten, and nothing else is changed.

As nixpkgs' `removeReferencesTo` does it: 32 times the letter e, which no hash of Nix has
(https://nixos.org/manual/nixpkgs/stable/#fun-removeReferencesTo). Sizes stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable

from nixgen.closure.references import HASH_BYTES

BLANK = b"e" * HASH_BYTES


class Cutter:
    """Overwrites hashes in the bytes of one file, which come in pieces."""

    def __init__(self, hashes: Iterable[bytes]) -> None:
        self._hashes = tuple(sorted(set(hashes)))
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; gives those that are done."""
        data = self._held + data
        for each in self._hashes:
            data = data.replace(each, BLANK)
        # why: a hash may go on in the next piece.
        done = max(0, len(data) - HASH_BYTES + 1)
        self._held = data[done:]
        return data[:done]

    def finish(self) -> bytes:
        """The last bytes of the file."""
        held, self._held = self._held, b""
        return held
