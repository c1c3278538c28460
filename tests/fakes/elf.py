"""A static Linux program of a few hundred bytes, for builds in a sandbox that holds nothing.

The program writes a message to stderr and then makes the directory or file its first argument
names, fails, or waits for ever. It uses system calls only.
"""

import os
import struct
from typing import Literal

Then = Literal["make-directory", "wait"] | int

_BASE = 0x400000
_HEADERS = 64 + 56


def program(message: str, then: Then, *, machine: str | None = None) -> bytes:
    """An ELF executable that writes `message` and goes on as `then` says: an int is its exit code.

    ELF: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
    """
    machine = machine or os.uname().machine
    text = message.encode()
    if machine == "x86_64":
        number, code = 62, _x86_64(len(text), then)
    elif machine == "aarch64":
        number, code = 183, _aarch64(len(text), then)
    else:
        raise NotImplementedError(machine)
    image = _HEADERS + len(code) + len(text)
    header = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header += struct.pack(
        "<HHIQQQIHHHHHH", 2, number, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 64, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, image, image, 0x1000)
    return header + segment + code + text


def _x86_64(length: int, then: Then) -> bytes:
    syscall = b"\x0f\x05"

    def eax(number: int) -> bytes:
        return b"\xb8" + struct.pack("<I", number)

    tail = b""
    if then == "make-directory":
        # mkdir(argv[1], 0755)
        tail += b"\x48\x8b\x7c\x24\x10" + b"\xbe" + struct.pack("<I", 0o755) + eax(83) + syscall
    if then == "wait":
        tail += eax(34) + syscall  # pause()
    code = then if isinstance(then, int) else 0
    tail += b"\xbf" + struct.pack("<I", code) + eax(60) + syscall  # exit(code)
    rest = b"\xba" + struct.pack("<I", length) + eax(1) + syscall + tail
    # write(2, message, length); the message stands right after the code
    return b"\xbf" + struct.pack("<I", 2) + b"\x48\x8d\x35" + struct.pack("<i", len(rest)) + rest


def _aarch64(length: int, then: Then) -> bytes:
    svc = 0xD4000001

    def movz(register: int, value: int) -> int:
        return 0xD2800000 | value << 5 | register

    tail: list[int] = []
    if then == "make-directory":
        # mkdirat(AT_FDCWD, argv[1], 0755)
        tail += [0x92800000 | 99 << 5, 0xF9400BE1, movz(2, 0o755), movz(8, 34), svc]
    if then == "wait":
        # ppoll(NULL, 0, NULL, NULL, 0)
        tail += [*(movz(register, 0) for register in range(5)), movz(8, 73), svc]
    code = then if isinstance(then, int) else 0
    tail += [movz(0, code), movz(8, 93), svc]
    rest = [movz(2, length), movz(8, 64), svc, *tail]
    distance = 4 * (len(rest) + 1)
    adr = 0x10000001 | (distance & 3) << 29 | (distance >> 2) << 5
    return struct.pack(f"<{len(rest) + 2}I", movz(0, 2), adr, *rest)
