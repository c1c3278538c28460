"""Values laid over a description."""

from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.errors import DescriptionError
from nixgen.platforms import Platform
from nixgen.spec import parse_description

_AMD64 = Platform.parse("linux/amd64")
_TEXT = """
[app]
name = "shop"
[image]
contents = ["bash", "curl"]
entrypoint = ["shop"]
[closure]
drop = ["share/locale"]
[profile.debug.closure]
drop = ["share/man"]
[platform."linux/amd64".closure]
keep = ["share/doc"]
"""


def test_changes_go_over_profiles_and_platforms_and_leave_the_rest(tmp_path: Path) -> None:
    description = parse_description(_TEXT, path=tmp_path / "app.toml")
    changed = description.with_changes(
        {"closure": {"minimise": "tight", "drop": ["lib/x"]}, "image": {"contents": ["bash"]}}
    )
    spec = changed.resolve(platform=_AMD64, profile="debug")
    assert spec.closure.minimise == "tight"
    assert (spec.closure.drop, spec.closure.keep) == (("lib/x",), ("share/doc",))
    assert spec.image.contents == ("bash",)
    assert spec.image.entrypoint == ("shop",)
    assert description.resolve(platform=_AMD64).image.contents == ("bash", "curl")


def test_a_description_with_changes_has_another_digest(tmp_path: Path) -> None:
    description = parse_description(_TEXT, path=tmp_path / "app.toml")
    digests = {
        description.digest,
        description.with_changes({"closure": {"minimise": "safe"}}).digest,
        description.with_changes({"closure": {"minimise": "tight"}}).digest,
    }
    assert len(digests) == 3


def test_a_wrong_change_is_a_mistake_when_it_is_resolved(tmp_path: Path) -> None:
    description = parse_description(_TEXT, path=tmp_path / "app.toml")
    with pytest.raises(DescriptionError, match="minimise"):
        description.with_changes({"closure": {"minimise": "much"}}).resolve(platform=_AMD64)
