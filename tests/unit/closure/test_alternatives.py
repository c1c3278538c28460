"""What is proposed to make an image smaller, and how it is written down."""

from __future__ import annotations

import tomllib
from pathlib import Path

from nixgen.closure.alternatives import (
    Alternative,
    Described,
    join,
    propose_as_named,
    propose_drops,
    propose_modes,
    propose_no_certificates,
    propose_removals,
    propose_strays,
    propose_variants,
)
from nixgen.closure.graph import ClosureGraph


def _path(name: str) -> str:
    return f"/nix/store/{name[0] * 32}-{name}-1.0"


def _names(found: object) -> list[str]:
    return [each.name for each in found]  # type: ignore[attr-defined]


def test_lines_say_whole_lists_in_toml() -> None:
    now = Described(minimise="safe", drop=("a",), cut=(("x", "y"),), contents=("bash", "curl"))
    alternative = Alternative(
        name="n",
        doc="d",
        minimise="tight",
        drop=("a", 'lib/"q"\\ü\x7f'),
        cut=(("app", "gcc"),),
        contents={"bash": None, "curl": "curlMinimal"},
    )
    assert tomllib.loads("\n".join(alternative.lines(now))) == alternative.changes(now)
    assert alternative.changes(now) == {
        "image": {"contents": ["curlMinimal"]},
        "closure": {
            "minimise": "tight",
            "drop": ["a", 'lib/"q"\\ü\x7f'],
            "cut": [{"from": "x", "to": "y"}, {"from": "app", "to": "gcc"}],
        },
    }


def test_modes_are_those_that_leave_out_more() -> None:
    assert _names(propose_modes(Described(minimise="none"))) == ["safe", "tight"]
    assert _names(propose_modes(Described(minimise="safe"))) == ["tight"]
    assert _names(propose_modes(Described(minimise="tight"))) == []


def test_only_patterns_that_match_a_file_are_proposed(tmp_path: Path) -> None:
    for name in ("share/locale/de/app.mo", "lib/python3.13/test/x.py", "share/doc/y"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "share/terminfo").mkdir()
    found = {each.name: each.drop for each in propose_drops(["/p"], lambda _: tmp_path)}
    assert found == {
        "no-locales": ("share/locale",),
        "no-python-tests": ("lib/python*/**/test",),
    }


def test_stray_references_are_those_that_alone_bring_a_package(tmp_path: Path) -> None:
    app, gcc, perl, shell, shared = map(_path, ("app", "gcc", "perl", "shell", "zlib"))
    contents = {
        "bin/app": f"#!{shell}/bin/sh\n{perl}/bin/perl {shared}\n",
        "lib/python3.13/_sysconfigdata_x.py": gcc,
    }
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    graph = ClosureGraph.of(
        [app],
        {app: 1, gcc: 900, perl: 500, shell: 2000, shared: 7000},
        {app: [gcc, perl, shell, shared], perl: [shared]},
    )
    drop, cut = propose_strays(graph, lambda _: tmp_path)
    assert (drop.name, drop.minimise) == ("drop-app-gcc", "tight")
    assert drop.drop == ("lib/python3.13/_sysconfigdata_x.py",)
    assert (cut.name, cut.cut) == ("cut-app-perl", (("app", "perl"),))


def test_store_paths_of_one_name_are_told_apart_or_cut_together(tmp_path: Path) -> None:
    app, first, second = _path("app"), _path("gcc"), _path("gcc").replace("gggg", "hhhh")
    perl, other = _path("perl"), _path("perl").replace("pppp", "qqqq")
    contents = {"share/man/a": first, "share/man/b": second, "x": f"{perl} {other}"}
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    graph = ClosureGraph.of(
        [app],
        {app: 1, first: 900, second: 800, perl: 700, other: 600},
        {app: [first, second, perl, other]},
    )
    found = {each.name: (each.drop, each.cut) for each in propose_strays(graph, lambda _: tmp_path)}
    assert found == {
        "drop-app-gcc": (("share/man/a",), ()),
        "drop-app-gcc-2": (("share/man/b",), ()),
        "cut-app-perl": ((), (("app", "perl"),)),
    }


def test_what_is_named_is_not_removed() -> None:
    texts = ["{'Entrypoint': ['/bin/bash']}", "curl-config --x lua5"]
    found = propose_removals(("bash", "curl", "lua", "python3"), texts)
    assert _names(found) == ["without-curl", "without-lua", "without-python3"]


def test_variants_are_known_ones_minimal_ones_static_ones_and_outputs() -> None:
    assert _names(propose_variants(("git", "pkgsStatic.jq"), {})) == [
        "git=gitMinimal",
        "git=git-minimal",
        "git=git_headless",
        "git=pkgsStatic.git",
        "git=git.bin",
        "git=git.out",
        "git=git.lib",
        "pkgsStatic.jq=pkgsStatic.jqMinimal",
        "pkgsStatic.jq=pkgsStatic.jq-minimal",
        "pkgsStatic.jq=pkgsStatic.jq_headless",
        "pkgsStatic.jq=pkgsStatic.jq.bin",
        "pkgsStatic.jq=pkgsStatic.jq.out",
        "pkgsStatic.jq=pkgsStatic.jq.lib",
    ]


def test_variants_are_of_what_was_taken_and_not_that_itself() -> None:
    found = propose_variants(("ffmpeg",), {"ffmpeg": "ffmpeg-headless"})
    assert [each.contents["ffmpeg"] for each in found] == [
        "ffmpeg-headlessMinimal",
        "ffmpeg-headless-minimal",
        "ffmpeg-headless_headless",
        "pkgsStatic.ffmpeg-headless",
        "ffmpeg-headless.bin",
        "ffmpeg-headless.out",
        "ffmpeg-headless.lib",
    ]


def test_a_variant_that_was_not_taken_is_proposed() -> None:
    assert propose_variants(("ffmpeg",), {})[0].contents == {"ffmpeg": "ffmpeg-headless"}


def test_the_way_back_names_what_is_to_stay() -> None:
    now = Described(minimise="safe", contents=("mupdf", "ffmpeg"), as_named=("mupdf",))
    (back,) = propose_as_named({"ffmpeg": "ffmpeg-headless"})
    assert back.name == "as-named-ffmpeg"
    assert back.lines(now) == ("[closure]", 'as-named = ["mupdf", "ffmpeg"]')


def test_joined_alternatives_do_all_of_it() -> None:
    parts = [
        Alternative(name="a", doc="", minimise="safe", drop=("x",)),
        Alternative(name="b", doc="", minimise="tight", drop=("x", "y"), cut=(("p", "q"),)),
        Alternative(name="c", doc="", contents={"bash": "dash"}),
        Alternative(name="d", doc="", contents={"bash": None}, as_named=("ffmpeg",)),
    ]
    assert join("all", "all", parts) == Alternative(
        name="all",
        doc="all",
        minimise="tight",
        drop=("x", "y"),
        cut=(("p", "q"),),
        contents={"bash": None},
        as_named=("ffmpeg",),
    )


def test_certificates_are_left_out_where_there_are_any() -> None:
    assert _names(propose_no_certificates(Described(minimise="safe"))) == []
    now = Described(minimise="safe", contents=("curl",), has_certificates=True)
    (found,) = propose_no_certificates(now)
    assert found.changes(now) == {"image": {"ca-certificates": False}}
    assert tomllib.loads("\n".join(found.lines(now))) == found.changes(now)
    without_curl = Alternative(name="without-curl", doc="", contents={"curl": None})
    joined = join("both", "", [found, without_curl])
    assert joined.changes(now) == {"image": {"contents": [], "ca-certificates": False}}
