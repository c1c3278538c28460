"""Why packages are in an image, and what each takes, for a closure with planted references."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nixgen.closure.causes import FIXES, Cause
from tests.e2e.conftest import ROOT, Cli
from tests.e2e.planted import nix_why_depends, update_planted


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app whose closure holds a stray reference of each kind."""
    folder = tmp_path_factory.mktemp("planted") / "planted"
    return Path(shutil.copytree(ROOT / "tests/data/planted", folder))


@pytest.fixture(scope="module")
def layout(planted: Path, cli: Cli) -> Path:
    place = planted.parent / "planted.oci"
    outcome = cli("image", planted, "-o", place, "-q")
    assert outcome.exit_code == 0, outcome.stderr
    return place


@pytest.fixture(scope="module")
def figures(planted: Path, cli: Cli) -> Any:
    outcome = cli("closure", planted, "--json", "-q")
    assert outcome.exit_code == 0, outcome.stderr
    (platform,) = outcome.document["platforms"]
    return platform


def _why(cli: Cli, planted: Path, package: str) -> Any:
    outcome = cli("why", planted, package, "--json", "-q")
    assert outcome.exit_code == 0, outcome.stderr
    (platform,) = outcome.document["platforms"]
    return platform


@pytest.mark.parametrize(
    ("package", "reasons"),
    [
        ("gcc", [("lib/python3.13/_sysconfigdata__linux_.py", "how Python was built")]),
        ("ncurses", [("lib/libplanted.la", "a libtool file")]),
        ("openssl<3.1", [("lib/pkgconfig/planted.pc", "a pkg-config file")]),
        ("perl", [("share/doc/planted/README", "documentation")]),
        ("busybox", [("bin/planted", "the interpreter of a script")]),
        (
            "zlib-1.3-dev",
            [
                ("bin/planted", "the text of a script"),
                ("nix-support/propagated-build-inputs", "inputs passed on to builds"),
            ],
        ),
        (
            "docbook",
            [
                ("bin/planted", "the text of a script"),
                ("share/man/man3/library.3", "documentation"),
            ],
        ),
    ],
)
def test_each_planted_reference_is_found_where_it_was_planted(
    planted: Path, cli: Cli, package: str, reasons: list[tuple[str, str]]
) -> None:
    answer = _why(cli, planted, package)
    (found,) = answer["packages"]
    assert found["chain_count"] == 1
    (chain,) = found["chains"]
    assert len(chain) == len(reasons) + 1
    told = {
        (each["from"], each["to"]): [
            (file["file"], cause)
            for file in each["files"]
            for cause, fix in zip(file["causes"], file["fixes"], strict=True)
            if fix == FIXES[Cause(cause)]
        ]
        for each in answer["references"]
    }
    assert [told[link] for link in pairwise(chain)] == [[one] for one in reasons]


def test_the_offsets_are_those_of_the_hashes(planted: Path, cli: Cli) -> None:
    answer = _why(cli, planted, "*")
    seen = 0
    for reference in answer["references"]:
        wanted = Path(reference["to"]).name[:32].encode()
        for file in reference["files"]:
            data = (Path(reference["from"]) / file["file"]).read_bytes()
            for offset in file["offsets"]:
                assert data[offset : offset + 32] == wanted
                seen += 1
    assert seen == 8


def test_the_files_named_are_those_that_nix_names(planted: Path, cli: Cli) -> None:
    for reference in _why(cli, planted, "*")["references"]:
        told = nix_why_depends(reference)
        for file in reference["files"]:
            assert file["file"] in told


def test_a_package_that_is_not_there_is_an_answer(planted: Path, cli: Cli) -> None:
    outcome = cli("why", planted, "emacs", "-q")
    assert outcome.exit_code == 1
    assert "no emacs in it" in outcome.stdout


def test_a_package_that_is_none_is_a_mistake(planted: Path, cli: Cli) -> None:
    outcome = cli("why", planted, "emacs<", "-q")
    assert outcome.exit_code == 2
    assert "not a package: 'emacs<'" in outcome.stderr


