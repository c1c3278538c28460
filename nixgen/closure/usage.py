"""What the files of a store path take, by what they are for."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nixgen.closure.kinds import MAGIC_BYTES, FileKind, kind_of
from nixgen.closure.references import walk
from nixgen.errors import MachineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The regular files of a store path: how many, and their bytes by kind, largest first."""

    file_count: int
    bytes_by_kind: Mapping[FileKind, int]

    @property
    def size_bytes(self) -> int:
        """All files in sum."""
        return sum(self.bytes_by_kind.values())


def measure(place: Path) -> Usage:
    """Measure the store path that lies at `place`; raises MachineError for what can't be read."""
    found: dict[FileKind, int] = {}
    count = 0
    for name, info in walk(place):
        if not stat.S_ISREG(info.st_mode):
            continue
        count += 1
        kind = kind_of(name, _magic(place / name if name else place))
        found[kind] = found.get(kind, 0) + info.st_size
    ordered = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    return Usage(file_count=count, bytes_by_kind=dict(ordered))


def add_up(usages: Mapping[str, Usage]) -> Usage:
    """Several usages together."""
    found: dict[FileKind, int] = {}
    for usage in usages.values():
        for kind, size_bytes in usage.bytes_by_kind.items():
            found[kind] = found.get(kind, 0) + size_bytes
    ordered = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    return Usage(
        file_count=sum(usage.file_count for usage in usages.values()), bytes_by_kind=dict(ordered)
    )


def _magic(path: Path) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            return os.pread(file, MAGIC_BYTES, 0)
        finally:
            os.close(file)
    except OSError as error:
        raise MachineError(f"{path}: can't be read: {error.strerror}") from error
