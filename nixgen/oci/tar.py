"""The tar of a store layer, byte for byte as dockerTools writes it.

An archive holds `/nix/` and `/nix/store/`, then each store path in the order given: itself and
everything below it, sorted by path component. Hard links become whole files, extended attributes
are left out, names keep their leading slash.

The bytes are made in one pass and handed on in pieces, so that memory does not grow with a layer.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence

from nixgen.closure.cutting import Cutter
from nixgen.errors import BuildError
from nixgen.oci import faults
from nixgen.oci.packing import Packer, Sink
from nixgen.oci.store import StoreRoot
from nixgen.oci.tarheader import HeaderEncoder, Ownership, padding, trailer

Member = tuple[str, bytes, os.stat_result]
"""One entry of a layer: its name in the archive, its place on disk, what `lstat` said."""

# why: dockerTools writes these two whatever the store directory is.
_PARENTS = ("/nix", "/nix/store")
# why O_NONBLOCK: what was a file when it was looked at may be a pipe now, which nobody writes to.
_READ_BYTES = 1 << 20
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def walk_store_path(
    logical: str, store: StoreRoot, *, absent: frozenset[str] = frozenset()
) -> Iterator[Member]:
    """A store path and everything below it, in archive order; follows no symbolic link.

    `absent` are names in the archive that are left out, with all below them. Raises MachineError
    for what is missing or can't be read.
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
        yield name, place, info
        if children:
            # why: sorted as text, not as bytes: lone surrogates sort below U+E000.
            texts = sorted([(_text(child), child) for child in children], reverse=True)
            above, folder = name + "/", place + b"/"
            below = [(above + text, folder + raw) for text, raw in texts]
            pending += [each for each in below if each[0] not in absent] if absent else below


def write_layer_tar(
    paths: Iterable[str],
    *,
    ownership: Ownership,
    store: StoreRoot,
    sink: Sink,
    absent: frozenset[str] = frozenset(),
    cuts: Mapping[str, Sequence[bytes]] | None = None,
) -> int:
    """Write the tar of the store paths, in their order, to `sink`; gives its size in bytes.

    `absent` are the names that are left out, with all below them; `cuts` maps store paths to the
    hashes that are overwritten in their files. Raises MachineError for what is
    missing or can't be read, BuildError for a file that changes while it is read and for what no
    store holds (devices, sockets).
    """
    headers = HeaderEncoder(ownership)
    with Packer(sink) as packer:
        for parent in _PARENTS:
            packer.put(headers.directory(parent, mode=0o755))
        for path in paths:
            hashes = (cuts or {}).get(path, ())
            for member in walk_store_path(path, store, absent=absent):
                _put_member(packer, headers, member, hashes)
        packer.put(trailer(packer.total_bytes))
        packer.flush()
        return packer.total_bytes


def _put_member(
    packer: Packer, headers: HeaderEncoder, member: Member, hashes: Sequence[bytes]
) -> None:
    name, place, info = member
    mode = info.st_mode
    if stat.S_ISREG(mode):
        packer.put(headers.file(name, mode=mode, size_bytes=info.st_size))
        if info.st_size:
            _put_content(packer, member, hashes)
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


def _put_content(packer: Packer, member: Member, hashes: Sequence[bytes]) -> None:
    """Add a regular file's bytes and their padding; it must be as `lstat` saw it."""
    name, place, before = member
    try:
        file = os.open(place, _OPEN_FLAGS)
    except OSError as error:
        raise faults.unreadable(name, error) from error
    try:
        if hashes:
            _put_cut(packer, file, before.st_size, hashes, name)
        else:
            packer.put_file(file, before.st_size, name=name)
        after = os.fstat(file)
    finally:
        os.close(file)
    if after.st_size != before.st_size or after.st_mtime_ns != before.st_mtime_ns:
        raise faults.changed(name)


def _put_cut(
    packer: Packer, file: int, size_bytes: int, hashes: Sequence[bytes], name: str
) -> None:
    cutter, done = Cutter(hashes), 0
    try:
        while data := os.read(file, _READ_BYTES):
            done += len(data)
            packer.put(cutter.feed(data))
    except OSError as error:
        raise faults.unreadable(name, error) from error
    if done != size_bytes:
        raise faults.changed(name)
    packer.put(cutter.finish() + padding(size_bytes))


def _text(raw: bytes) -> str:
    # why: not os.fsdecode, which depends on the locale.
    return raw.decode("utf-8", "surrogateescape")
