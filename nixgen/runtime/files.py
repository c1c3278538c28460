"""The files of an image where they lie on this machine, found by their paths in the image."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nixgen.oci import StoreRoot

_MAX_LINKS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFiles:
    """`root` holds the customisation layer, unpacked; store paths stay where they are.

    Nothing outside the two is ever found, whatever the links in the image say.
    """

    root: Path
    store: StoreRoot
    store_paths: frozenset[str]

    def find(self, path: str) -> Path | None:
        """Where the file that an absolute path of the image leads to lies, or None.

        Symbolic links are followed as inside the image, the last one too.
        """
        logical = self.resolve(path)
        return None if logical is None else self._physical(logical)

    def has(self, path: str) -> bool:
        """Whether the image holds this path; a link that leads nowhere counts."""
        return self.mode(path, follow=False) is not None

    def mode(self, path: str, *, follow: bool = True) -> int | None:
        """Type and permissions (st_mode) of what a path leads to, or is without `follow`.

        None where nothing is there.
        """
        pure = PurePosixPath(path)
        base = self.resolve(path if follow else str(pure.parent))
        if base is None:
            return None
        logical = base if follow else _join(base, pure.name)
        try:
            return self._physical(logical).lstat().st_mode
        except OSError:
            # why: what only leads to store paths, such as /nix, lies nowhere on this machine.
            return stat.S_IFDIR | 0o755 if self._leads_to_store(logical) else None

    def resolve(self, path: str) -> str | None:
        """The path of the image that has no links and leads to the same; None if nowhere."""
        todo = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        here, links = "/", 0
        while todo:
            part = todo.pop()
            if part == "..":
                here = str(PurePosixPath(here).parent)
                continue
            place = self._physical(_join(here, part))
            try:
                mode = place.lstat().st_mode
            except OSError:
                if not self._leads_to_store(_join(here, part)):
                    return None
                mode = stat.S_IFDIR
            if not stat.S_ISLNK(mode):
                here = _join(here, part)
                continue
            links += 1
            if links > _MAX_LINKS:
                return None
            target = str(place.readlink())
            here = "/" if target.startswith("/") else here
            todo += [piece for piece in reversed(target.split("/")) if piece not in ("", ".")]
        return here

    def find_program(self, name: str, *, search: Iterable[str], workdir: str) -> str | None:
        """The path in the image of a program named as for execvp, or None."""
        if "/" in name:
            candidates = [name if name.startswith("/") else _join(workdir, name)]
        else:
            candidates = [_join(folder, name) for folder in search if folder.startswith("/")]
        for candidate in candidates:
            found = self.find(candidate)
            if found is not None and found.is_file() and found.stat().st_mode & 0o111:
                return candidate
        return None

    def programs(self, folder: str) -> tuple[str, ...]:
        """The names in a folder of the image, sorted; none when there is no such folder."""
        found = self.find(folder)
        if found is None or not found.is_dir():
            return ()
        return tuple(sorted(item.name for item in found.iterdir()))

    def _physical(self, logical: str) -> Path:
        parts = logical.split("/")
        for length in range(2, len(parts) + 1):
            if "/".join(parts[:length]) in self.store_paths:
                return self.store.physical(logical)
        return self.root / logical.lstrip("/")

    def _leads_to_store(self, logical: str) -> bool:
        return any(path.startswith(logical + "/") for path in self.store_paths)


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"