def test_a_package_that_is_none_is_told_before_anything_is_built(tmp_path: Path, cli: Cli) -> None:
    outcome = cli("why", tmp_path / "none.toml", "emacs<", "-q")
    assert "not a package: 'emacs<'" in outcome.stderr


def test_the_text_names_files_offsets_causes_and_what_mends_them(planted: Path, cli: Cli) -> None:
    outcome = cli("why", planted, "gcc", "-q")
    assert "lib/python3.13/_sysconfigdata__linux_.py at 17: how Python was built" in outcome.stdout
    assert 'fix: drop = ["lib/python*/_sysconfigdata*"' in outcome.stdout
    assert "/bin/planted" in outcome.stdout


def test_what_a_package_adds_is_what_goes_without_it(figures: Any) -> None:
    by_name = {package["name"]: package for package in figures["packages"]}
    only_library = [by_name[name]["size_bytes"] for name in ("library", "docbook", "zlib")]
    assert by_name["library"]["added_bytes"] == sum(only_library)
    assert by_name["gcc"]["added_bytes"] == by_name["gcc"]["size_bytes"]
    assert by_name["gcc"]["dominator"] == by_name["planted"]["path"]
    assert len(by_name["gcc"]["referrers"]) == 2
    assert figures["size_bytes"] == sum(each["size_bytes"] for each in figures["packages"])


def test_files_are_told_apart_by_what_they_are_for(figures: Any) -> None:
    kinds = figures["bytes_by_kind"]
    assert list(kinds)[:2] == ["data", "code"]
    assert {"docs", "headers", "build-files"} <= kinds.keys()
    assert figures["files"] == 17


def test_the_tree_hangs_each_package_below_its_dominator(planted: Path, cli: Cli) -> None:
    shown = cli("closure", planted, "--view", "tree", "-q").stdout.splitlines()
    indents = {line[11:].strip(): len(line[11:]) - len(line[11:].lstrip()) for line in shown[3:]}
    assert indents["planted 1.0.0"] == 0
    assert indents["library 2.1"] == 2
    assert indents["docbook 4.5"] == 4
    assert indents["gcc 13.2.0"] == 2


def test_the_graph_is_one_that_graphviz_reads(planted: Path, cli: Cli, figures: Any) -> None:
    shown = cli("closure", planted, "--view", "dot", "-q").stdout
    assert shown.startswith('digraph "planted:1.0.0" {')
    edges = sum(len(package["references"]) for package in figures["packages"])
    assert shown.count(" -> ") == edges
    assert json.dumps(figures["packages"][0]["path"]) in shown


def test_an_image_tells_the_same_as_its_description(
    planted: Path, layout: Path, cli: Cli, figures: Any
) -> None:
    for package in ("gcc", "docbook", "busybox"):
        of_image, of_app = _why(cli, layout, package), _why(cli, planted, package)
        assert of_image["references"] == of_app["references"]
        assert of_image["packages"] == of_app["packages"]
    outcome = cli("closure", layout, "--json", "-q")
    (platform,) = outcome.document["platforms"]
    own = ("image", "named_by")
    told, expected = (
        {name: value for name, value in each.items() if name not in own}
        for each in (platform, figures)
    )
    assert told == expected


@pytest.mark.parametrize("minimise", ["safe", "tight"])
def test_sizes_are_of_what_the_rules_leave(
    tmp_path: Path, planted: Path, cli: Cli, figures: Any, minimise: str
) -> None:
    project = Path(shutil.copytree(planted, tmp_path / "planted"))
    place = project / "app.toml"
    place.write_text(place.read_text().replace('"none"', f'"{minimise}"'))
    (platform,) = cli("closure", project, "--json", "-q").document["platforms"]
    for package in platform["packages"]:
        assert package["size_bytes"] == sum(package["bytes_by_kind"].values())
    assert platform["size_bytes"] < figures["size_bytes"]
    assert cli("image", project, "-o", tmp_path / "image.oci", "-q").exit_code == 0
    assert platform["size_bytes"] == _content_bytes(tmp_path / "image.oci")
    (whole,) = cli("closure", project, "--whole", "--json", "-q").document["platforms"]
    assert whole["size_bytes"] == figures["size_bytes"]


