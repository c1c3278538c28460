"""What Python and Nix each say of the bundled set's platforms must be the same."""

from __future__ import annotations

import json
from pathlib import Path

from nixgen import _process
from nixgen.pipeline.prepare import BUNDLED_PLATFORMS
from nixgen.platforms import Platform

_TABLE = Path(__file__).parents[2] / "nix" / "bundled" / "platforms.nix"


def test_both_lists_of_bundled_platforms_agree() -> None:
    expression = f"builtins.attrNames (import {_TABLE})"
    argv = ["nix-instantiate", "--eval", "--strict", "--json", "--expr", expression]
    systems = json.loads(_process.run(argv).check().stdout)
    assert sorted(systems) == sorted(
        Platform.parse(name).facts.system for name in BUNDLED_PLATFORMS
    )
