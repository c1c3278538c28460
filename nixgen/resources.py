"""Where nixgen's own Nix library and templates are, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def nix_dir() -> Path:
    """The Nix library: the folder with `lib/`, `build/` and `bundled/`."""
    return _find("nix")


def templates_dir() -> Path:
    """The jinja2 templates of the generated Nix, and the parts of the closure's HTML page."""
    return _find("templates")


def _find(name: str) -> Path:
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"nixgen's own folder {name!r} is missing: reinstall nixgen")
