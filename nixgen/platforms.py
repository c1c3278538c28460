"""Platforms in OCI words, and what Nix, nixpkgs and zig call each of them: one table.

OCI: https://github.com/opencontainers/image-spec/blob/main/image-index.md (platform).
"""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """An OCI platform, such as linux/arm64 or linux/arm/v7; `variant` is None where it has none.

    arm64 and arm64/v8 are one platform, written `linux/arm64`.
    """

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `os/architecture[/variant]`; raises ValueError saying what is known."""
        parts = text.split("/")
        if parts == ["linux", "arm64", "v8"]:
            parts = ["linux", "arm64"]
        if "/".join(parts) not in _BY_NAME:
            close = difflib.get_close_matches(text, [*_BY_NAME, *_ALIASES], n=1)
            guess = f"; did you mean {_ALIASES.get(close[0], close[0])!r}?" if close else "."
            raise ValueError(f"unknown platform {text!r}{guess} Known: {', '.join(_BY_NAME)}")
        return cls(*parts)

    @classmethod
    def of_system(cls, system: str) -> Self:
        """The platform of a Nix system such as aarch64-linux; raises ValueError."""
        for name, facts in _BY_NAME.items():
            if facts.system == system:
                return cls.parse(name)
        raise ValueError(f"no image platform for the Nix system {system!r}")

    @property
    def facts(self) -> PlatformFacts:
        """What the other tools call this platform."""
        return _BY_NAME[str(self)]

    @property
    def slug(self) -> str:
        """The platform as a file name: `linux-arm-v7`."""
        return str(self).replace("/", "-")

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformFacts:
    """One platform in the words of other tools.

    `system` is the Nix double, `pkgs_cross` the attribute of nixpkgs' pkgsCross, `zig_target`
    the triple that zig takes, `elf_machine` the e_machine number of its executables.
    """

    system: str
    pkgs_cross: str
    zig_target: str
    elf_machine: int


_BY_NAME: dict[str, PlatformFacts] = {
    "linux/amd64": PlatformFacts(
        system="x86_64-linux",
        pkgs_cross="gnu64",
        zig_target="x86_64-linux-musl",
        elf_machine=62,
    ),
    "linux/arm64": PlatformFacts(
        system="aarch64-linux",
        pkgs_cross="aarch64-multiplatform",
        zig_target="aarch64-linux-musl",
        elf_machine=183,
    ),
    "linux/arm/v7": PlatformFacts(
        system="armv7l-linux",
        pkgs_cross="armv7l-hf-multiplatform",
        zig_target="arm-linux-musleabihf",
        elf_machine=40,
    ),
    "linux/arm/v6": PlatformFacts(
        system="armv6l-linux",
        pkgs_cross="raspberryPi",
        zig_target="arm-linux-musleabihf",
        elf_machine=40,
    ),
    "linux/386": PlatformFacts(
        system="i686-linux", pkgs_cross="gnu32", zig_target="x86-linux-musl", elf_machine=3
    ),
    "linux/riscv64": PlatformFacts(
        system="riscv64-linux",
        pkgs_cross="riscv64",
        zig_target="riscv64-linux-musl",
        elf_machine=243,
    ),
}

# why: what people type who know uname's, Nix's or an older Docker's word for a platform.
_ALIASES = {
    "linux/x86_64": "linux/amd64",
    "linux/aarch64": "linux/arm64",
    "linux/arm32v7": "linux/arm/v7",
    "linux/armv7": "linux/arm/v7",
    "linux/armhf": "linux/arm/v7",
    "linux/i386": "linux/386",
}


def known_platforms() -> tuple[Platform, ...]:
    """Every platform of the table, in its order."""
    return tuple(Platform.parse(name) for name in _BY_NAME)


def native_platform() -> Platform:
    """This machine's platform; raises ValueError where images can't be built natively."""
    return Platform.of_system(native_system())


def native_system() -> str:
    """This machine's Nix system, from the kernel's machine name."""
    machine = {"armv7l": "armv7l", "i386": "i686"}.get(os.uname().machine, os.uname().machine)
    return f"{machine}-linux"
