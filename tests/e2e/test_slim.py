"""Alternatives of a description, tried out."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import EXAMPLES, ROOT, Cli, Outcome, content
from tests.nix.sets import extend_set, make_stand_in

_TEST = '\n[[test]]\nname = "runs"\nstdout = "planted on library-2.1"\n'


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    project = Path(shutil.copytree(ROOT / "tests/data/planted", tmp_path / "planted"))
    with (project / "app.toml").open("a") as file:
        file.write(_TEST)
    return project


def _slim(cli: Cli, project: Path, *options: str) -> Outcome:
    outcome = cli("slim", project, "-q", *options)
    assert outcome.exit_code == 0, outcome.stderr
    return outcome


def _rows(outcome: Outcome) -> dict[str, Any]:
    return {each["name"]: each for each in outcome.document["alternatives"]}


def test_stray_references_are_tried_and_the_description_stays(planted: Path, cli: Cli) -> None:
    before = content(planted)
    outcome = _slim(cli, planted, "--json")
    assert content(planted) == before
    rows = _rows(outcome)
    tried = {"safe", "tight", "no-certificates", "drop-planted-gcc", "cut-planted-library"}
    assert rows.keys() == tried
    saved = [row["saved_bytes"] for row in outcome.document["alternatives"]]
    assert saved == sorted(saved, reverse=True)
    assert min(saved) > 0
    described = outcome.document["described"]
    assert described["tests"]["verdict"] == "passed"
    for name, row in rows.items():
        assert row["saved_bytes"] == described["size_bytes"] - row["result"]["size_bytes"]
        failed = name == "cut-planted-library"
        assert row["result"]["tests"]["verdict"] == ("failed" if failed else "passed"), (name, row)


def test_the_lines_do_what_was_tried(planted: Path, cli: Cli) -> None:
    row = _rows(_slim(cli, planted, "--json", "--try", "drop-planted-gcc"))["drop-planted-gcc"]
    place = planted / "app.toml"
    closure = '[closure]\nminimise = "none"\n'
    assert tomllib.loads("\n".join(row["lines"])).keys() == {"closure"}
    place.write_text(place.read_text().replace(closure, "\n".join(row["lines"]) + "\n"))
    (platform,) = cli("size", planted, "--json", "-q").document["platforms"]
    assert platform["size_bytes"] == row["result"]["size_bytes"]


def test_what_saves_and_passes_is_tried_together(planted: Path, cli: Cli) -> None:
    place = planted / "app.toml"
    entry = 'entrypoint = ["planted"]\n'
    text = place.read_text().replace(entry, entry + 'contents = ["lua"]\n')
    place.write_text(text)
    rows = list(_rows(_slim(cli, planted, "--json")).values())
    assert [row["name"] for row in rows][:2] == ["together", "without-lua"]
    assert "no-certificates" in [row["name"] for row in rows]
    document = tomllib.loads("\n".join(rows[0]["lines"]))
    assert document["image"] == {"contents": []}
    assert document["closure"]["minimise"] == "tight"
    assert len(document["closure"]["drop"]) == 1
    assert "cut" not in document["closure"]


def test_what_breaks_a_test_is_shown_with_the_reason(planted: Path, cli: Cli) -> None:
    shown = _slim(cli, planted, "--try", "cut-planted-library").stdout
    assert "tests: 1 FAILED" in shown
    assert "FAILED  runs\n          stdout differs" in shown
    assert 'cut = [{ from = "planted", to = "library" }]' in shown


def test_an_unknown_alternative_is_a_mistake_that_names_those_there_are(
    planted: Path, cli: Cli
) -> None:
    outcome = cli("slim", planted, "-q", "--try", "magic")
    assert outcome.exit_code == 2
    assert "safe, tight, no-certificates, drop-planted-gcc" in outcome.stderr


def test_a_package_that_nothing_names_is_tried_without(tmp_path: Path, cli: Cli) -> None:
    project = Path(shutil.copytree(EXAMPLES / "profiles", tmp_path / "profiles"))
    place = project / "app.toml"
    text = place.read_text().replace('contents = ["lua"]', 'contents = ["lua", "busybox"]')
    place.write_text(text.replace("[platform.", '[closure]\nminimise = "tight"\n[platform.', 1))
    outcome = _slim(cli, project, "--json", "--platform", "native")
    assert outcome.document["described"]["tests"]["verdict"] == "failed"
    row = _rows(outcome)["without-busybox"]
    assert row["result"]["tests"]["verdict"] == "passed"
    assert row["lines"] == ["[image]", 'contents = ["lua"]']
    assert row["saved_bytes"] > 500_000


_SET = """
arguments:
let
  pkgs = import ./inner arguments;
  smaller = pkgs.runCommand "lua-minimal" { } ''
    mkdir -p $out/bin && cp ${pkgs.lua}/bin/lua $out/bin/lua
  '';
