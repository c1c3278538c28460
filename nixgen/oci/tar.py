"""The tar of a store layer, byte for byte as dockerTools writes it.

An archive holds `/nix/` and `/nix/store/`, then each store path in the order given: itself and
everything below it, sorted by path component. Hard links become whole files, extended attributes
are left out, names keep their leading slash.

The bytes are made in one pass and handed on in pieces, so that memory does not grow with a layer.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from nixgen.errors import BuildError
from nixgen.oci import faults
from nixgen.oci.store import StoreRoot
from nixgen.oci.tarheader import HeaderEncoder, Ownership, padding, trailer

Sink = Callable[[memoryview], object]
"""Takes the next bytes of a stream; the view is valid only during the call."""

# why: large enough that hashing releases the interpreter's lock, small enough to stay in cache.
_BUFFER_BYTES = 512 << 10
# why: dockerTools writes these two whatever the store directory is.
_PARENTS = ("/nix", "/nix/store")
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY


class Member(NamedTuple):
    """One entry of a layer: its name in the archive, its place on disk, what `lstat` said."""

    name: str
    place: bytes
    info: os.stat_result


def walk_store_path(logical: str, store: StoreRoot) -> Iterator[Member]:
    """A store path and everything below it, in archive order; follows no symbolic link.

    Raises MachineError for what is missing or can't be read.
    """
    # why: a pending stack, not recursion: a hostile tree may be deeper than Python's stack.
    pending = [(logical, os.fsencode(store.physical(logical)))]
    while pending:
        name, place = pending.pop()
        try:
            info = os.lstat(place)
            # why: bytes, not pathlib: names need not be text, and this loop is the hot one.
            children = os.listdir(place) if stat.S_ISDIR(info.st_mode) else ()  # noqa: PTH208
        except OSError as error:
            raise faults.unreadable(name, error) from error
        yield Member(name, place, info)
        if children:
            # why: sorted as text, not as bytes: lone surrogates sort below U+E000.
            texts = sorted((_text(child), child) for child in children)
            texts.reverse()
            pending.extend((f"{name}/{text}", place + b"/" + raw) for text, raw in texts)


def write_layer_tar(
    paths: Iterable[str],
    *,
    ownership: Ownership,
    store: StoreRoot,
    sink: Sink,
) -> int:
    """Write the tar of the store paths, in their order, to `sink`; gives its size in bytes.

    Raises MachineError for what is missing or can't be read, BuildError for a file that changes
    while it is read and for what no store holds (devices, sockets).
    """
    headers = HeaderEncoder(ownership)
    packer = _Packer(sink)
    for parent in _PARENTS:
        packer.put(headers.directory(parent, mode=0o755))
    for path in paths:
        for member in walk_store_path(path, store):
            _put_member(packer, headers, member)
    packer.put(trailer(packer.total_bytes))
    packer.flush()
    return packer.total_bytes


def _put_member(packer: _Packer, headers: HeaderEncoder, member: Member) -> None:
    name, place, info = member
    mode = info.st_mode
    if stat.S_ISREG(mode):
        packer.put(headers.file(name, mode=mode, size_bytes=info.st_size))
        packer.put_content(member)
    elif stat.S_ISDIR(mode):
        packer.put(headers.directory(name, mode=mode))
    elif stat.S_ISLNK(mode):
        try:
            target = os.readlink(place)  # noqa: PTH115
        except OSError as error:
            raise faults.unreadable(name, error) from error
        packer.put(headers.symlink(name, mode=mode, target=_text(target)))
    else:
        raise BuildError(f"{name} is a device, pipe or socket: an image can't hold it")


def _text(raw: bytes) -> str:
    # why: not os.fsdecode, which depends on the locale.
    return raw.decode("utf-8", "surrogateescape")


class _Packer:
    """Gathers small pieces into one buffer, and hands it on whenever it is full."""

    __slots__ = ("_buffer", "_sink", "_used", "total_bytes")

    def __init__(self, sink: Sink) -> None:
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._sink = sink
        self._used = 0
        self.total_bytes = 0

    def put(self, data: bytes) -> None:
        """Add bytes made in memory."""
        start, size = 0, len(data)
        self.total_bytes += size
        while start < size:
            if self._used == _BUFFER_BYTES:
                self.flush()
            count = min(size - start, _BUFFER_BYTES - self._used)
            self._buffer[self._used : self._used + count] = data[start : start + count]
            self._used += count
            start += count

    def put_content(self, member: Member) -> None:
        """Add a regular file's bytes and their padding; the file must be as `lstat` saw it."""
        size = member.info.st_size
        if not size:
            return
        try:
            file = os.open(member.place, _OPEN_FLAGS)
            try:
                self._read(file, size, member.name)
                after = os.fstat(file)
            finally:
                os.close(file)
        except OSError as error:
            raise faults.unreadable(member.name, error) from error
        before = member.info
        if after.st_size != size or after.st_mtime_ns != before.st_mtime_ns:
            raise faults.changed(member.name)
        self.total_bytes += size
        self.put(padding(size))

    def _read(self, file: int, size: int, name: str) -> None:
        left = size
        while left:
            if self._used == _BUFFER_BYTES:
                self.flush()
            room = self._buffer[self._used : self._used + left]
            count = os.readv(file, (room,))
            if not count:
                raise faults.changed(name)
            self._used += count
            left -= count

    def flush(self) -> None:
        """Hand on what is gathered."""
        if self._used:
            self._sink(self._buffer[: self._used])
            self._used = 0
