"""An image's files in a folder, for runners that need no engine.

Store paths are copied, sharing extents where the file system can, and the customisation layer is
unpacked: no compressed byte is touched. Nothing is written outside of the folder: names with `..`,
entries whose parent is a symbolic link, hard links out of the folder and devices are refused.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from nixgen.closure.cutting import Cutter
from nixgen.errors import BuildError, UsageError
from nixgen.oci import faults
from nixgen.oci.blob import Summed, Summing, copy_blob
from nixgen.oci.conf import ImageConf
from nixgen.oci.source import CustomisationLayer
from nixgen.oci.store import StoreRoot
from nixgen.oci.tar import walk_store_path
from nixgen.oci.tarheader import Ownership
from nixgen.oci.trimmed import image_path, is_absent

_CHUNK_BYTES = 1 << 20
_WHITEOUT = ".wh."


def materialise_rootfs(conf: ImageConf, *, store: StoreRoot, dest: Path) -> None:
    """Put the files of a conf's image into `dest`, an empty or new folder.

    Owners are set where this process is root, else all is owned by it. Raises UsageError where
    `dest` is not empty, MachineError where the store can't be read or `dest` not written,
    BuildError for unsafe names.
    """
    _prepare(dest)
    with faults.writing("the image's files", dest):
        for path in conf.store_paths:
            copy_store_path(path, conf, store=store, dest=dest)
        for folder in ("nix/store", "nix"):
            if (dest / folder).is_dir():
                _finish(dest / folder, 0o755, conf.ownership)
        layer = CustomisationLayer(path=conf.customisation_layer, store=store)
        try:
            tar = layer.tar.open("rb")
        except OSError as error:
            raise faults.unreadable(f"{layer.path}/layer.tar", error) from error
        with tar:
            layer.check(_unpack(tar, dest, absent=conf.absent))


def _prepare(dest: Path) -> None:
    if dest.is_symlink() or (dest.exists() and (not dest.is_dir() or any(dest.iterdir()))):
        raise UsageError(f"{dest} is not an empty folder: it is left alone")
    with faults.writing("the image's files", dest):
        dest.mkdir(parents=True, exist_ok=True)


def copy_store_path(logical: str, conf: ImageConf, *, store: StoreRoot, dest: Path) -> None:
    """Copy what an image holds of a store path to its place below `dest`, which is there.

    Raises as `materialise_rootfs`, and OSError where `dest` can't be written.
    """
    ownership, hashes = conf.ownership, conf.cut_hashes(logical)
    folders: list[tuple[Path, int]] = []
    (dest / logical.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
    for name, origin, info in walk_store_path(logical, store, absent=conf.absent):
        place = Path(os.fsdecode(os.fsencode(dest) + b"/" + _raw(name)))
        source, mode = Path(os.fsdecode(origin)), info.st_mode
        if stat.S_ISDIR(mode):
            place.mkdir(mode=0o700)
            folders.append((place, mode))
        elif stat.S_ISLNK(mode):
            place.symlink_to(source.readlink())
            _finish(place, None, ownership)
        elif stat.S_ISREG(mode):
            if hashes:
                _copy_cut(source, place, hashes)
            else:
                copy_blob(source, place, mode=0o600)
            _finish(place, mode, ownership)
        else:
            raise BuildError(f"{name} is a device, pipe or socket: no image holds it")
    for place, mode in reversed(folders):
        _finish(place, mode, ownership)


def _copy_cut(source: Path, place: Path, hashes: Sequence[bytes]) -> None:
    cutter = Cutter(hashes)
    with source.open("rb") as whole, place.open("xb") as made:
        while data := whole.read(_CHUNK_BYTES):
            made.write(cutter.feed(data))
        made.write(cutter.finish())


def _raw(name: str) -> bytes:
    return name.lstrip("/").encode("utf-8", "surrogateescape")


def _finish(place: Path, mode: int | None, ownership: Ownership) -> None:
    if os.geteuid() == 0:
        os.chown(place, ownership.uid, ownership.gid, follow_symlinks=False)
    if mode is not None:
        place.chmod(stat.S_IMODE(mode))
    os.utime(place, (ownership.mtime, ownership.mtime), follow_symlinks=False)


class _SummingReader:
    """Sums what is read from a stream."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._summing = Summing()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._summing(data)
        return data

    def summed(self) -> Summed:
        """The sum of the whole stream: what is left is read."""
        while self.read(_CHUNK_BYTES):
            pass
        return self._summing.summed()


def _unpack(stream: IO[bytes], dest: Path, *, absent: frozenset[str] = frozenset()) -> Summed:
    """Unpack a tar into `dest`, but for what is absent.

    What the whole stream sums to is for the caller to check.
    """
    folders: list[tuple[Path, tarfile.TarInfo]] = []
    reader = _SummingReader(stream)
    try:
        with tarfile.open(fileobj=cast(IO[bytes], reader), mode="r|", encoding="utf-8") as tar:
            for member in tar:
                if absent and is_absent(image_path(member.name), absent):
                    continue
                place = _place(dest, member.name)
                _put(tar, member, place, dest)
                if member.isdir():
                    folders.append((place, member))
        summed = reader.summed()
    except (tarfile.TarError, EOFError) as error:
        raise BuildError(f"a layer is not a whole tar archive: {error}") from error
    for place, member in reversed(folders):
        _finish_member(place, member)
    return summed


def _put(tar: tarfile.TarFile, member: tarfile.TarInfo, place: Path, dest: Path) -> None:
    if member.isdir():
        if place.is_symlink() or not place.is_dir():
            place.mkdir(mode=0o700)
        else:
            place.chmod(0o700)
        return
    if place.is_symlink() or place.exists():
        place.unlink()
    if member.issym():
        place.symlink_to(member.linkname)
    elif member.islnk():
        place.hardlink_to(_place(dest, member.linkname))
    elif member.isreg():
        content = tar.extractfile(member)
        with place.open("xb") as file:
            while content is not None and (data := content.read(_CHUNK_BYTES)):
                file.write(data)
    else:
        raise BuildError(f"the layer's entry {member.name!r} is a device or pipe: refused")
    if not member.islnk():
        _finish_member(place, member)


def _finish_member(place: Path, member: tarfile.TarInfo) -> None:
    ownership = Ownership(
        mtime=int(member.mtime), uid=member.uid, gid=member.gid, uname="", gname=""
    )
    _finish(place, None if member.issym() else member.mode, ownership)


def _place(dest: Path, name: str) -> Path:
    """Where an entry goes; raises BuildError where that is not below `dest` for certain."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or any(part.startswith(_WHITEOUT) for part in parts):
        raise BuildError(f"the layer's entry {name!r} is refused: it is not a plain path")
    place = dest
    for part in parts[:-1]:
        place /= part
        if place.is_symlink() or not place.is_dir():
            raise BuildError(f"the layer's entry {name!r} is refused: {part!r} is no folder")
    return place / parts[-1] if parts else dest
