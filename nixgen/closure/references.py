"""Finding references: where the hash of a store path stands in the files of another.

The rule is Nix's own (https://github.com/NixOS/nix/blob/master/src/libstore/path-references.cc): a
path refers to another if the 32 characters of the other's hash stand anywhere in it, in the content
of a file, in a link's target or in a name, whatever is before and after. What is compressed is
looked at as it is stored. A few hashes are looked for one by one, each a plain search for bytes at
several GB/s; many by looking for what could be a hash at all. Where much could, as among
hexadecimal digits, parts of the hashes are looked up first.
"""

from __future__ import annotations

import functools
import json
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from nixgen.errors import MachineError
from nixgen.filewalk import walk_files

HASH_BYTES = 32
_READ_BYTES = 1 << 20
_FEW = 6
_WORD = 8
_DENSE = 4096
_ALPHABET = b"0123456789abcdfghijklmnpqrsvwxyz"
_AS_RUNS = bytes(1 if code in _ALPHABET else 0 for code in range(256))
_RUN = b"\x01" * HASH_BYTES
_HASH = re.compile(r"/([0-9a-df-np-sv-z]{32})-[^/]+")


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes | None:
        """The next bytes, none at the end."""
        ...


def hash_of(store_path: str) -> bytes:
    """The hash part of a store path, as it stands in files; raises ValueError for no store path."""
    match = _HASH.search(store_path)
    if match is None:
        raise ValueError(f"not a store path: {store_path!r}")
    return match[1].encode()


