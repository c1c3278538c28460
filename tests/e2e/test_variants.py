"""A smaller package in place of the one that is named: where it is told, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Cli, error_of
from tests.nix.sets import extend_set

_MORE = """
pkgs:
let
  make =
    name: programs:
    pkgs.runCommand "${name}-12.2.1" { } ''
      mkdir -p "$out/bin"
      for program in ${programs}; do cp ${pkgs.lua}/bin/lua "$out/bin/$program"; done
    '';
in
{
  graphviz = make "graphviz" "dot vimdot";
  graphviz-nox = make "graphviz-nox" "dot";
}
"""
_TOLD = "graphviz-nox in place of graphviz"


@pytest.fixture(scope="module")
def package_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extend_set("stand-in", tmp_path_factory.mktemp("set") / "set", _MORE)


@pytest.fixture
def project(package_set: Path, tmp_path: Path) -> Path:
    (tmp_path / "app.toml").write_text(
        f'[app]\nname = "drawn"\nversion = "1"\n[packages]\nset = {json.dumps(str(package_set))}\n'
        '[image]\nca-certificates = false\ncontents = ["graphviz"]\nentrypoint = ["dot", "-v"]\n'
    )
    return tmp_path


def _add(project: Path, text: str) -> None:
    with (project / "app.toml").open("a") as file:
        file.write(text)


def _only(document: Any) -> Any:
    (platform,) = document["platforms"]
    return platform


def test_the_plan_and_the_image_tell_it(project: Path, cli: Cli) -> None:
    assert f"variants     {_TOLD}" in cli("plan", project).stdout
    (planned,) = cli("plan", project, "--json").document["images"]
    assert planned["variants"] == {"graphviz": "graphviz-nox"}
    assert planned["candidates"] == {"graphviz": ["graphviz-nox"]}
    (static,) = cli("plan", project, "--json", "--static").document["images"]
    assert "variants" not in static

    place = project / "image.oci"
    first = cli("image", project, "-o", place)
    assert first.exit_code == 0, first.stderr
    assert f"linux/amd64: {_TOLD}" in first.stderr
    assert _TOLD in first.stdout
    again = cli("image", project, "-o", place, "--json")
    assert _only(again.document)["variants"] == {"graphviz": "graphviz-nox"}


def test_questions_about_the_closure_tell_it(project: Path, cli: Cli) -> None:
    assert _TOLD in cli("closure", project, "-q").stdout
    printed = cli("closure", project, "-q", "--json").stdout
    assert _only(json.loads(printed))["variants"] == {"graphviz": "graphviz-nox"}
    (project / "old.json").write_text(printed)
    assert _TOLD in cli("closure", project / "old.json").stdout

    named = cli("why", project, "graphviz", "-q")
    assert named.exit_code == 1
    assert named.stdout == f"drawn:1 for linux/amd64: no graphviz in it\n  {_TOLD}\n"
    taken = cli("why", project, "graphviz-nox", "-q")
    assert taken.exit_code == 0
    assert _TOLD in taken.stdout
    other = cli("why", project, "curl", "-q", "--json")
    assert _only(other.document)["variants"] == {"graphviz": "graphviz-nox"}
    assert _TOLD not in cli("why", project, "curl", "-q").stdout


def test_statements_about_the_image_tell_it(project: Path, cli: Cli) -> None:
    bill = cli("sbom", project, "-q").document
    assert f"Taken by the description's rules: {_TOLD}." in json.dumps(bill)
    assert "graphviz-nox" in {each["name"] for each in bill["packages"]}
    provenance = cli("provenance", project, "-q").document
    (build,) = provenance["predicate"]["buildDefinition"]["internalParameters"]["builds"]
    assert build["variants"] == {"graphviz": "graphviz-nox"}


def test_an_entry_point_that_only_the_named_package_has_comes_with_the_way_back(
    project: Path, cli: Cli
) -> None:
    _add(project, '[profile.editor.image]\nentrypoint = ["vimdot"]\n')
    place = project / "image.oci"
    refused = cli("image", project, "-o", place, "--profile", "editor", "--json", "-q")
    error = error_of(refused)
    assert refused.exit_code == 4
    assert "vimdot" in error["message"]
    assert _TOLD in error["message"]
    assert 'as-named = ["graphviz"]' in error["hint"]
    _add(project, '[profile.editor.closure]\nas-named = ["graphviz"]\n')
    built = cli("image", project, "-o", place, "--profile", "editor", "--json", "-q")
    assert built.exit_code == 0, built.stderr
    assert _only(built.document)["variants"] == {}


def test_the_lock_knows_both_apart_and_raises_no_alarm(project: Path, cli: Cli) -> None:
    place = project / "image.oci"
    described = (project / "app.toml").read_text()
    digests = []
    for closure in ("", '[closure]\nas-named = ["graphviz"]\n', ""):
        (project / "app.toml").write_text(described + closure)
        built = cli("image", project, "-o", place, "--json", "-q")
        assert built.exit_code == 0, built.stderr
        digests.append(built.document["digest"])
        assert digests[-1] in (project / "nixgen.lock").read_text()
    assert digests[0] == digests[2] != digests[1]


def test_a_name_that_keeps_nothing_is_told(project: Path, cli: Cli) -> None:
    _add(project, '[closure]\nas-named = ["graphvis"]\n')
    outcome = cli("image", project, "-o", project / "image.oci")
    assert "as-named: nothing would stand in place of graphvis" in outcome.stderr


def test_slim_builds_no_smaller_package_that_nobody_asked_for(tmp_path: Path, cli: Cli) -> None:
    unbuilt = _MORE.replace("mkdir -p", f"# {tmp_path}\n      mkdir -p")
    packages = extend_set("stand-in", tmp_path / "set", unbuilt)
    place = tmp_path / "app.toml"
    head = (
        f'[app]\nname = "drawn"\n[packages]\nset = {json.dumps(str(packages))}\n'
        '[image]\nca-certificates = false\ncontents = ["graphviz"]\nentrypoint = ["dot"]\n'
    )
    refused = {}
    for closure in ('minimise = "none"', 'as-named = ["graphviz"]'):
        place.write_text(f"{head}[closure]\n{closure}\n")
        found = cli("slim", tmp_path, "-q", "--json")
        assert found.exit_code == 0, found.stderr
        rows = {each["name"]: each["reason"] for each in found.document["alternatives"]}
        wanted = "needs a build of graphviz-nox-12.2.1; see --build"
        refused[closure] = {name for name, reason in rows.items() if reason == wanted}
    assert list(refused.values()) == [
        {"safe", "tight", "graphviz=graphviz-nox"},
        {"graphviz=graphviz-nox"},
    ]


def test_slim_proposes_the_way_back_where_a_test_fails(project: Path, cli: Cli) -> None:
    passing = cli("slim", project, "-q", "--json").document
    names = [each["name"] for each in passing["alternatives"]]
    assert not [name for name in names if "graphviz-nox" in name.partition("=")[2]]
    assert "as-named-graphviz" not in names

    _add(project, '[[test]]\nname = "edits"\nrun = ["vimdot", "-v"]\n')
    found = cli("slim", project, "-q", "--json", "--try", "as-named-graphviz").document
    assert found["described"]["tests"]["verdict"] == "failed"
    (back,) = found["alternatives"]
    assert back["lines"] == ["[closure]", 'as-named = ["graphviz"]']
    assert back["result"]["tests"]["verdict"] == "passed"
    assert back["saved_bytes"] < 0
