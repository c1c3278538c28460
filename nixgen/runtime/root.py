"""The root folder that a process gets to see: the customisation layer and places to mount on."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nixgen.aside import scratch_folder
from nixgen.errors import BuildError, MachineError
from nixgen.oci import copy_store_path, materialise_rootfs
from nixgen.oci.overlay import overlay_rootfs
from nixgen.runtime.files import ImageFiles
from nixgen.runtime.image import RunnableImage

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "ptmx": "pts/ptmx",
    "stderr": "/proc/self/fd/2",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A temporary folder: `root` is the image's root, `status` takes what a runner reports."""

    folder: Path
    files: ImageFiles

    @property
    def root(self) -> Path:
        """The image's root, without its store paths."""
        return self.files.root

    @property
    def status(self) -> Path:
        """A file that runners append JSON objects to, one a line."""
        return self.folder / "status"


@contextlib.contextmanager
def open_workspace(image: RunnableImage) -> Iterator[Workspace]:
    """Unpack the image's customisation layer, and a base below it, into a folder that is gone
    afterwards.
    """
    with scratch_folder(_parent(), prefix="nixgen-run-") as folder:
        root = folder / "root"
        if image.base is None:
            materialise_rootfs(image.without_store_paths, store=image.store, dest=root)
        else:
            overlay_rootfs(image.base, image.conf, store=image.store, dest=root)
        partial = image.conf.partial_store_paths
        for path in sorted(partial):
            copy_store_path(path, image.conf, store=image.store, dest=root)
        (folder / "status").touch(mode=0o600)
        yield Workspace(
            folder=folder,
            files=ImageFiles(
                root=root,
                store=image.store,
                store_paths=frozenset(image.conf.store_paths) - partial,
            ),
        )


def add_store_paths(workspace: Workspace, image: RunnableImage) -> tuple[tuple[Path, str], ...]:
    """Make a place for each store path; gives (physical, logical) of those to bind.

    A store path that is a symbolic link is made here: binding would follow it. One of which parts
    are left out lies in the root already.
    """
    binds = []
    for logical in sorted(set(image.conf.store_paths) - image.conf.partial_store_paths):
        physical = image.store.physical(logical)
        try:
            mode = physical.lstat().st_mode
        except OSError as error:
            raise MachineError(
                f"the store path {logical} is not there: {error.strerror}",
                hint="build the image again: nixgen image app.toml",
            ) from error
        if stat.S_ISLNK(mode):
            _make_below(workspace.root, logical, "link", target=str(physical.readlink()))
        else:
            make_place(workspace, logical, folder=stat.S_ISDIR(mode))
            binds.append((physical, logical))
    return tuple(binds)


def make_place(workspace: Workspace, path: str, *, folder: bool = True) -> Path:
    """Make an empty folder or file to mount on, unless it is there; gives where it lies.

    Raises BuildError where a link of the image is in the way.
    """
    return _make_below(workspace.root, path, "folder" if folder else "file")


def replace_link(workspace: Workspace, path: str) -> None:
    """Remove a link of the image that is in the way; its folder must be a real one."""
    place = workspace.root / path.lstrip("/")
    if place.is_symlink():
        with _writable(place.parent):
            place.unlink()


def add_devices(workspace: Workspace) -> None:
    """Make /dev with places for its devices, for runners that bind the machine's own."""
    for name in DEVICES:
        make_place(workspace, f"/dev/{name}", folder=False)
    for folder in ("/dev/pts", "/dev/shm"):  # noqa: S108  why: a path of the image
        make_place(workspace, folder)
    for name, target in _DEVICE_LINKS.items():
        _make_below(workspace.root, f"/dev/{name}", "link", target=target)


def open_to_group(workspace: Workspace, gid: int) -> None:
    """Let a process of this group reach the root, and nobody else of the machine's users.

    why: set-user-id files of the image lie below it.
    """
    os.chown(workspace.folder, 0, gid)
    workspace.folder.chmod(0o710)


def _make_below(root: Path, path: str, kind: str, *, target: str = "") -> Path:
    place = root
    parts = [part for part in path.split("/") if part]
    for index, part in enumerate(parts):
        parent, place = place, place / part
        last = index == len(parts) - 1
        if place.is_symlink() and last and kind == "link":
            return place
        if place.is_symlink() or (place.exists() and not last and not place.is_dir()):
            raise BuildError(f"the image's {place.relative_to(root)} is in the way of {path}")
        if place.exists():
            if last and (kind == "folder") != place.is_dir():
                raise BuildError(f"the image's {path} is not what belongs there: a {kind}")
            continue
        with _writable(parent):
            if not last or kind == "folder":
                place.mkdir(mode=0o755)
                place.chmod(0o755)
            elif kind == "link":
                place.symlink_to(target)
            else:
                place.touch(mode=0o644)
    return place


@contextlib.contextmanager
def _writable(folder: Path) -> Iterator[None]:
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o200:
        yield
        return
    folder.chmod(mode | 0o700)
    try:
        yield
    finally:
        folder.chmod(mode)


def _parent() -> Path:
    """A temporary folder that other users can pass and programs can be started from."""
    usual = Path(tempfile.gettempdir())
    for folder in (usual, Path("/tmp"), Path("/var/tmp")):  # noqa: S108  why: mkdtemp is safe
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            continue
        if os.statvfs(folder).f_flag & os.ST_NOEXEC:
            continue
        passable = all(p.stat().st_mode & 0o001 for p in (folder, *folder.resolve().parents))
        if passable or os.geteuid() != 0:
            return folder
    return usual
