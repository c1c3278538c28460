"""Where a user's own files are kept, by https://specifications.freedesktop.org/basedir-spec/latest/.

Only absolute paths in the variables count.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nixgen.errors import MachineError


def cache_folder(environ: Mapping[str, str]) -> Path:
    """nixgen's folder for what can be had again; raises MachineError for a user without a home."""
    return _folder(environ, "XDG_CACHE_HOME", ".cache")


def state_folder(environ: Mapping[str, str]) -> Path:
    """nixgen's folder for what it remembers; raises MachineError for a user without a home."""
    return _folder(environ, "XDG_STATE_HOME", ".local/state")


def _folder(environ: Mapping[str, str], variable: str, below_home: str) -> Path:
    named = environ.get(variable, "")
    base = Path(named) if named.startswith("/") else _home(environ) / below_home
    return base / "nixgen"


def _home(environ: Mapping[str, str]) -> Path:
    named = environ.get("HOME", "")
    if named.startswith("/"):
        return Path(named)
    try:
        return Path.home()
    except RuntimeError as error:
        raise MachineError(
            "this user has no home folder", hint="set HOME, or XDG_CACHE_HOME and XDG_STATE_HOME"
        ) from error
