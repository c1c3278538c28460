"""Takes one file out of an archive: a release that another package carries in it."""

from __future__ import annotations

import hashlib
import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from nixgen.digest import Digest
from nixgen.sources.answer import Answer, Miss, Obtained

_CHUNK_BYTES = 1 << 16
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)


def extract_member(archive: Path, member: str, target: Path, *, max_bytes: int) -> Answer:
    """Write the member of a tar (however compressed) or zip file to `target`, and nothing else.

    Raises OSError when it can't be written.
    """
    try:
        if zipfile.is_zipfile(archive):
            return _from_zip(archive, member, target, max_bytes)
        return _from_tar(archive, member, target, max_bytes)
    except _DAMAGED as error:
        return Miss(reason=f"not an archive that can be read: {error}", wrong_content=True)


def _from_tar(archive: Path, member: str, target: Path, max_bytes: int) -> Answer:
    with tarfile.open(archive, "r:*") as tar:
        for entry in tar:
            if entry.name.removeprefix("./") == member and entry.isfile():
                content = tar.extractfile(entry)
                if content is not None:
                    return _copy(content, target, max_bytes)
    return _absent(member)


def _from_zip(archive: Path, member: str, target: Path, max_bytes: int) -> Answer:
    with zipfile.ZipFile(archive) as bundle:
        if member not in bundle.namelist():
            return _absent(member)
        with bundle.open(member) as content:
            return _copy(content, target, max_bytes)


def _copy(content: IO[bytes], target: Path, max_bytes: int) -> Answer:
    state, count = hashlib.sha256(), 0
    with target.open("wb") as file:
        while chunk := content.read(_CHUNK_BYTES):
            count += len(chunk)
            if count > max_bytes:
                reason = f"more than the {max_bytes} bytes that it should have"
                return Miss(reason=reason, wrong_content=True)
            state.update(chunk)
            file.write(chunk)
    return Obtained(path=target, digest=Digest(state.hexdigest()))


def _absent(member: str) -> Miss:
    return Miss(reason=f"there is no {member} in it", wrong_content=True)
