"""Every example is built for every platform of the bundled set, with that platform's code only."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from nixgen.elf import ElfTarget, parse_header
from nixgen.platforms import bundled_platforms
from tests.e2e.conftest import BuildExample, Built, Cli

pytestmark = pytest.mark.matrix

_TARGETS = {str(platform): platform.facts.elf for platform in bundled_platforms()}
_EXAMPLES = ["http-c", "profiles", "site", "sqlite-lua"]


def _programs(built: Built) -> Iterator[tuple[Path, ElfTarget]]:
    """The ELF files of the image's store paths, and the machine that each is for."""
    for layer in built.image["layers"]:
        for store_path in layer["store_paths"]:
            place = Path(store_path)
            for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
                if not stat.S_ISREG(path.lstat().st_mode):
                    continue
                with path.open("rb") as file:
                    target = parse_header(file.read(64))
                if target is not None:
                    yield path, target


@pytest.mark.parametrize("example", _EXAMPLES)
@pytest.mark.parametrize("platform", _TARGETS)
def test_an_example_is_built_for_a_platform(
    platform: str, example: str, build_example: BuildExample
) -> None:
    built = build_example(example, "--platform", platform)
    assert built.image["platform"] == platform
    programs = list(_programs(built))
    assert programs
    assert [path for path, target in programs if target != _TARGETS[platform]] == []


@pytest.mark.parametrize("example", _EXAMPLES)
def test_an_example_passes_its_tests_on_every_platform(
    example: str, build_example: BuildExample, cli: Cli
) -> None:
    project = build_example(example, "--platform", ",".join(_TARGETS)).project
    done = cli("test", project, "-q", "--json", "--platform", ",".join(_TARGETS))
    assert done.exit_code == 0, done.stdout
    ran = {one["platform"] for one in done.document["tests"] if one["runner"]}
    assert ran == set(_TARGETS)


@pytest.mark.parametrize("example", _EXAMPLES)
def test_all_platforms_at_once_have_the_digests_that_each_has_alone(
    example: str, build_example: BuildExample
) -> None:
    together = build_example(example, "--platform", ",".join(_TARGETS))
    alone = [build_example(example, "--platform", platform).digest for platform in _TARGETS]
    assert [one["digest"] for one in together.document["platforms"]] == alone
