"""Where the Nix store puts content that is pinned by its hash.

The path of fixed-output content follows from its name and hash alone
(https://nix.dev/manual/nix/latest/protocols/store-path), so that whether a source is in the store
can be asked without building or adding anything.
"""

from __future__ import annotations

import hashlib
import re

from nixgen.digest import Digest

_NAME = re.compile(r"[0-9A-Za-z+\-_?=][0-9A-Za-z+\-._?=]{0,210}")
_ALPHABET = "0123456789abcdfghijklmnpqrsvwxyz"
_PATH_HASH_BYTES = 20


def is_store_name(name: str) -> bool:
    """Whether Nix takes this as the name part of a store path."""
    return _NAME.fullmatch(name) is not None


def fixed_output_path(
    name: str, *, digest: Digest, recursive: bool, store_dir: str = "/nix/store"
) -> str:
    """The store path of content with this SHA-256: of the file, or of its NAR if `recursive`."""
    if recursive:
        kind, inner = "source", digest.hex
    else:
        kind = "output:out"
        inner = Digest.of_bytes(f"fixed:out:sha256:{digest.hex}:".encode()).hex
    fingerprint = f"{kind}:sha256:{inner}:{store_dir}:{name}"
    full = hashlib.sha256(fingerprint.encode()).digest()
    return f"{store_dir}/{_base32(_fold(full, _PATH_HASH_BYTES))}-{name}"


def _fold(data: bytes, size: int) -> bytes:
    folded = bytearray(size)
    for position, byte in enumerate(data):
        folded[position % size] ^= byte
    return bytes(folded)


def _base32(data: bytes) -> str:
    """Nix's own base 32: the bits from the last to the first, five at a time."""
    number = int.from_bytes(data, "little")
    digits = (len(data) * 8 + 4) // 5
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(digits)))
