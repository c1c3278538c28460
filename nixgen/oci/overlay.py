"""An image above a base, unpacked into a folder: layer over layer, as engines do it.

Nothing is written outside of the folder: links on the way to an entry are followed as inside it,
and names with `..` are refused. Devices, pipes and sockets of a base are left out.
Whiteouts: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from pathlib import Path
from typing import IO, Protocol, cast

from nixgen.errors import BuildError
from nixgen.oci import faults
from nixgen.oci.base import BaseImage
from nixgen.oci.conf import ImageConf
from nixgen.oci.opening import ImageSource
from nixgen.oci.reading import LayoutImage
from nixgen.oci.source import CustomisationLayer
from nixgen.oci.store import StoreRoot
from nixgen.oci.trimmed import image_path, is_absent
from nixgen.oci.unpacking import open_tar

_CHUNK_BYTES = 1 << 20
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MAX_LINKS = 40


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def overlay_rootfs(base: BaseImage, conf: ImageConf, *, store: StoreRoot, dest: Path) -> None:
    """Put a base's files and those of the conf's customisation layer into `dest`, a new folder.

    The conf's store paths are left out. Owners are set where this process is root. Raises
    MachineError where the store can't be read or `dest` not written, BuildError where a layer is
    damaged or leads out of the root.
    """
    with faults.writing("the image's files", dest):
        dest.mkdir(parents=True)
        laid = _Laid(dest)
        for source in base.sources:
            with open_tar(source, source.layer) as tar:
                laid.add(tar, f"{base.where}: the layer {source.layer.descriptor.digest}")
        own = CustomisationLayer(path=conf.customisation_layer, store=store)
        try:
            file = own.tar.open("rb")
        except OSError as error:
            raise faults.unreadable(f"{own.path}/layer.tar", error) from error
        with file:
            laid.add(file, f"{own.path}/layer.tar", absent=conf.absent)
        laid.finish()


def unpack_image(source: ImageSource, image: LayoutImage, *, dest: Path) -> None:
    """Put the files of an image into `dest`, a new folder; every digest is checked.

    Raises as `overlay_rootfs`.
    """
    with faults.writing("the image's files", dest):
        dest.mkdir(parents=True)
        laid = _Laid(dest)
        for layer in image.layers:
            with open_tar(source, layer) as tar:
                laid.add(tar, f"{source.where}: the layer {layer.descriptor.digest}")
        laid.finish()


class _Laid:
    """A folder that layers are laid into, lowest first; folders get their modes at the end."""

    def __init__(self, dest: Path) -> None:
        self._dest = dest
        self._folders: dict[Path, tarfile.TarInfo] = {}
        self._fresh: set[Path] = set()

    def add(self, stream: _Stream, where: str, *, absent: frozenset[str] = frozenset()) -> None:
        self._fresh = set()
        try:
            with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|", encoding="utf-8") as tar:
                for member in tar:
                    if not (absent and is_absent(image_path(member.name), absent)):
                        self._put(tar, member, where)
        except (tarfile.TarError, EOFError, UnicodeError) as error:
            raise BuildError(f"{where} is not a whole tar archive: {error}") from error

    def finish(self) -> None:
        for place, member in reversed(self._folders.items()):
            if place.is_dir() and not place.is_symlink():
                _own(place, member)
                place.chmod(stat.S_IMODE(member.mode))

    def _put(self, tar: tarfile.TarFile, member: tarfile.TarInfo, where: str) -> None:
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise BuildError(f"{where}: the entry {member.name!r} leads out")
        parent = self._folder(parts[:-1])
        place = parent / parts[-1] if parts else self._dest
        if place.name == _OPAQUE:
            for child in sorted(parent.iterdir()):
                self._hide(child)
        elif place.name.startswith(_WHITEOUT):
            self._hide(parent / place.name.removeprefix(_WHITEOUT))
        elif member.isdir():
            if place.is_symlink() or not place.is_dir():
                self._remove(place)
                place.mkdir(mode=0o700)
            self._folders[place] = member
            self._fresh.add(place)
        else:
            self._remove(place)
            self._make(tar, member, place, where)
            self._fresh.add(place)

    def _make(self, tar: tarfile.TarFile, member: tarfile.TarInfo, place: Path, where: str) -> None:
        if member.issym():
            place.symlink_to(member.linkname)
            _own(place, member)
        elif member.islnk():
            target = [part for part in member.linkname.split("/") if part not in ("", ".")]
            if ".." in target or not target:
                raise BuildError(
                    f"{where}: the entry {member.name!r} is a hard link that leads out"
                )
            found = self._folder(target[:-1]) / target[-1]
            if not found.is_symlink() and not found.is_file():
                raise BuildError(f"{where}: the entry {member.name!r} is a hard link to nothing")
            os.link(found, place, follow_symlinks=False)
        elif member.isreg():
            content = tar.extractfile(member)
            with place.open("xb") as file:
                while content is not None and (data := content.read(_CHUNK_BYTES)):
                    file.write(data)
            _own(place, member)
            place.chmod(stat.S_IMODE(member.mode))

    def _folder(self, parts: list[str]) -> Path:
        """The folder of that path, made where it is missing; links are followed inside the root."""
        todo, here, followed = list(reversed(parts)), self._dest, 0
        while todo:
            part = todo.pop()
            if part == "..":
                here = here if here == self._dest else here.parent
                continue
            place = here / part
            if place.is_symlink() and followed < _MAX_LINKS:
                followed += 1
                target = str(place.readlink())
                here = self._dest if target.startswith("/") else here
                todo += [piece for piece in reversed(target.split("/")) if piece not in ("", ".")]
                continue
            if place.is_symlink() or not place.is_dir():
                self._remove(place)
                place.mkdir(mode=0o755)
                self._fresh.add(place)
            here = place
        return here

    def _hide(self, place: Path) -> None:
        """Remove what lower layers put there; what this layer has put there stays."""
        if place in self._fresh and place.is_dir() and not place.is_symlink():
            for child in sorted(place.iterdir()):
                self._hide(child)
        elif place not in self._fresh:
            self._remove(place)

    def _remove(self, place: Path) -> None:
        if place.is_dir() and not place.is_symlink():
            gone = [each for each in self._folders if each.is_relative_to(place)]
            for each in gone:
                del self._folders[each]
            shutil.rmtree(place)
        elif place.is_symlink() or place.exists():
            place.unlink()


def _own(place: Path, member: tarfile.TarInfo) -> None:
    if os.geteuid() == 0:
        os.chown(place, member.uid, member.gid, follow_symlinks=False)
