"""Where store paths lie on this machine: logical `/nix/store/…` against a physical root."""

from __future__ import annotations

import re
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


def is_store_path(text: str, store_dir: str) -> bool:
    """Whether `text` is `<store_dir>/<hash>-<name>` and nothing below it."""
    prefix = store_dir + "/"
    return text.startswith(prefix) and bool(_BASE_NAME.fullmatch(text[len(prefix) :]))
