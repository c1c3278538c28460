"""What Python and Nix each say of the bundled set's platforms must be the same."""

from __future__ import annotations

import json
from pathlib import Path

from nixgen import _process
from nixgen.plan.strategy import BUNDLED_BUILD_SYSTEMS
from nixgen.platforms import bundled_platforms

_TABLE = Path(__file__).parents[2] / "nix" / "bundled" / "platforms.nix"
_FACTS = """{ go, qemuArch, is64bit, crossNames, parsed, ... }:
  { inherit qemuArch is64bit crossNames; inherit (go) GOARCH; cpu = parsed.cpu.bits; }"""


def test_the_set_is_built_where_it_is_marked_to_be() -> None:
    expression = f"builtins.mapAttrs (_: platform: platform.build) (import {_TABLE})"
    argv = ["nix-instantiate", "--eval", "--strict", "--json", "--expr", expression]
    said = json.loads(_process.run(argv).check().stdout)
    assert {system for system, build in said.items() if build} == set(BUNDLED_BUILD_SYSTEMS)


def test_both_tables_of_platforms_agree() -> None:
    expression = f"builtins.mapAttrs (_: {_FACTS}) (import {_TABLE})"
    argv = ["nix-instantiate", "--eval", "--strict", "--json", "--expr", expression]
    said = json.loads(_process.run(argv).check().stdout)
    assert set(said) == {platform.facts.system for platform in bundled_platforms()}
    for platform in bundled_platforms():
        facts = platform.facts
        nix = said[facts.system]
        assert facts.pkgs_cross in nix.pop("crossNames")
        assert nix == {
            "GOARCH": platform.architecture,
            "cpu": facts.elf.bits,
            "is64bit": facts.elf.bits == 64,
            "qemuArch": facts.qemu,
        }
