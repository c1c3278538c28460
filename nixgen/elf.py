"""What kind of machine an ELF file is for, told by its first bytes.

https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HEADER_BYTES = 20
"""How much of a file tells its target."""

_EXECUTABLE = 2

_MACHINES = {
    3: "x86",
    8: "MIPS",
    20: "PowerPC",
    21: "64-bit PowerPC",
    22: "S/390",
    40: "ARM",
    62: "x86-64",
    183: "AArch64",
    243: "RISC-V",
    258: "LoongArch",
}

# why: such files hold no program of Linux's; data in ELF's form (Guile's byte code), programs for
# the kernel's virtual machine (BPF) and for graphics processors are for no platform or for all.
_NOT_OF_A_PLATFORM = frozenset({0, 190, 224, 247})


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ElfTarget:
    """The machine of an ELF file: the number `e_machine`, the class in bits, the byte order."""

    machine: int
    bits: Literal[32, 64]
    byte_order: Literal["little", "big"] = "little"

    @property
    def is_of_a_platform(self) -> bool:
        """Whether such a file runs on some platforms of Linux only."""
        return self.machine not in _NOT_OF_A_PLATFORM

    def header(self) -> bytes:
        """The first bytes of a program for this target, a static executable."""
        start = bytes([*b"\x7fELF", self.bits // 32, 1 if self.byte_order == "little" else 2, 1])
        numbers = [number.to_bytes(2, self.byte_order) for number in (_EXECUTABLE, self.machine)]
        return start.ljust(16, b"\0") + b"".join(numbers)

    def __str__(self) -> str:
        name = _MACHINES.get(self.machine, f"machine {self.machine}")
        return f"{name} ({self.bits} bits, {self.byte_order} endian)"


def parse_header(data: bytes) -> ElfTarget | None:
    """The target of the file that begins with `data`; None for anything but an ELF file."""
    if len(data) < HEADER_BYTES or data[:4] != b"\x7fELF":
        return None
    file_class, encoding = data[4], data[5]
    if file_class not in (1, 2) or encoding not in (1, 2):
        return None
    byte_order: Literal["little", "big"] = "little" if encoding == 1 else "big"
    return ElfTarget(
        machine=int.from_bytes(data[18:20], byte_order),
        bits=32 if file_class == 1 else 64,
        byte_order=byte_order,
    )
