"""Store paths as values, and the paths of fixed outputs, known before anything is built.

https://nix.dev/manual/nix/latest/protocols/store-path
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from nixgen.digest import Digest

STORE_DIR = "/nix/store"
_BASE32 = "0123456789abcdfghijklmnpqrsvwxyz"
_HASH_CHARS = 32
_PATH = re.compile(rf"{STORE_DIR}/([{_BASE32}]{{{_HASH_CHARS}}})-([0-9A-Za-z+\-._?=]{{1,211}})")


@dataclass(frozen=True, slots=True, order=True)
class StorePath:
    """A path such as /nix/store/<hash>-<name>: one object of the store, nothing below it."""

    hash_part: str
    name: str

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(str(self)) or self.name in {".", ".."}:
            raise ValueError(f"not a store path: {str(self)!r}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `/nix/store/<hash>-<name>`; raises ValueError on anything else."""
        match = _PATH.fullmatch(text)
        if match is None:
            raise ValueError(f"not a store path: {text!r}")
        return cls(match[1], match[2])

    @property
    def base_name(self) -> str:
        """`<hash>-<name>`."""
        return f"{self.hash_part}-{self.name}"

    @property
    def derivation_name(self) -> str:
        """The name people know: without hash and `.drv`."""
        return self.name.removesuffix(".drv")

    def __str__(self) -> str:
        return f"{STORE_DIR}/{self.base_name}"


def fixed_output_path(name: str, digest: Digest, *, recursive: bool) -> StorePath:
    """The store path of content known by its hash, whether or not it is in the store.

    `digest` is that of the file itself, or with `recursive` that of its NAR serialisation.
    It is the path that a fixed-output derivation of this name and hash has, and that a file or
    folder added to the store gets. Raises ValueError for a name that Nix refuses.
    """
    if recursive:
        kind, inner = "source", digest.hex
    else:
        kind = "output:out"
        inner = hashlib.sha256(f"fixed:out:sha256:{digest.hex}:".encode()).hexdigest()
    fingerprint = f"{kind}:sha256:{inner}:{STORE_DIR}:{name}"
    folded = bytearray(20)
    for index, byte in enumerate(hashlib.sha256(fingerprint.encode()).digest()):
        folded[index % 20] ^= byte
    return StorePath(_base32(bytes(folded)), name)


def _base32(data: bytes) -> str:
    """Nix's base 32: least significant digit last, its own alphabet."""
    number = int.from_bytes(data, "little")
    length = (len(data) * 8 + 4) // 5
    return "".join(_BASE32[number >> (5 * place) & 31] for place in reversed(range(length)))