def _content_bytes(layout: Path) -> int:
    """What the files of store paths in an image hold, by its layers alone."""
    total = 0
    for blob in (layout / "blobs/sha256").iterdir():
        if tarfile.is_tarfile(blob):
            with tarfile.open(blob) as tar:
                total += sum(each.size for each in tar if each.name.startswith("/nix/store/"))
    return total


def test_what_the_rules_leave_out_is_in_the_closure_only_if_asked_for(
    tmp_path: Path, planted: Path, cli: Cli
) -> None:
    project = Path(shutil.copytree(planted, tmp_path / "planted"))
    place = project / "app.toml"
    place.write_text(place.read_text().replace('"none"', '"tight"'))
    assert cli("why", project, "docbook", "-q").exit_code == 1
    assert cli("why", project, "docbook", "-q", "--whole").exit_code == 0


def test_one_store_path_is_told_as_one(tmp_path: Path, cli: Cli) -> None:
    place = tmp_path / "app.toml"
    place.write_text('[app]\nname = "one"\n[image]\nca-certificates = false\ncontents = ["lua"]\n')
    assert " in 1 store path, 2 files\n" in cli("closure", place, "-q").stdout


@pytest.mark.parametrize("built", [False, True])
def test_what_is_left_though_nothing_refers_to_it_is_told_so(
    tmp_path: Path, planted: Path, cli: Cli, built: bool
) -> None:
    project = Path(shutil.copytree(planted, tmp_path / "planted"))
    description = (project / "app.toml").read_text()
    (project / "app.toml").write_text(description.replace('"none"', '"safe"'))
    subject = project
    if built:
        subject = tmp_path / "safe.oci"
        assert cli("image", project, "-o", subject, "-q").exit_code == 0
    (platform,) = cli("closure", subject, "--json", "-q").document["platforms"]
    assert len(platform["packages"]) == 10
    loose = {Path(root).name[33:] for root, names in platform["named_by"].items() if not names}
    assert {"perl-5.38.2", "docbook-4.5", "zlib-1.3-dev"} <= loose
    outcome = cli("why", subject, "perl", "-q")
    assert outcome.exit_code == 0
    assert "nothing that is left refers to it" in outcome.stdout
    assert "1.0 MB of it nothing refers to" in cli("closure", subject, "-q").stdout


@pytest.mark.parametrize("option", ["--locked", "--whole", "--profile=debug", "--store=/x"])
def test_options_of_descriptions_are_refused_for_images(
    layout: Path, cli: Cli, option: str
) -> None:
    outcome = cli("closure", layout, option)
    assert outcome.exit_code == 2
    assert f"{option.partition('=')[0]} is for descriptions" in outcome.stderr


def test_an_image_without_store_paths_is_a_mistake(tmp_path: Path, cli: Cli) -> None:
    subprocess.run(["umoci", "init", "--layout", tmp_path / "bare"], check=True)
    subprocess.run(["umoci", "new", "--image", f"{tmp_path / 'bare'}:1"], check=True)
    outcome = cli("closure", tmp_path / "bare")
    assert outcome.exit_code == 2
    assert "holds no store paths of Nix" in outcome.stderr


def test_the_report_of_an_image_is_one_file_and_always_the_same(
    tmp_path: Path, layout: Path, cli: Cli
) -> None:
    for name in ("one.html", "two.html"):
        outcome = cli("closure", layout, "--html", tmp_path / name, "-q")
        assert outcome.exit_code == 0, outcome.stderr
        assert outcome.stdout.splitlines()[-1] == f"report: {tmp_path / name}"
    page = (tmp_path / "one.html").read_bytes()
    assert page == (tmp_path / "two.html").read_bytes()
    assert b'"name":"docbook","version":"4.5"' in page
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one.html", "two.html"]


