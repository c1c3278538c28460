"""Tar headers, byte for byte as Python's `tarfile` writes them in PAX format, but fast.

ustar blocks, preceded by a PAX extended header where a field does not fit: POSIX.1-2017, pax,
https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_03.
The encoder exists because `tarfile` spends about 100 µs an entry, most of it on fields that are
the same for every entry of a layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import adler32

BLOCK_BYTES = 512
RECORD_BYTES = 20 * BLOCK_BYTES

REGULAR = b"0"
SYMLINK = b"2"
DIRECTORY = b"5"
_EXTENDED = b"x"

_NAME_BYTES = 100
_OWNER_BYTES = 32
_MAGIC = b"ustar\x0000"
_NO_DEVICES_NO_PREFIX = b"\0" * (8 + 8 + 155 + 12)
_ID_LIMIT = 8**7
_SIZE_LIMIT = 8**11
_ZEROS = tuple(b"\0" * count for count in range(BLOCK_BYTES + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """What every entry of a layer shares: `mtime` in whole seconds of POSIX time, and owners."""

    mtime: int
    uid: int
    gid: int
    uname: str
    gname: str


def padding(size_bytes: int) -> bytes:
    """The zero bytes that fill a member of `size_bytes` up to a whole block."""
    return _ZEROS[-size_bytes % BLOCK_BYTES]


def trailer(total_bytes: int) -> bytes:
    """The end of an archive of `total_bytes` so far: two zero blocks, filled to a record."""
    end = total_bytes + 2 * BLOCK_BYTES
    return b"\0" * (2 * BLOCK_BYTES + -end % RECORD_BYTES)


class HeaderEncoder:
    """Encodes the headers of one archive's entries, which share an `Ownership`.

    Names and link targets are text as `os.fsdecode` gives it under UTF-8: bytes that are not
    UTF-8 stand as lone surrogates, and make `hdrcharset=BINARY` records.
    """

    def __init__(self, ownership: Ownership) -> None:
        self._shared_records = _shared_records(ownership)
        self._ids = _octal(_fits(ownership.uid, _ID_LIMIT), 8) + _octal(
            _fits(ownership.gid, _ID_LIMIT), 8
        )
        self._mtime = _octal(_fits(ownership.mtime, _SIZE_LIMIT), 12)
        self._tail = (
            _MAGIC
            + _field(ownership.uname, _OWNER_BYTES)
            + _field(ownership.gname, _OWNER_BYTES)
            + _NO_DEVICES_NO_PREFIX
        )
        # why: the checksum counts its own eight bytes as spaces.
        self._sum = sum(self._ids) + sum(self._mtime) + sum(self._tail) + 8 * 0x20

    def file(self, name: str, *, mode: int, size_bytes: int) -> bytes:
        """Header of a regular file; `size_bytes` of content and `padding` follow it."""
        return self._entry(name, mode, size_bytes, REGULAR, "")

    def directory(self, name: str, *, mode: int) -> bytes:
        """Header of a directory; `name` has no trailing slash, the header gets one."""
        return self._entry(name + "/", mode, 0, DIRECTORY, "")

    def symlink(self, name: str, *, mode: int, target: str) -> bytes:
        """Header of a symbolic link to `target`, which is taken as it is."""
        return self._entry(name, mode, 0, SYMLINK, target)

    def _entry(self, name: str, mode: int, size: int, kind: bytes, target: str) -> bytes:
        if (
            not self._shared_records
            and len(name) <= _NAME_BYTES
            and len(target) <= _NAME_BYTES
            and size < _SIZE_LIMIT
            and name.isascii()
            and target.isascii()
        ):
            return self.block(name.encode(), mode, size, kind, target.encode())
        return self._long_entry(name, mode, size, kind, target)

    def block(self, name: bytes, mode: int, size: int, kind: bytes, target: bytes) -> bytes:
        """One header block of fields that fit."""
        mode_field = b"%07o\0" % (mode & 0o7777)
        size_field = b"%011o\0" % size
        # why: the low half of Adler-32 is one more than the sum of bytes, modulo 65,521, which so
        # few bytes never reach; Python's own `sum` takes as long as all the rest.
        low_half = adler32(b"".join((name, mode_field, size_field, kind, target))) & 0xFFFF
        checksum = self._sum + low_half - 1
        return b"".join(
            (
                name,
                _ZEROS[_NAME_BYTES - len(name)],
                mode_field,
                self._ids,
                size_field,
                self._mtime,
                b"%06o\0 " % checksum,
                kind,
                target,
                _ZEROS[_NAME_BYTES - len(target)],
                self._tail,
            )
        )

    def _long_entry(self, name: str, mode: int, size: int, kind: bytes, target: str) -> bytes:
        records: dict[str, str] = {}
        if not name.isascii() or len(name) > _NAME_BYTES:
            records["path"] = name
        if not target.isascii() or len(target) > _NAME_BYTES:
            records["linkpath"] = target
        for key, value in self._shared_records.items():
            # why: tarfile's order is path, linkpath, owners and ids, size, mtime.
            if key == "mtime" and size >= _SIZE_LIMIT:
                records["size"] = str(size)
            records[key] = value
        if size >= _SIZE_LIMIT:
            records.setdefault("size", str(size))
        extended = _extended_header(records) if records else b""
        return extended + self.block(
            name.encode("ascii", "replace")[:_NAME_BYTES],
            mode,
            _fits(size, _SIZE_LIMIT),
            kind,
            target.encode("ascii", "replace")[:_NAME_BYTES],
        )


def _shared_records(ownership: Ownership) -> dict[str, str]:
    """The PAX records that every entry needs, because a shared field does not fit its place."""
    owners = (("uname", ownership.uname), ("gname", ownership.gname))
    records = {key: text for key, text in owners if not text.isascii() or len(text) > _OWNER_BYTES}
    for key, number, limit in (
        ("uid", ownership.uid, _ID_LIMIT),
        ("gid", ownership.gid, _ID_LIMIT),
        ("mtime", ownership.mtime, _SIZE_LIMIT),
    ):
        if not 0 <= number < limit:
            records[key] = str(number)
    return records


def _extended_header(records: dict[str, str]) -> bytes:
    binary = any(not _is_utf8(value) for value in records.values())
    body = b"21 hdrcharset=BINARY\n" if binary else b""
    for key, value in records.items():
        body += _record(key.encode("ascii"), value.encode("utf-8", "surrogateescape"))
    head = _PLAIN.block(b"././@PaxHeader", 0, len(body), _EXTENDED, b"")
    return head + body + padding(len(body))


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _record(key: bytes, value: bytes) -> bytes:
    """One PAX record `<length> <key>=<value>\\n`; the length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest
    while length != rest + len(str(length)):
        length = rest + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)


def _fits(number: int, limit: int) -> int:
    return number if 0 <= number < limit else 0


def _octal(number: int, width: int) -> bytes:
    return b"%0*o\0" % (width - 1, number)


def _field(text: str, width: int) -> bytes:
    return text.encode("ascii", "replace")[:width].ljust(width, b"\0")


_PLAIN = HeaderEncoder(Ownership(mtime=0, uid=0, gid=0, uname="", gname=""))
