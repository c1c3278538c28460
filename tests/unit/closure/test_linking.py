"""Alternatives for how an app of C is built."""

from __future__ import annotations

from nixgen.closure.alternatives import Described, join
from nixgen.closure.linking import (
    library_names,
    propose_libraries,
    propose_small_code,
    propose_static,
)

_NOW = Described(
    minimise="safe",
    libs=("zlib", "curl"),
    cflags=("-DNAME=x",),
    ldflags=("-lz", "-lcurl"),
)


def test_each_library_is_asked_for_by_its_variants_and_its_archives() -> None:
    names = library_names(("zlib", "curl", "curlMinimal"))
    assert {"zlib.static", "zlibMinimal", "curl.static", "glibc.static"} <= set(names)
    assert "curlMinimal" not in names
    assert len(names) == len(set(names))


def test_what_the_set_has_stands_in_place_and_archives_come_first() -> None:
    found = list(propose_libraries(_NOW, {"curlMinimal", "zlib.static"}))
    assert [each.name for each in found] == ["lib-zlib=zlib.static", "lib-curl=curlMinimal"]
    assert [each.changes(_NOW)["build"]["libs"] for each in found] == [
        ["zlib.static", "zlib", "curl"],
        ["zlib", "curlMinimal"],
    ]


def test_a_static_app_needs_the_archive_of_its_c_library() -> None:
    assert list(propose_static(_NOW, {"zlib.static"})) == []
    (found,) = propose_static(_NOW, {"zlib.static", "glibc.static"})
    assert found.lines(_NOW) == (
        "[build]",
        'libs = ["zlib.static", "zlib", "curl", "glibc.static"]',
        'ldflags = ["-lz", "-lcurl", "-static"]',
    )
    static = Described(minimise="safe", libs=("zlib",), ldflags=("-static",))
    assert list(propose_static(static, {"glibc.static"})) == []
    assert list(propose_libraries(static, {"zlib.static"})) == []


def test_flags_that_are_there_stay() -> None:
    (found,) = propose_small_code(_NOW, replaces_flags=True)
    assert found.changes(_NOW)["build"]["cflags"][:2] == ["-DNAME=x", "-Os"]


def test_code_that_is_small_and_flags_of_a_makefile_are_let_be() -> None:
    small = Described(minimise="safe", cflags=("-Os",), ldflags=("-lm",))
    assert list(propose_small_code(small, replaces_flags=False)) == []
    assert list(propose_small_code(Described(minimise="safe"), replaces_flags=True)) == []
    assert len(list(propose_small_code(Described(minimise="safe"), replaces_flags=False))) == 1


def test_joined_they_do_all_of_it() -> None:
    (smaller,) = propose_libraries(_NOW, {"curlMinimal"})
    (small,) = propose_small_code(_NOW, replaces_flags=False)
    together = join("together", "all", [smaller, small]).changes(_NOW)["build"]
    assert together["libs"] == ["zlib", "curlMinimal"]
    assert together["ldflags"] == ["-lz", "-lcurl", "-Wl,--gc-sections"]