def test_a_report_that_can_not_be_written_is_told_before_anything_is_read(
    tmp_path: Path, cli: Cli
) -> None:
    outcome = cli("closure", tmp_path / "none.oci", "--html", tmp_path)
    assert outcome.exit_code == 2
    assert f"hint: --html {tmp_path}/closure.html" in outcome.stderr
    outcome = cli("closure", tmp_path / "none.oci", "--html", tmp_path / "no" / "x.html")
    assert outcome.exit_code == 2
    assert f"there is no folder {tmp_path}/no" in outcome.stderr


@pytest.fixture(scope="module")
def changed(planted: Path) -> Path:
    project = Path(shutil.copytree(planted, planted.parent / "changed"))
    update_planted(project)
    return project


def test_what_changed_is_told_with_the_reference_that_did_it(
    layout: Path, changed: Path, cli: Cli
) -> None:
    outcome = cli("closure", "--diff", layout, changed, "--json", "-q")
    assert outcome.exit_code == 0, outcome.stderr
    (platform,) = outcome.document["platforms"]
    told = {each["name"]: each for each in platform["packages"] if each["change"] != "rebuilt"}
    assert {name: each["change"] for name, each in told.items()} == {
        "perl": "gone",
        "sounds": "new",
        "gcc": "version",
        "docbook": "grown",
        "planted": "shrunk",
    }
    assert told["gcc"]["cause"] is None
    assert told["gcc"]["after"]["versions"] == ["14.1.0"]
    cause = told["sounds"]["cause"]
    assert [Path(each).name[33:] for each in (cause["from"], cause["to"])] == [
        "docbook-4.5",
        "sounds-7",
    ]
    assert len(cause["chain"]) == 4
    assert Path(told["perl"]["cause"]["from"]).name[33:] == "planted-1.0.0"
    sizes = [each["size_change"] for each in platform["packages"]]
    assert platform["size_change"] == sum(sizes) == sum(platform["bytes_by_kind_change"].values())


def test_a_printed_closure_stands_for_its_image(
    tmp_path: Path, layout: Path, changed: Path, cli: Cli
) -> None:
    for name, subject in [("old.json", layout), ("new.json", changed)]:
        (tmp_path / name).write_text(cli("closure", subject, "--json", "-q").stdout)
    outcome = cli("closure", "--diff", tmp_path / "old.json", tmp_path / "new.json")
    assert outcome.exit_code == 0, outcome.stderr
    assert "because docbook-4.5 now refers to sounds-7" in outcome.stdout
    assert "planted-1.0.0 → library-2.1 → docbook-4.5 → sounds-7" in outcome.stdout
    assert "because planted-1.0.0 no longer refers to perl-5.38.2" in outcome.stdout
    assert "version  gcc 13.2.0 → 14.1.0" in outcome.stdout
    again = cli("closure", "--diff", layout, tmp_path / "old.json")
    assert "no difference" in again.stdout
    assert cli("closure", tmp_path / "old.json").stdout == cli("closure", layout).stdout


def test_what_is_no_printed_closure_is_a_mistake(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "bad.json").write_text('{"platforms": [{"packages": [{"path": 7}]}]}')
    for name, message in [
        ("bad.json", "platforms[0].packages[0].path: expected a text"),
        ("none.json", f"there is no file {tmp_path}/none.json"),
    ]:
        outcome = cli("closure", "--diff", tmp_path / name, tmp_path / "bad.json")
        assert outcome.exit_code == 2
        assert message in outcome.stderr


def test_a_difference_has_one_form(layout: Path, cli: Cli) -> None:
    outcome = cli("closure", "--diff", layout, layout, "--view", "tree")
    assert outcome.exit_code == 2
    assert "--diff has one form" in outcome.stderr
