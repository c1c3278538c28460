"""Where store paths lie on this machine: logical `/nix/store/…` against a physical root."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

DEFAULT_STORE_DIR = "/nix/store"

# Nix's base 32 has no e, o, t, u:
# https://nix.dev/manual/nix/latest/protocols/store-path
_BASE_NAME = re.compile(r"[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+\-._?=]{1,211}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRoot:
    """A store's root folder: `/`, or what `--store ROOT` names.

    Logical paths (`/nix/store/…`) are what images, confs and references hold; physical ones are
    where the bytes lie: `ROOT/nix/store/…`.
    """

    root: Path = Path("/")

    def physical(self, logical: str) -> Path:
        """The place on disk of an absolute logical path."""
        if not logical.startswith("/"):
            raise ValueError(f"not an absolute path: {logical!r}")
        return self.root / logical.lstrip("/")


def holder_of(path: str) -> str:
    """What of an absolute path names a store path: its first three parts, `/nix/store/<name>`."""
    return "/".join(path.split("/")[:4])


def path_facts(path: str, store: StoreRoot) -> list[int]:
    """What tells a store path from one of the same name that lay there before; raises OSError."""
    info = os.lstat(store.physical(path))
    # why: a plain file's ctime moves whenever Nix links another equal file to it.
    changed = 0 if stat.S_ISREG(info.st_mode) else info.st_ctime_ns
    return [info.st_ino, info.st_mode, info.st_size, info.st_mtime_ns, changed]


def is_store_path(text: str, store_dir: str) -> bool:
    """Whether `text` is `<store_dir>/<hash>-<name>` and nothing below it."""
    prefix = store_dir + "/"
    return text.startswith(prefix) and bool(_BASE_NAME.fullmatch(text[len(prefix) :]))
