"""Mistakes in the user's own Nix: the file and line come first, whatever the mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import run_cli
from tests.nix.projects import write_project

_DESCRIPTION = '[app]\nname = "own"\n[build]\nkind = "nix"\nsrc = "nix"\nfile = "app.nix"\n'

# name: (the file, the line of the mistake, what is said)
_MISTAKES = {
    "syntax": ("{ pkgs }:\npkgs.zlib.override {\n  a = 1\n}\n", 4, "syntax error, unexpected '}'"),
    "undefined variable": ("{ pkgs }:\n\n  nothing\n", 3, "undefined variable 'nothing'"),
    "throw": ('{ pkgs }: throw "my own words"\n', 1, "my own words"),
    "assertion": ("{ pkgs }:\nassert false;\npkgs.zlib\n", 2, "assertion 'false' failed"),
    "wrong type": (
        '{ pkgs }:\npkgs.zlib // {\n  type = "a" + 1;\n}\n',
        3,
        "cannot coerce an integer",
    ),
    "missing attribute": ("{ pkgs }:\npkgs.zlip\n", 2, "attribute 'zlip' missing"),
    "missing argument": (
        "\n{ pkgs, nothing }:\npkgs.zlib\n",
        2,
        "these arguments of the function: nothing",
    ),
    "misuse of the set": ("{ pkgs }:\npkgs.lib.splitString { } 7\n", 2, "a set"),
    "import of a missing file": ("{ pkgs }:\nimport ./other.nix\n", 2, "other.nix"),
    "search path": ("{ pkgs }:\nimport <nixpkgs> { }\n", 2, "hint: take the argument `pkgs`"),
    "current time": (
        "{ pkgs }:\npkgs.zlib // { type = builtins.currentTime; }\n",
        2,
        "hint: pass a time",
    ),
    "environment": ('{ pkgs }:\nbuiltins.getEnv "HOME"\n', 2, "hint: pass a value"),
}


@pytest.mark.parametrize("mistake", sorted(_MISTAKES))
def test_the_users_file_and_line_come_first(mistake: str, tmp_path: Path) -> None:
    text, line, said = _MISTAKES[mistake]
    project = write_project(tmp_path / "own project", _DESCRIPTION, nix___app__nix=text)
    outcome = run_cli("image", project, "--dry-run")
    assert outcome.exit_code == 2, outcome.stderr
    first = outcome.stderr.splitlines()[0]
    place = re.match(r"error: \S*own project/nix/app\.nix:(\d+):", first)
    assert place is not None, outcome.stderr
    assert int(place[1]) == line, outcome.stderr
    assert said in outcome.stderr
    assert "/nix/store" not in first


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{ pkgs }: 1", "int"),
        ('"text"', "string"),
        ("{ pkgs }: { a = 1; }", "set"),
        ("x: y: x", "lambda"),
    ],
)
def test_what_is_no_derivation_is_named_with_its_file(
    text: str, found: str, tmp_path: Path
) -> None:
    project = write_project(tmp_path, _DESCRIPTION, nix___app__nix=text)
    outcome = run_cli("image", project, "--dry-run")
    assert outcome.exit_code == 2
    assert f"/nix/app.nix: this gives a {found}, not a derivation" in outcome.stderr
