"""Unpacks one folder of a wheel to a tree whose hash depends on nothing but the wheel.

The rule: the content of one folder of the zip file, without the folder itself; files that their
author marked executable get mode 0755, all others 0644, folders 0755; nothing but plain files is
taken. A wheel is a zip file
(https://packaging.python.org/en/latest/specifications/binary-distribution-format/).
"""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path

from nixgen.errors import MachineError

_CHUNK_BYTES = 1 << 20


def unpack_wheel(wheel: Path, into: Path, *, folder: str) -> None:
    """Unpack the content of `folder` of a wheel into `into`, which is made and must not exist.

    Raises MachineError when the wheel is damaged, has no such folder, or holds a name that would
    leave the tree; OSError when the tree can't be written.
    """
    prefix = folder + "/"
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [
                member
                for member in archive.infolist()
                if member.filename.startswith(prefix) and not member.is_dir()
            ]
            if not members:
                raise MachineError(f"{wheel.name} has no folder {folder!r}")
            _make_folder(into)
            for member in members:
                relative = member.filename.removeprefix(prefix)
                _check(member, relative, wheel)
                _write_member(archive, member, into, relative)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise MachineError(f"{wheel.name} is not a readable zip file: {error}") from error


def _check(member: zipfile.ZipInfo, relative: str, wheel: Path) -> None:
    bad_part = any(part in ("", ".", "..") for part in relative.split("/"))
    if bad_part or "\\" in relative or "\0" in member.orig_filename:
        raise MachineError(f"{wheel.name} holds an unsafe name: {member.orig_filename!r}")
    kind = stat.S_IFMT(member.external_attr >> 16)
    # why: a zip file made elsewhere than on Unix carries no kind at all.
    if kind not in (0, stat.S_IFREG):
        raise MachineError(f"{wheel.name} holds something other than a file: {relative!r}")
    if member.flag_bits & 1:
        raise MachineError(f"{wheel.name} is encrypted")


def _write_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path, relative: str
) -> None:
    target = into
    *folders, name = relative.split("/")
    for folder in folders:
        target /= folder
        if not target.is_dir():
            _make_folder(target)
    executable = bool((member.external_attr >> 16) & stat.S_IXUSR)
    try:
        with (target / name).open("xb") as output, archive.open(member) as content:
            shutil.copyfileobj(content, output, _CHUNK_BYTES)
            os.fchmod(output.fileno(), 0o755 if executable else 0o644)
    except FileExistsError as error:
        raise MachineError(f"the archive holds {relative!r} twice") from error


def _make_folder(path: Path) -> None:
    path.mkdir()
    path.chmod(0o755)
