"""Whether the program that an image starts is in the image at all."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nixgen.errors import BuildError
from nixgen.oci import ImageConf, StoreRoot

_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class ImageTree:
    """The files of an image before it is written: its own layer, and the store paths.

    `own` maps absolute paths of the customisation layer to a symlink's target, True for a file
    that may be executed, False for any other file, None for a directory.
    """

    own: Mapping[str, str | bool | None]
    store: StoreRoot
    store_dir: str
    store_paths: frozenset[str]

    @classmethod
    def of_conf(cls, conf: ImageConf, store: StoreRoot) -> ImageTree:
        """Read the names of a built conf's own layer; raises BuildError."""
        layer = store.physical(conf.customisation_layer) / "layer.tar"
        own: dict[str, str | bool | None] = {"/": None}
        try:
            with tarfile.open(layer, "r:") as tar:
                for member in tar:
                    path = "/" + member.name.removeprefix("./").strip("/")
                    own[path] = _fact(member)
        except (OSError, tarfile.TarError) as error:
            raise BuildError(f"{layer}: not a readable layer: {error}") from error
        return cls(own, store, conf.store_dir, frozenset(conf.store_paths))

    def is_program(self, path: str) -> bool:
        """Whether `path`, absolute and in the image, leads to a file that may be executed."""
        return self._follow(PurePosixPath(path), _MOST_LINKS)

    def _follow(self, path: PurePosixPath, links: int) -> bool:
        if links == 0:
            return False
        walked = PurePosixPath("/")
        parts = path.parts[1:]
        for index, part in enumerate(parts):
            walked = PurePosixPath(os.path.normpath(walked / part))
            target = self._link(walked)
            if target is not None:
                rest = PurePosixPath(target, *parts[index + 1 :])
                return self._follow(walked.parent / rest, links - 1)
        return self._is_executable(str(walked))

    def _link(self, path: PurePosixPath) -> str | None:
        text = str(path)
        if text in self.own:
            fact = self.own[text]
            return fact if isinstance(fact, str) else None
        if self._in_closure(text):
            place = self.store.physical(text)
            return str(place.readlink()) if place.is_symlink() else None
        return None

    def _is_executable(self, path: str) -> bool:
        if path in self.own:
            return self.own[path] is True
        if not self._in_closure(path):
            return False
        try:
            mode = self.store.physical(path).lstat().st_mode
        except OSError:
            return False
        return stat.S_ISREG(mode) and bool(mode & 0o111)

    def _in_closure(self, path: str) -> bool:
        prefix = self.store_dir + "/"
        name = path.removeprefix(prefix).split("/")[0]
        return path.startswith(prefix) and prefix + name in self.store_paths


def _fact(member: tarfile.TarInfo) -> str | bool | None:
    if member.issym():
        return member.linkname
    return None if member.isdir() else bool(member.mode & 0o111)


def check_entrypoint(conf: ImageConf, store: StoreRoot) -> None:
    """Raise BuildError where the image's program is not in the image; none is fine too."""
    command = [*(conf.config.get("Entrypoint") or ()), *(conf.config.get("Cmd") or ())]
    if not command:
        return
    program = command[0]
    key = "image.entrypoint" if conf.config.get("Entrypoint") else "image.cmd"
    tree = ImageTree.of_conf(conf, store)
    if "/" in program:
        workdir = conf.config.get("WorkingDir") or "/"
        if not tree.is_program(str(PurePosixPath(workdir) / program)):
            raise BuildError(
                f"{key}: {program!r} is not a program in the image",
                hint="add the package that provides it to image.contents, or mend the path",
            )
        return
    folders = _search_path(conf)
    if not any(tree.is_program(f"{folder}/{program}") for folder in folders):
        there = sorted(
            path.rpartition("/")[2] for path in tree.own if path.rpartition("/")[0] in folders
        )
        have = f"; it has {', '.join(there[:20])}" if there else "; it has no programs at all"
        raise BuildError(
            f"{key}: no content of the image provides {program!r} "
            f"in {':'.join(folders)}{have}",
            hint="add the package that provides it to image.contents",
        )


def _search_path(conf: ImageConf) -> list[str]:
    env = dict(item.partition("=")[::2] for item in conf.config.get("Env") or ())
    return [folder.rstrip("/") for folder in env.get("PATH", "/bin").split(":") if folder]


