"""The hash of a folder as Nix sees it: the SHA-256 of its NAR, computed without writing one.

A NAR holds file names, contents, executable bits and link targets, nothing else: no owner, no
time, no other mode (https://nix.dev/manual/nix/latest/protocols/nix-archive).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from nixgen.digest import Digest

_CHUNK_BYTES = 1 << 20
_Write = Callable[[bytes], object]


def nar_digest(path: Path) -> Digest:
    """The SHA-256 of the NAR of a file, link or folder.

    Raises OSError, and ValueError for what a NAR can't hold (a socket, a device).
    """
    state = hashlib.sha256()
    state.update(_string(b"nix-archive-1"))
    _write_node(os.fsencode(path), state.update)
    return Digest(state.hexdigest())


def _write_node(path: bytes, write: _Write) -> None:
    status = os.lstat(path)
    write(_strings(b"(", b"type"))
    if stat.S_ISREG(status.st_mode):
        write(_string(b"regular"))
        if status.st_mode & stat.S_IXUSR:
            write(_strings(b"executable", b""))
        write(_string(b"contents"))
        _write_contents(path, status.st_size, write)
    elif stat.S_ISLNK(status.st_mode):
        write(_strings(b"symlink", b"target", os.readlink(path)))  # noqa: PTH115  why: bytes
    elif stat.S_ISDIR(status.st_mode):
        write(_string(b"directory"))
        for name in sorted(os.listdir(path)):  # noqa: PTH208  why: bytes
            write(_strings(b"entry", b"(", b"name", name, b"node"))
            _write_node(path + b"/" + name, write)
            write(_string(b")"))
    else:
        raise ValueError(f"neither a file, a folder nor a link: {os.fsdecode(path)}")
    write(_string(b")"))


def _write_contents(path: bytes, size_bytes: int, write: _Write) -> None:
    write(size_bytes.to_bytes(8, "little"))
    left = size_bytes
    with open(path, "rb") as file:  # noqa: PTH123  why: the name is bytes, not text
        while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
            write(chunk)
            left -= len(chunk)
    if left:
        raise OSError(f"changed while it was read: {os.fsdecode(path)}")
    write(bytes(-size_bytes % 8))


def _strings(*values: bytes) -> bytes:
    return b"".join(_string(value) for value in values)


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(8, "little") + value + bytes(-len(value) % 8)
