"""Which Nix this is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_VERSION = re.compile(
    r"^nix \((?:Nix|Lix, like Nix|Determinate Nix[^)]*)\) (\d+)\.(\d+)(?:\.(\d+))?"
)


@dataclass(frozen=True, slots=True, order=True)
class NixVersion:
    """A version of Nix. Pre-releases compare as the release that they precede."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse what `nix --version` prints; raises ValueError on anything else."""
        match = _VERSION.match(text.strip())
        if match is None:
            raise ValueError(f"not the version of a Nix: {text.strip()!r}")
        return cls(int(match[1]), int(match[2]), int(match[3] or 0))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


OLDEST_NIX = NixVersion(2, 8)
"""The oldest Nix that nixgen works with."""
