"""The documented algorithm of dockerTools' layer tars, by Python's own tarfile, slow and plain."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from nixgen.oci import Ownership


def rival_layer_tar(
    paths: Sequence[str], *, root: Path, ownership: Ownership, out: IO[bytes]
) -> None:
    """Write the tar of store paths, found below `root`, to `out`."""

    def owned(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.mtime, info.uid, info.gid = ownership.mtime, ownership.uid, ownership.gid
        info.uname, info.gname = ownership.uname, ownership.gname
        return info

    with tarfile.open(
        fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, encoding="utf-8", dereference=False
    ) as tar:
        for parent in ("/nix", "/nix/store"):
            info = tarfile.TarInfo(parent)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(owned(info))
        for path in paths:
            top = root / path.lstrip("/")
            for place in sorted([top, *_below(top)]):
                info = tar.gettarinfo(place, arcname=str(place.relative_to(root)))
                info.name = "/" + info.name
                if info.islnk():
                    info.type, info.linkname = tarfile.REGTYPE, ""
                    info.size = place.stat().st_size
                owned(info)
                if info.isfile():
                    with place.open("rb") as file:
                        tar.addfile(info, file)
                else:
                    tar.addfile(info)


def _below(top: Path) -> list[Path]:
    # why: not rglob, which in some versions fails on links whose target no file could have.
    if top.is_symlink():
        return []
    return [
        Path(folder, name) for folder, folders, files in os.walk(top) for name in (*folders, *files)
    ]


def rival_bytes(paths: Sequence[str], *, root: Path, ownership: Ownership) -> bytes:
    """The tar in memory."""
    out = io.BytesIO()
    rival_layer_tar(paths, root=root, ownership=ownership, out=out)
    return out.getvalue()


def rival_diff_id(paths: Sequence[str], *, root: Path, ownership: Ownership) -> str:
    """The tar's SHA-256 in hexadecimal."""
    return hashlib.sha256(rival_bytes(paths, root=root, ownership=ownership)).hexdigest()
