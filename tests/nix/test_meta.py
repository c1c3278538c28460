"""What package sets say of their packages, evaluated for bills of materials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nixgen.attest.inventory import Component, PackageFacts, parse_facts
from nixgen.cli.options import make_nix, make_request
from nixgen.digest import Digest
from nixgen.pipeline.prepare import prepare
from nixgen.pipeline.realise import evaluate
from tests.nix.projects import write_project
from tests.nix.sets import known_sets, make_set

_APP = '[app]\nname = "a"\n[build]\nkind = "c"\nlibs = ["zlib"]\nsources = ["a.c"]\n'


def ask(project: Path, platform: str) -> Any:
    nix = make_nix()
    evaluated = evaluate(prepare(make_request(project, platforms=[platform]), nix), nix)
    slug = platform.replace("/", "-")
    return nix.eval_json(evaluated.trees.expression(), f"images.{slug}.meta")


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_every_bundled_package_has_all_that_a_bill_names(tmp_path: Path, platform: str) -> None:
    answer = ask(write_project(tmp_path, _APP, a__c="int main(){}"), platform)
    assert answer["static"]
    facts = parse_facts(answer["packages"])
    app = facts.pop(answer["app"])
    assert {facts[path].name for path in app.inputs} == {"zlib"}
    known = {each.name for each in facts.values()}
    assert {"bash", "busybox", "cacert", "curl", "tzdata", "zlib"} <= known
    for path, each in facts.items():
        component = Component(path=path, facts=each, nar_hash=Digest.of_bytes(b""))
        assert component.cpe is not None, path
        assert component.licence is not None, path
        assert each.version, path


@pytest.mark.parametrize("name", known_sets())
def test_a_set_that_is_a_path_says_what_its_packages_know(tmp_path: Path, name: str) -> None:
    packages = make_set(name, tmp_path / "set")
    project = write_project(
        tmp_path / "app", f'{_APP}[packages]\nset = "{packages}"\n', a__c="int main(){}"
    )
    answer = ask(project, "linux/amd64")
    assert not answer["static"]
    facts = parse_facts(answer["packages"])
    assert {each.licenses for each in facts.values() if each.name == "zlib"} == {("Zlib",)}


def test_a_meta_that_fails_says_nothing_and_fails_nothing(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        '[app]\nname = "a"\n[build]\nkind = "nix"\nfile = "a.nix"\n',
        a__nix="""{ pkgs }: pkgs.stdenv.mkDerivation {
  pname = "odd";
  version = "1";
  buildInputs = [ [ pkgs.zlib ] null "text" ];
  meta = {
    description = throw "no description";
    homepage = [ "https://example.org" "https://example.com" ];
    license = [ { fullName = "Ours"; } { shortName = throw "none"; } "MIT" ];
    identifiers.cpe = 7;
  };
}""",
    )
    answer = ask(project, "linux/amd64")
    found = parse_facts(answer["packages"])[answer["app"]]
    assert len(found.inputs) == 1
    assert found == PackageFacts(
        name="odd",
        version="1",
        homepage="https://example.org",
        licenses=("Ours", "MIT"),
        inputs=found.inputs,
    )
