"""Which smaller packages may stand in place of others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nixgen.closure.alternatives import VARIANTS
from nixgen.closure.rules import Mode
from nixgen.closure.variants import (
    SAFE_VARIANTS,
    choose_candidates,
    format_variants,
    needless_names,
)

_DOCS = Path(__file__).parents[3] / "docs/explanation/minimal-images.md"


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("ffmpeg", ("ffmpeg-headless",)),
        ("ffmpeg_7", ("ffmpeg_7-headless",)),
        ("emacs30", ("emacs30-nox",)),
        ("elixir", ("beamMinimalPackages.elixir",)),
        ("ffmpeg-full", ()),
        ("ffmpeg-headless", ()),
        ("ffmpeg.bin", ()),
        ("pkgsStatic.ffmpeg", ()),
        ("emacs-gtk", ()),
        ("bash", ()),
    ],
)
@pytest.mark.parametrize("mode", ["safe", "tight"])
def test_a_variant_is_of_the_same_version_and_what_is_named_closer_stays(
    name: str, others: tuple[str, ...], mode: Mode
) -> None:
    found = choose_candidates([name], mode=mode, as_named=())
    assert found == ({name: others} if others else {})


def test_packages_stay_as_named_by_name_all_together_and_where_nothing_is_left_out() -> None:
    contents = ["graphviz", "ffmpeg", "curl"]
    assert list(choose_candidates(contents, mode="safe", as_named=["ffmpeg"])) == ["graphviz"]
    assert choose_candidates(contents, mode="safe", as_named=["*"]) == {}
    assert choose_candidates(contents, mode="none", as_named=[]) == {}


def test_what_keeps_nothing_is_known() -> None:
    names = needless_names(["graphviz", "curl"], ["graphviz", "curl", "ffmpeg", "*"])
    assert names == ("curl", "ffmpeg")


def test_no_package_falls_under_two_variants_and_no_variant_under_any() -> None:
    names = [name for each in SAFE_VARIANTS for name in re.findall(r"\w+", each.names)]
    assert len(names) > 8
    for name in names:
        fitting = [each for each in SAFE_VARIANTS if each.candidates(name)]
        assert len(fitting) == 1, name
        for other in fitting[0].candidates(name):
            assert not any(each.candidates(other) for each in SAFE_VARIANTS)


def test_nothing_is_taken_that_is_only_proposed() -> None:
    taken = {name for name in VARIANTS for each in SAFE_VARIANTS if each.candidates(name)}
    assert taken == set()


def test_the_table_of_the_documentation_is_this_one() -> None:
    text = _DOCS.read_text()
    for each in SAFE_VARIANTS:
        others = ", ".join(f"`{other.replace(chr(92) + '1', '…')}`" for other in each.others)
        assert f"| {each.names} | {others} | {each.lacks} |" in text


def test_a_line_says_what_stands_in_place_of_what() -> None:
    assert format_variants({"b": "b-nox", "a": "a-nox"}) == (
        "b-nox in place of b",
        "a-nox in place of a",
    )
