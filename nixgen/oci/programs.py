"""The ELF files of an image that are for another machine than the image is.

Only the first bytes of a file are read. A script's interpreter needs no look of its own: where it
is in the store, it is in the image's closure and looked at there.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from nixgen.elf import HEADER_BYTES, ElfTarget, parse_header
from nixgen.errors import BuildError
from nixgen.oci import faults
from nixgen.oci.store import StoreRoot
from nixgen.oci.tar import walk_store_path

_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ForeignProgram:
    """An ELF file for another machine; `path` is absolute in the image.

    `store_path` is the store path it is part of, None for the image's own files.
    """

    path: str
    store_path: str | None
    target: ElfTarget


def find_in_store_path(
    store_path: str, wanted: ElfTarget, *, store: StoreRoot
) -> Iterator[ForeignProgram]:
    """The ELF files of a store path that are not for `wanted`, in the order of a layer.

    Raises MachineError for what can't be read.
    """
    for name, place, info in walk_store_path(store_path, store):
        if not stat.S_ISREG(info.st_mode) or info.st_size < HEADER_BYTES:
            continue
        target = parse_header(_read_start(place, name))
        if _is_foreign(target, wanted):
            yield ForeignProgram(path=name, store_path=store_path, target=target)


def find_in_layer(tar: Path, wanted: ElfTarget) -> Iterator[ForeignProgram]:
    """The ELF files of an uncompressed layer that are not for `wanted`, in its order.

    Raises MachineError where it can't be read, BuildError where it is no tar.
    """
    try:
        with tarfile.open(tar, "r:") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                target = parse_header(content.read(HEADER_BYTES)) if content else None
                if _is_foreign(target, wanted):
                    name = "/" + member.name.removeprefix("./").lstrip("/")
                    yield ForeignProgram(path=name, store_path=None, target=target)
    except tarfile.TarError as error:
        raise BuildError(f"{tar} is not a whole tar archive: {error}") from error
    except OSError as error:
        raise faults.unreadable(str(tar), error) from error


def _is_foreign(target: ElfTarget | None, wanted: ElfTarget) -> TypeGuard[ElfTarget]:
    return target is not None and target.is_of_a_platform and target != wanted


def _read_start(place: bytes, name: str) -> bytes:
    try:
        descriptor = os.open(place, _OPEN_FLAGS)
        try:
            return os.pread(descriptor, HEADER_BYTES, 0)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise faults.unreadable(name, error) from error
