"""Package sets of the kind `path` to test against, each made as a folder that a description names.

The stand-in is always there. With `NIXGEN_TEST_NIXPKGS=CHECKOUT` a nixpkgs checkout is, too.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from nixgen import resources
from nixgen.sourcetree import list_source, stage_source

_HERE = Path(__file__).parent
VARIABLE = "NIXGEN_TEST_NIXPKGS"
_EXTENDED = """
arguments:
let
  pkgs = import ./inner arguments;
  extend = pkgs: pkgs // import ./more.nix pkgs;
in
extend pkgs // { pkgsCross = builtins.mapAttrs (_: extend) pkgs.pkgsCross; }
"""


def known_sets() -> tuple[str, ...]:
    """The names of the sets under test, for `make_set`."""
    return ("stand-in", "stand-in-newer", *(["nixpkgs"] if os.environ.get(VARIABLE) else []))


def make_set(name: str, folder: Path) -> Path:
    """Make the set in `folder` (which must not exist); gives the folder."""
    if name == "nixpkgs":
        return wrap_checkout(Path(os.environ[VARIABLE]), folder)
    return make_stand_in(folder, newer=name == "stand-in-newer")


def make_stand_in(folder: Path, *, newer: bool = False) -> Path:
    """The stand-in set; `newer` as nixpkgs is since its stream scripts carry their conf."""
    shutil.copytree(_HERE / "stand-in", folder)
    shutil.copytree(resources.nix_dir() / "bundled", folder / "bundled")
    if newer:
        (folder / "newer").touch()
    return folder


def extend_set(name: str, folder: Path, more: str) -> Path:
    """The set with further packages: `more` is a Nix function from the set's packages to them."""
    folder.mkdir()
    make_set(name, folder / "inner")
    (folder / "more.nix").write_text(more)
    (folder / "default.nix").write_text(_EXTENDED)
    return folder


def wrap_checkout(checkout: Path, folder: Path) -> Path:
    """A checkout behind an overlay of placeholders for what it lacks; a full one lacks nothing."""
    assert (checkout / "default.nix").is_file(), f"{VARIABLE}={checkout} is no nixpkgs checkout"
    shutil.copytree(_HERE / "wrapped", folder)
    stage_source(checkout, list_source(checkout, lock_name=""), folder / "checkout")
    return folder
