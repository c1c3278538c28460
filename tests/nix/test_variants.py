"""Which package of a set is taken for a name, and which of its outputs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from nixgen.cli.options import make_nix, make_request
from nixgen.pipeline.prepare import prepare
from nixgen.pipeline.realise import Evaluated, evaluate
from tests.nix.projects import write_project
from tests.nix.sets import extend_set, known_sets

_MORE = """
pkgs:
let
  make =
    name: more:
    pkgs.stdenv.mkDerivation (
      {
        pname = name;
        version = "1";
        buildCommand = "mkdir -p $out/bin";
      }
      // more
    );
in
{
  ffmpeg = make "ffmpeg" { };
  ffmpeg-headless = make "ffmpeg-headless" { };
  erlang = make "erlang" { };
  beamMinimalPackages.erlang = make "erlang-minimal" { };

  mupdf = make "mupdf" { };
  mupdf-headless = throw "mupdf-headless is gone";
  graphviz = make "graphviz" { };
  graphviz-nox = make "graphviz-nox" { meta.platforms = [ "x86_64-darwin" ]; };
  elixir = make "elixir" { };

  emacs = make "emacs" { };
  emacs-nox = make "emacs-nox" { meta.broken = true; };
  emacs30 = make "emacs30" { };
  emacs30-nox = make "emacs30-nox" { meta.license = { free = false; shortName = "ours"; }; };
  wireshark = make "wireshark" { };
  wireshark-cli = make "wireshark-cli" { meta.knownVulnerabilities = [ "CVE-2026-1" ]; };

  developed = make "developed" {
    outputs = [
      "dev"
      "man"
      "lib"
      "out"
    ];
  };
}
"""
_PLATFORMS = ("linux/amd64", "linux/arm64")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A set, and descriptions that name packages of it."""

    folder: Path
    kind: str

    def evaluate(
        self, *contents: str, platform: str = "linux/amd64", closure: str = ""
    ) -> Evaluated:
        """What the description evaluates to; `closure` are lines of that table."""
        text = (
            f'[app]\nname = "a"\n[packages]\nset = {json.dumps(str(self.folder))}\n'
            f"[image]\nca-certificates = false\ncontents = {json.dumps(contents)}\n"
            f"[closure]\n{closure}\n"
        )
        project = write_project(self.folder.parent / "app", text)
        nix = make_nix()
        return evaluate(prepare(make_request(project, platforms=[platform]), nix), nix)


@pytest.fixture(scope="module", params=known_sets())
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = extend_set(request.param, tmp_path_factory.mktemp("world") / "set", _MORE)
    return World(folder=folder, kind=request.param)


def _conf(evaluated: Evaluated) -> str:
    (conf,) = evaluated.confs
    return str(conf.drv_path)


@pytest.mark.parametrize("platform", _PLATFORMS)
@pytest.mark.parametrize("mode", ["safe", "tight"])
def test_the_smaller_package_is_taken_as_if_it_were_named(
    world: World, platform: str, mode: str
) -> None:
    closure = f'minimise = "{mode}"'
    found = world.evaluate("erlang", "ffmpeg", platform=platform, closure=closure)
    assert found.variants == (
        {"erlang": "beamMinimalPackages.erlang", "ffmpeg": "ffmpeg-headless"},
    )
    named = world.evaluate(
        "beamMinimalPackages.erlang", "ffmpeg-headless", platform=platform, closure=closure
    )
    assert named.variants == ({},)
    assert _conf(found) == _conf(named)


def test_what_is_named_is_taken_where_it_is_asked_for(world: World) -> None:
    as_named = {
        closure: world.evaluate("ffmpeg", "erlang", closure=closure)
        for closure in (
            'minimise = "none"',
            'as-named = ["*"]',
            'as-named = ["erlang", "ffmpeg"]',
            'as-named = ["ffmpeg"]',
        )
    }
    assert [each.variants for each in as_named.values()] == [
        ({},),
        ({},),
        ({},),
        ({"erlang": "beamMinimalPackages.erlang"},),
    ]
    assert len({_conf(each) for each in as_named.values()}) == 2


def test_both_are_there_once_where_both_are_named(world: World) -> None:
    both = world.evaluate("ffmpeg", "ffmpeg-headless")
    assert _conf(both) == _conf(world.evaluate("ffmpeg-headless"))
    other = world.evaluate("ffmpeg-headless", "ffmpeg", closure='as-named = ["ffmpeg"]')
    assert _conf(other) != _conf(both)


@pytest.mark.parametrize("platform", _PLATFORMS)
def test_what_is_gone_or_for_another_platform_is_not_taken(world: World, platform: str) -> None:
    found = world.evaluate("mupdf", "graphviz", "elixir", platform=platform)
    assert found.variants == ({},)


def test_what_nixpkgs_refuses_is_not_taken(world: World) -> None:
    # why: the stand-in refuses nothing, so there the same names are the other half of the test.
    found = world.evaluate("emacs", "emacs30", "wireshark")
    taken = {"emacs": "emacs-nox", "emacs30": "emacs30-nox", "wireshark": "wireshark-cli"}
    assert found.variants == ({} if world.kind == "nixpkgs" else taken,)


def test_what_the_app_is_built_with_stays_as_named(world: World) -> None:
    project = write_project(
        world.folder.parent / "built",
        f'[app]\nname = "a"\n[packages]\nset = {json.dumps(str(world.folder))}\n'
        '[build]\nkind = "c"\nlibs = ["ffmpeg"]\n[image]\nca-certificates = false\n',
        main__c="int main(void) { return 0; }",
    )
    nix = make_nix()
    evaluated = evaluate(prepare(make_request(project), nix), nix)
    assert evaluated.variants == ({},)
    (conf,) = evaluated.confs
    names = {path.derivation_name for path in nix.build_graph([conf.drv_path])}
    assert "ffmpeg-1" in names
    assert "ffmpeg-headless-1" not in names


def test_an_output_that_is_named_stays(world: World) -> None:
    found = world.evaluate("ffmpeg.out")
    assert found.variants == ({},)
    assert _conf(found) == _conf(world.evaluate("ffmpeg", closure='as-named = ["ffmpeg"]'))


@pytest.mark.parametrize("platform", _PLATFORMS)
def test_outputs_are_those_that_programs_run_with(world: World, platform: str) -> None:
    found, wanted = (
        _conf(world.evaluate(*contents, platform=platform))
        for contents in (("developed",), ("developed.out", "developed.lib"))
    )
    assert found == wanted
    developed = world.evaluate("developed.dev", platform=platform)
    assert _conf(developed) != found
    whole = world.evaluate("developed", platform=platform, closure='minimise = "none"')
    assert _conf(whole) == _conf(developed)
