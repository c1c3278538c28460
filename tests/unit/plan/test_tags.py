"""An image's tags, from the description and the command line into the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.errors import DescriptionError, UsageError
from nixgen.lock import PinnedSet
from nixgen.plan import BuildMachine, Plan, PlanOptions, make_plan
from nixgen.platforms import Platform
from nixgen.spec import read_description
from tests.e2e.conftest import run_cli

DESCRIPTION = """
[app]
name = "shop"
version = "1.4.0"
[vars]
major = "1"
[image]
tags = ["${app.version}", "${major}", "latest"]
"""
BY_PLATFORM = DESCRIPTION + '[platform."linux/arm64".image]\ntags = ["arm"]\n'


def plan(
    folder: Path, text: str = DESCRIPTION, *, platforms: int = 1, tags: tuple[str, ...] = ()
) -> Plan:
    (folder / "app.toml").write_text(text)
    description = read_description(folder / "app.toml")
    names = ("linux/amd64", "linux/arm64")[:platforms]
    return make_plan(
        [description.resolve(platform=Platform.parse(name)) for name in names],
        description_file="app.toml",
        package_set=PinnedSet(kind="bundled", digest=Digest.of_bytes(b"")),
        options=PlanOptions(machine=BuildMachine(system="x86_64-linux"), tags=tags),
        source_files=[],
    )


def test_every_described_tag_is_in_the_plan_filled_in(tmp_path: Path) -> None:
    assert plan(tmp_path).images[0].tags == ("1.4.0", "1", "latest")


def test_tags_of_the_command_line_stand_in_the_place_of_those_described(tmp_path: Path) -> None:
    assert plan(tmp_path, tags=("next",)).images[0].tags == ("next",)


def test_platforms_of_one_image_have_the_same_tags(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="arm for linux/arm64: all platforms are one image"):
        plan(tmp_path, BY_PLATFORM, platforms=2)
    assert plan(tmp_path, BY_PLATFORM, platforms=2, tags=("x",)).images[1].tags == ("x",)


@pytest.mark.parametrize(
    ("tags", "message"),
    [(("a/b",), "expected a tag of"), (("-x",), "expected a tag of"), (("a", "a"), "here twice")],
)
def test_a_wrong_tag_of_the_command_line_is_told(
    tmp_path: Path, tags: tuple[str, ...], message: str
) -> None:
    (tmp_path / "app.toml").write_text(DESCRIPTION)
    options = [part for tag in tags for part in ("--tag", tag)]
    outcome = run_cli("plan", "--static", tmp_path, *options)
    assert outcome.exit_code == 2
    assert message in outcome.stderr


@pytest.mark.parametrize(
    ("tags", "message"),
    [('["1", "${major}"]', "is here twice"), ('["v ${major}"]', "expected a tag")],
)
def test_tags_are_checked_when_they_are_filled_in(tmp_path: Path, tags: str, message: str) -> None:
    text = DESCRIPTION.replace('["${app.version}", "${major}", "latest"]', tags)
    with pytest.raises(DescriptionError, match=message):
        plan(tmp_path, text)
