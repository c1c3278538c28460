"""A small project on disk for descriptions to speak of."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with C files, a site, a Nix file, a package set, and links of every bad kind."""
    folder = tmp_path / "project"
    for name in (
        "shop.toml",
        "main.c",
        "site/index.html",
        "nix/default.nix",
        "set/default.nix",
        "made/Makefile",
        "made/main.c",
        "empty/readme",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (tmp_path / "secret").write_text("")
    (folder / "link-out").symlink_to(tmp_path / "secret")
    (folder / "link-in").symlink_to("shop.toml")
    (folder / "folder-out").symlink_to(tmp_path)
    (folder / "loop").symlink_to("loop")
    return folder
