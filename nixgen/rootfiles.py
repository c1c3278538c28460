"""The files of an image's root, as far as one has to know them to lay another layer over them.

Paths are absolute, as in the image, and are resolved as inside it: no link leads out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

_MAX_LINKS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFolder:
    """What a folder of an image is like: permission bits and owner."""

    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFiles:
    """Folders, symbolic links (with what they say) and programs of an image, by their own paths.

    `texts` holds the content of files that name accounts, such as `/etc/passwd`. Other files are
    not known here.
    """

    folders: Mapping[str, RootFolder] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    programs: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, path: str) -> str:
        """The path without links that `path` leads to; what is not there is left as it is.

        A link in a circle is left as it is too.
        """
        todo = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        here, followed = "", 0
        while todo:
            part = todo.pop()
            if part == "..":
                here = here.rpartition("/")[0]
                continue
            target = self.links.get(f"{here}/{part}")
            if target is None or followed == _MAX_LINKS:
                here = f"{here}/{part}"
                continue
            followed += 1
            here = "" if target.startswith("/") else here
            todo += [piece for piece in reversed(target.split("/")) if piece not in ("", ".")]
        return here or "/"

    def place(self, path: str) -> str:
        """Where an entry of that path lies: its folder resolved, its name as it is."""
        parent, _, name = path.rpartition("/")
        return f"{self.resolve(parent).rstrip('/')}/{name}"

    def folder(self, path: str) -> RootFolder | None:
        """The folder that a path leads to; None where there is none."""
        return self.folders.get(self.resolve(path))

    def is_program(self, path: str) -> bool:
        """Whether a path leads to a file that may be executed."""
        return self.resolve(path) in self.programs

    def text(self, path: str) -> str | None:
        """The content of the file that a path leads to, where it is known."""
        return self.texts.get(self.resolve(path))

    def folder_links(self, *, besides: str) -> tuple[tuple[str, str], ...]:
        """The links that lead to a folder, each with the resolved path of that, sorted.

        Those that lie in or lead into the folder `besides` are left out.
        """
        prefix = f"{besides}/"
        led = ((path, self.resolve(path)) for path in sorted(self.links))
        return tuple(
            (path, target)
            for path, target in led
            if target in self.folders
            and not path.startswith(prefix)
            and not f"{target}/".startswith(prefix)
        )

    def as_json(self) -> dict[str, Any]:
        """As a JSON object, which `of_json` reads."""
        return {
            "folders": {
                path: [folder.mode, folder.uid, folder.gid]
                for path, folder in sorted(self.folders.items())
            },
            "links": dict(sorted(self.links.items())),
            "programs": sorted(self.programs),
            "texts": dict(sorted(self.texts.items())),
        }

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `as_json` gave; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            folders={
                str(path): RootFolder(mode=int(mode), uid=int(uid), gid=int(gid))
                for path, (mode, uid, gid) in document["folders"].items()
            },
            links={str(path): str(target) for path, target in document["links"].items()},
            programs=frozenset(map(str, document["programs"])),
            texts={str(path): str(text) for path, text in document["texts"].items()},
        )