def named_by_config(
    config: Mapping[str, Any], store_paths: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """The keys of an image's config that name store paths, for each path that one does.

    Sorted, the paths in the order given.
    """
    texts = {key: json.dumps(value).encode() for key, value in sorted(config.items())}
    found = {
        path: tuple(key for key, text in texts.items() if hash_of(path) in text)
        for path in store_paths
    }
    return {path: keys for path, keys in found.items() if keys}


class ReferenceScanner:
    """Looks for hashes in bytes that come in pieces, each hash wherever it stands.

    With `first_only` a hash that was found is not looked for again.
    """

    def __init__(self, hashes: Iterable[bytes], *, first_only: bool = False) -> None:
        self._wanted = frozenset(hashes)
        self._first_only = first_only
        self._tail = b""
        self._offset = 0
        self.found: dict[bytes, list[int]] = {}

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to look for."""
        return not self._wanted

    def feed(self, data: bytes) -> None:
        """Look at the next bytes of the same file."""
        seam = self._tail + data[: HASH_BYTES - 1]
        self._look(seam, self._offset - len(self._tail), len(self._tail))
        self._look(data, self._offset, len(data))
        self._tail = (
            (self._tail + data)[-(HASH_BYTES - 1) :]
            if len(data) < HASH_BYTES
            else data[-(HASH_BYTES - 1) :]
        )
        self._offset += len(data)

    def read(self, stream: Stream) -> None:
        """Look at all that is left in a stream, or as far as there is something to look for."""
        while not self.is_done and (data := stream.read(_READ_BYTES)):
            self.feed(data)

    def end_file(self) -> None:
        """The next bytes are of another file: nothing spans the two."""
        self._tail, self._offset = b"", 0

    def _look(self, data: bytes, base: int, starts_before: int) -> None:
        """Note the hashes that start in the first `starts_before` bytes of `data`."""
        for at, wanted in find_hashes(data, self._wanted):
            if at >= starts_before or (self._first_only and wanted in self.found):
                continue
            self.found.setdefault(wanted, []).append(base + at)
        if self._first_only:
            self._wanted = self._wanted.difference(self.found)


def find_hashes(data: bytes, wanted: frozenset[bytes]) -> Iterator[tuple[int, bytes]]:
    """Where each of the hashes stands in `data`: (offset, hash), in no order."""
    search = _find_each if len(wanted) <= _FEW else _find_runs
    return search(data, wanted)


def _find_each(data: bytes, wanted: frozenset[bytes]) -> Iterator[tuple[int, bytes]]:
    for each in wanted:
        at = data.find(each)
        while at >= 0:
            yield at, each
            at = data.find(each, at + 1)


def _find_runs(data: bytes, wanted: frozenset[bytes]) -> Iterator[tuple[int, bytes]]:
    """Look at every run of characters that is long enough to hold a hash."""
    runs = data.translate(_AS_RUNS)
    if runs.count(_RUN) > len(data) // _DENSE and not _may_hold(data, wanted):
        return
    start = runs.find(_RUN)
    while start >= 0:
        end = runs.find(b"\0", start)
        end = len(runs) if end < 0 else end
        for at in range(start, end - HASH_BYTES + 1):
            each = data[at : at + HASH_BYTES]
            if each in wanted:
                yield at, each
        start = runs.find(_RUN, end)


def _may_hold(data: bytes, wanted: frozenset[bytes]) -> bool:
    """Whether a hash could stand in `data`: False is sure, and found fast.

    why: every 32 bytes hold one of the words that begin at multiples of 24, so one in three is
    looked up, among all words of the hashes.
    """
    words = memoryview(data)[: len(data) // _WORD * _WORD].cast("Q")
    return not _words_of(wanted).isdisjoint(words[:: (HASH_BYTES - _WORD) // _WORD])


@functools.lru_cache(maxsize=8)
def _words_of(wanted: frozenset[bytes]) -> frozenset[int]:
    starts = range(HASH_BYTES - _WORD + 1)
    return frozenset(
        int.from_bytes(each[at : at + _WORD], sys.byteorder) for each in wanted for at in starts
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Where a reference stands.

    `file` is relative to the store path, empty for a store path that is a file or link itself.
    `offsets` are bytes from the start of the content, of a link's target, or of the name.
    """

    file: str
    target: str
    where: Literal["content", "link", "name"]
    offsets: tuple[int, ...]


def find_occurrences(place: Path, targets: Iterable[str]) -> Iterator[Occurrence]:
    """Everywhere that a store path, lying at `place`, refers to `targets`, in the order of names.

    Raises MachineError for what can't be read.
    """
    by_hash = {hash_of(target): target for target in targets}
    if by_hash:
        for file, found in walk(place):
            yield from _look_at(place, file, found, by_hash)


def walk(place: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything in a store path but folders themselves: (relative name, facts), sorted by part."""
    try:
        yield from walk_files(place)
    except OSError as error:
        raise MachineError(f"{error.filename}: can't be read: {error.strerror}") from error


def _look_at(
    place: Path, file: str, found: os.stat_result, by_hash: Mapping[bytes, str]
) -> Iterator[Occurrence]:
    path = place / file if file else place
    name = file.rpartition("/")[2].encode("utf-8", "surrogateescape")
    yield from _occurrences(file, "name", name, by_hash)
    try:
        if stat.S_ISLNK(found.st_mode):
            target = os.fsencode(path.readlink())
            yield from _occurrences(file, "link", target, by_hash)
            return
        scanner = ReferenceScanner(by_hash)
        with path.open("rb", buffering=0) as content:
            scanner.read(content)
    except OSError as error:
        raise MachineError(f"{path}: can't be read: {error.strerror}") from error
    yield from _ordered(file, "content", scanner, by_hash)


def _occurrences(
    file: str, where: Literal["link", "name"], data: bytes, by_hash: Mapping[bytes, str]
) -> Iterator[Occurrence]:
    scanner = ReferenceScanner(by_hash)
    scanner.feed(data)
    yield from _ordered(file, where, scanner, by_hash)


def _ordered(
    file: str,
    where: Literal["content", "link", "name"],
    scanner: ReferenceScanner,
    by_hash: Mapping[bytes, str],
) -> Iterator[Occurrence]:
    for wanted, offsets in sorted(scanner.found.items(), key=lambda each: by_hash[each[0]]):
        yield Occurrence(
            file=file, target=by_hash[wanted], where=where, offsets=tuple(sorted(offsets))
        )
