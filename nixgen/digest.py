"""Content digests in the forms that OCI and Nix write them.

OCI: `sha256:<64 hex>` (https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests).
Nix: SRI, `sha256-<base64>` (https://www.w3.org/TR/SRI/).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_HEX = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A SHA-256 digest. `hex` is 64 lower-case hexadecimal digits."""

    hex: str

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.hex):
            raise ValueError(f"not a SHA-256 in lower-case hexadecimal: {self.hex!r}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the OCI form `sha256:<hex>`; raises ValueError on anything else."""
        algorithm, separator, value = text.partition(":")
        if algorithm != "sha256" or not separator:
            raise ValueError(f"not a digest of the form sha256:<hex>: {text!r}")
        return cls(value)

    @classmethod
    def parse_sri(cls, text: str) -> Self:
        """Parse the SRI form `sha256-<base64>`; raises ValueError on anything else."""
        algorithm, separator, value = text.partition("-")
        if algorithm != "sha256" or not separator:
            raise ValueError(f"not a hash of the form sha256-<base64>: {text!r}")
        try:
            raw = base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueError(f"not base64: {text!r}") from error
        return cls(raw.hex())

    @classmethod
    def of_bytes(cls, data: bytes) -> Self:
        """Digest of bytes in memory."""
        return cls(hashlib.sha256(data).hexdigest())

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Digest of a file's content, read in bounded memory; raises OSError."""
        state = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                state.update(chunk)
        return cls(state.hexdigest())

    @property
    def sri(self) -> str:
        """The SRI form, as Nix writes hashes."""
        return "sha256-" + base64.b64encode(bytes.fromhex(self.hex)).decode("ascii")

    def __str__(self) -> str:
        return f"sha256:{self.hex}"