in
pkgs
// {
  luaMinimal = smaller;
  lua-minimal = pkgs.runCommand "lua-minimal" { } (throw "it has no licence");
  pkgsStatic.lua = pkgs.runCommand "lua-static" { } "echo it does not link; exit 1";
}
"""


def test_variants_are_built_only_if_asked_for(tmp_path: Path, cli: Cli) -> None:
    make_stand_in(tmp_path / "set/inner")
    mark = f"# {tmp_path}\n"
    text = _SET.replace("mkdir", f"{mark}    mkdir", 1)
    (tmp_path / "set/default.nix").write_text(text)
    project = tmp_path / "app"
    project.mkdir()
    (project / "app.toml").write_text(
        '[app]\nname = "x"\n[packages]\nset = "../set"\n[closure]\nminimise = "tight"\n'
        '[image]\nca-certificates = false\ncontents = ["lua"]\nentrypoint = ["lua", "-v"]\n'
    )
    rows = _rows(_slim(cli, project, "--json"))
    assert rows.keys() == {"lua=luaMinimal", "lua=lua-minimal", "lua=pkgsStatic.lua"}
    assert "it has no licence" in rows["lua=lua-minimal"]["reason"]
    assert rows["lua=luaMinimal"]["reason"] == "needs a build of lua-minimal; see --build"
    assert rows["lua=luaMinimal"]["result"] is None
    rows = _rows(_slim(cli, project, "--json", "--try", "lua=pkgsStatic.lua"))
    assert "lua-static failed" in rows["lua=pkgsStatic.lua"]["reason"]
    row = _rows(_slim(cli, project, "--json", "--try", "lua=luaMinimal"))["lua=luaMinimal"]
    assert row["saved_bytes"] > 0
    assert row["result"]["tests"] is None


def test_a_smaller_package_of_the_bundled_set_is_judged_by_the_tests(
    tmp_path: Path, cli: Cli
) -> None:
    (tmp_path / "app.toml").write_text(
        '[app]\nname = "x"\n[image]\nca-certificates = false\ncontents = ["bash"]\n'
        'entrypoint = ["bash", "-c", "type -t declare"]\n'
        '[[test]]\nname = "runs"\nstdout = "builtin"\n'
        '[[test]]\nname = "completes"\nrun = ["bash", "-c", "compgen -A builtin bre"]\n'
        'stdout = "break"\n'
    )
    outcome = _slim(cli, tmp_path, "--json", "--try", "bash=bashNonInteractive")
    assert outcome.document["described"]["tests"]["verdict"] == "passed"
    row = _rows(outcome)["bash=bashNonInteractive"]
    assert row["saved_bytes"] > 100_000
    verdicts = {each["name"]: each["verdict"] for each in row["result"]["tests"]["tests"]}
    assert verdicts == {"runs": "passed", "completes": "failed"}


_LIBRARIES = """
pkgs:
let
  words = pkgs.runCommand "greet-words" { } "mkdir $out; head -c 400000 /dev/zero > $out/words";
  library =
    name: told: script:
    pkgs.runCommand name { } ''
      mkdir -p $out/include
      echo '#define GREETING "'${told}'"' > $out/include/greet.h
      ${script}
    '';
in
{
  greet = library "greet-1" "hello by ${words}" "";
  greetMinimal = library "greet-minimal-1" "hello by itself" "";
  greet-minimal = library "greet-none-1" "hello" "echo MARK; exit 1";
}
"""


def test_smaller_libraries_and_smaller_code_are_tried_for_programs(
    tmp_path: Path, cli: Cli
) -> None:
    text = _LIBRARIES.replace("MARK", str(tmp_path))
    packages = extend_set("stand-in", tmp_path / "set", text)
    project = tmp_path / "app"
    project.mkdir()
    (project / "main.c").write_text(
        '#include <stdio.h>\n#include "greet.h"\nint main(void) { return puts(GREETING) < 0; }\n'
    )
    (project / "app.toml").write_text(
        f'[app]\nname = "hi"\n[packages]\nset = "{packages}"\n'
        '[build]\nkind = "c"\nsystem = "direct"\nlibs = ["greet"]\n'
        "cflags = ['-DBRACES=\"$${x}\"']\n"
        '[image]\nca-certificates = false\nentrypoint = ["hi"]\n[closure]\nminimise = "tight"\n'
        '[[test]]\nname = "greets"\nstdout = { contains = "hello" }\n'
    )
    assert cli("image", project, "-o", tmp_path / "image.oci", "-q").exit_code == 0
    rows = _rows(_slim(cli, project, "--json", "--try", "lib-greet=greetMinimal"))
    row = rows["lib-greet=greetMinimal"]
    assert row["lines"] == ["[build]", 'libs = ["greetMinimal"]']
    assert row["result"]["tests"]["verdict"] == "passed"
    assert row["result"]["unpacked_bytes"] < 100_000
    rows = _rows(_slim(cli, project, "--json"))
    assert row["saved_bytes"] == rows["lib-greet=greetMinimal"]["saved_bytes"] > 0
    reason = rows["lib-greet=greet-minimal"]["reason"]
    assert reason == "needs a build of greet-none-1; see --build"
    assert rows["small-code"]["result"]["tests"]["verdict"] == "passed"
    assert any('"-DBRACES=\\"$${x}\\"", "-Os"' in line for line in rows["small-code"]["lines"])
    assert "static-app" not in rows


def test_that_nothing_helps_is_said(tmp_path: Path, cli: Cli) -> None:
    project = Path(shutil.copytree(EXAMPLES / "http-c", tmp_path / "http-c"))
    place = project / "app.toml"
    place.write_text(place.read_text().replace("[image]\n", "[image]\nca-certificates = false\n"))
    shown = _slim(cli, project).stdout
    assert "saves nothing" in shown
    assert "nothing of what was tried saves anything" in shown
    with (project / "app.toml").open("a") as file:
        file.write('\n[closure]\nminimise = "tight"\n')
    assert "there are no alternatives to try" in _slim(cli, project).stdout
