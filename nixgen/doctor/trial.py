"""The smallest programs there are: each ends with exit code 0, if the kernel starts it at all.

Static ELF executables (https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html) of one
segment, whose few instructions are the system call exit(0).
"""

from __future__ import annotations

import struct

from nixgen import _process
from nixgen.aside import scratch_folder
from nixgen.errors import NixgenError
from nixgen.platforms import Platform

_EXIT = {
    "amd64": "31ff b83c000000 0f05",  # xor edi,edi; mov eax,60; syscall
    "arm64": "000080d2 a80b80d2 010000d4",  # mov x0,#0; mov x8,#93; svc #0
    "arm": "0000a0e3 0170a0e3 000000ef",  # mov r0,#0; mov r7,#1; svc #0
    "386": "31db 31c0 40 cd80",  # xor ebx,ebx; xor eax,eax; inc eax; int 0x80
    "riscv64": "13050000 9308d005 73000000",  # li a0,0; li a7,93; ecall
}
_ADDRESS = 0x400000
_PAGE_BYTES = 0x10000
_READ_AND_RUN = 5
_ARM_EABI5 = 0x05000200
_TIMEOUT_S = 10


def make_trial(platform: Platform) -> bytes | None:
    """The program of a platform, None for a platform that has none here."""
    code = _EXIT.get(platform.architecture)
    if code is None:
        return None
    text = bytes.fromhex(code)
    elf = platform.facts.elf
    # why: identification, type and machine are what the kernel chooses the emulator by.
    start = elf.header()
    flags = _ARM_EABI5 if platform.architecture == "arm" else 0
    if elf.bits == 64:
        size = 64 + 56 + len(text)
        rest = struct.pack("<IQQQIHHHHHH", 1, _ADDRESS + 120, 64, 0, flags, 64, 56, 1, 64, 0, 0)
        segment = struct.pack(
            "<IIQQQQQQ", 1, _READ_AND_RUN, 0, _ADDRESS, _ADDRESS, size, size, _PAGE_BYTES
        )
    else:
        size = 52 + 32 + len(text)
        rest = struct.pack("<IIIIIHHHHHH", 1, _ADDRESS + 84, 52, 0, flags, 52, 32, 1, 40, 0, 0)
        segment = struct.pack(
            "<IIIIIIII", 1, 0, _ADDRESS, _ADDRESS, size, size, _READ_AND_RUN, _PAGE_BYTES
        )
    return start + rest + segment + text


def starts(program: bytes) -> bool:
    """Whether this machine runs the program of an executable file, to exit code 0."""
    with scratch_folder() as folder:
        file = folder / "trial"
        file.write_bytes(program)
        file.chmod(0o755)
        try:
            return _process.run([str(file)], timeout_s=_TIMEOUT_S).exit_code == 0
        except NixgenError:
            return False
