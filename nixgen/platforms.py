"""Platforms in OCI words, and what Nix, nixpkgs, zig, ELF and qemu call each of them: one table.

OCI: https://github.com/opencontainers/image-spec/blob/main/image-index.md (platform).
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from nixgen.elf import ElfTarget
from nixgen.errors import MachineError


class UnknownPlatformError(ValueError):
    """No platform has this name; `hint` says which was meant, or which there are."""

    def __init__(self, text: str) -> None:
        guess = _guess(text)
        super().__init__(f"unknown platform {json.dumps(text, ensure_ascii=False)}")
        self.hint = f'did you mean "{guess}"?' if guess else f"known: {', '.join(_BY_NAME)}"


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
        """Parse `os/architecture[/variant]`; raises UnknownPlatformError."""
        name = _SAME.get(text, text)
        if name not in _BY_NAME:
            raise UnknownPlatformError(text)
        return cls(*name.split("/"))

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

    `system` is the Nix double, `pkgs_cross` the attribute of nixpkgs' pkgsCross, `elf` what the
    header of its programs says (which does not tell ARM v6 from v7), `qemu` the last word of
    qemu's name for the processor. `bundled` says whether the bundled package set compiles for it.
    """

    system: str
    pkgs_cross: str
    elf: ElfTarget
    qemu: str
    bundled: bool = True


# The order is that of an image index: clients that look at no platform take the first.
_BY_NAME: dict[str, PlatformFacts] = {
    "linux/amd64": PlatformFacts(
        system="x86_64-linux",
        pkgs_cross="gnu64",
        elf=ElfTarget(machine=62, bits=64),
        qemu="x86_64",
    ),
    "linux/arm64": PlatformFacts(
        system="aarch64-linux",
        pkgs_cross="aarch64-multiplatform",
        elf=ElfTarget(machine=183, bits=64),
        qemu="aarch64",
    ),
    "linux/arm/v7": PlatformFacts(
        system="armv7l-linux",
        pkgs_cross="armv7l-hf-multiplatform",
        elf=ElfTarget(machine=40, bits=32),
        qemu="arm",
    ),
    "linux/arm/v6": PlatformFacts(
        system="armv6l-linux",
        pkgs_cross="raspberryPi",
        elf=ElfTarget(machine=40, bits=32),
        qemu="arm",
    ),
    "linux/386": PlatformFacts(
        system="i686-linux",
        pkgs_cross="gnu32",
        elf=ElfTarget(machine=3, bits=32),
        qemu="i386",
    ),
    "linux/riscv64": PlatformFacts(
        system="riscv64-linux",
        pkgs_cross="riscv64",
        elf=ElfTarget(machine=243, bits=64),
        qemu="riscv64",
    ),
    "linux/ppc64le": PlatformFacts(
        system="powerpc64le-linux",
        pkgs_cross="powernv",
        elf=ElfTarget(machine=21, bits=64),
        qemu="ppc64le",
        bundled=False,
    ),
    "linux/s390x": PlatformFacts(
        system="s390x-linux",
        pkgs_cross="s390x",
        elf=ElfTarget(machine=22, bits=64, byte_order="big"),
        qemu="s390x",
        bundled=False,
    ),
}

# Other spellings of the same platform, as engines write it.
_SAME = {"linux/arm64/v8": "linux/arm64"}

# why: what people type who know uname's, Nix's, a distribution's or an older Docker's word.
_ALIASES = {
    "x86_64": "linux/amd64",
    "x86-64": "linux/amd64",
    "x64": "linux/amd64",
    "aarch64": "linux/arm64",
    "arm64v8": "linux/arm64",
    "armv8": "linux/arm64",
    "arm": "linux/arm/v7",
    "arm32v7": "linux/arm/v7",
    "armv7": "linux/arm/v7",
    "armv7l": "linux/arm/v7",
    "armv7hf": "linux/arm/v7",
    "armhf": "linux/arm/v7",
    "arm32v6": "linux/arm/v6",
    "armv6": "linux/arm/v6",
    "armv6l": "linux/arm/v6",
    "i386": "linux/386",
    "i686": "linux/386",
    "x86": "linux/386",
    "riscv": "linux/riscv64",
    "powerpc64le": "linux/ppc64le",
}


def _guess(text: str) -> str | None:
    """The platform that was meant, by its name elsewhere or by likeness; None where unclear."""
    word = text.strip().lower().removesuffix("-linux").removeprefix("linux/")
    if word in _ALIASES:
        return _ALIASES[word]
    spellings = {name.removeprefix("linux/"): name for name in _BY_NAME}
    spellings |= {other.removeprefix("linux/"): name for other, name in _SAME.items()}
    if word in spellings:
        return spellings[word]
    for names in (spellings, _ALIASES):
        if close := difflib.get_close_matches(word, names, n=1, cutoff=0.7):
            return names[close[0]]
    return None


def known_platforms() -> tuple[Platform, ...]:
    """Every platform of the table, in its order."""
    return tuple(Platform.parse(name) for name in _BY_NAME)


def bundled_platforms() -> tuple[Platform, ...]:
    """Those that the bundled package set compiles for."""
    return tuple(platform for platform in known_platforms() if platform.facts.bundled)


def in_index_order(platforms: Iterable[Platform]) -> tuple[Platform, ...]:
    """The platforms in the order of the table, in whichever order they were written."""
    order = {platform: number for number, platform in enumerate(known_platforms())}
    return tuple(sorted(platforms, key=order.__getitem__))


def native_platform(system: str | None = None) -> Platform:
    """The platform of this machine, or of a machine of that Nix system.

    Raises MachineError where images can't be built natively.
    """
    system = system or native_system()
    try:
        return Platform.of_system(system)
    except ValueError as error:
        raise MachineError(
            f"this machine is {system}, for which there are no images",
            hint="name platforms in image.platforms or by --platform, such as linux/amd64",
        ) from error


def native_system(machine: str | None = None) -> str:
    """The Nix system of this machine, or of one that the kernel calls `machine`."""
    machine = machine or os.uname().machine
    return f"{_NIX_MACHINES.get(machine, machine)}-linux"


# Where Nix's word differs from the kernel's; armv8l is a 64-bit ARM processor in 32-bit mode.
_NIX_MACHINES = {"armv8l": "armv7l", "i386": "i686", "ppc64le": "powerpc64le"}


def platform_names() -> tuple[str, ...]:
    """Every spelling of every platform that `Platform.parse` takes."""
    return (*_BY_NAME, *_SAME)
