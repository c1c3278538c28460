"""File patterns: what they choose of a source, and what they refuse."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixgen.errors import DescriptionError
from nixgen.globs import matches
from nixgen.plan.globs import select_files

_FILES = [
    PurePosixPath(name)
    for name in (
        "README",
        "public/a-b/x.css",
        "public/a/b.css",
        "public/a/deep/er.css",
        "public/a/x.map",
        "public/index.html",
        "public/ü b.html",
        "public2/other.html",
    )
]


def _select(*include: str, exclude: tuple[str, ...] = (), folder: str = "public") -> list[str]:
    return select_files(
        _FILES, folder=folder, include=include, exclude=exclude, key="build.include"
    )


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.c", "a.c", True),
        ("*.c", ".c", True),
        ("*.c", "a.cc", False),
        ("*.c", "b/a.c", False),
        ("?.c", "a.c", True),
        ("?.c", "/.c", False),
        ("**/*.c", "a.c", True),
        ("**/*.c", "x/y/a.c", True),
        ("x/**", "x/y/a.c", True),
        ("x/**", "xy/a.c", False),
        ("x/**/a.c", "x/a.c", True),
        ("x/**/a.c", "x/1/2/a.c", True),
        ("**", "x/y", True),
        ("x", "x/y/z", True),
        ("x", "xy/z", False),
        ("a[0-9].c", "a7.c", True),
        ("a[!0-9].c", "a7.c", False),
        ("a[!0-9].c", "ab.c", True),
        ("a[^b].c", "a^.c", True),
        ("a[]].c", "a].c", True),
        ("a[.c", "a[.c", True),
        ("a.c", "abc", False),
        ("a+(b)|c$", "a+(b)|c$", True),
        ("*", "a\nb", True),
    ],
)
def test_a_pattern_matches_by_parts_of_a_path(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, PurePosixPath(path)) is expected


@given(st.text(st.characters(exclude_characters="/*?[\0", codec="utf-8"), min_size=1))
def test_a_pattern_without_wildcards_matches_itself_alone(name: str) -> None:
    if name not in (".", ".."):
        assert matches(name, PurePosixPath(name))
        assert not matches(name, PurePosixPath(f"x{name}"))


def test_files_come_sorted_by_path_component_relative_to_the_folder() -> None:
    assert _select("**") == [
        "a/b.css",
        "a/deep/er.css",
        "a/x.map",
        "a-b/x.css",
        "index.html",
        "ü b.html",
    ]


def test_what_is_excluded_is_left_out_whatever_includes_it() -> None:
    assert _select("**", exclude=("**/*.map", "a/deep")) == [
        "a/b.css",
        "a-b/x.css",
        "index.html",
        "ü b.html",
    ]


def test_the_whole_project_is_a_folder_too() -> None:
    assert _select("README", folder=".") == ["README"]


def test_every_pattern_that_matches_nothing_is_named_by_its_key() -> None:
    with pytest.raises(DescriptionError) as caught:
        _select("*.html", "*.htm", "nothing/**")
    assert [problem.key for problem in caught.value.problems] == [
        "build.include[1]",
        "build.include[2]",
    ]
    assert "'*.htm' matches no file" in str(caught.value)


def test_leaving_everything_out_is_an_error() -> None:
    with pytest.raises(DescriptionError, match=r"left out by build\.exclude"):
        _select("*.html", exclude=("**",))
