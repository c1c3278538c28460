"""References in programs and in data, of each kind: why they are there, and what mends them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from nixgen.closure.causes import FIXES, Cause
from tests.e2e.conftest import ROOT, Cli
from tests.e2e.planted import nix_why_depends

_CODE = "lib/python3.13/__pycache__/strays.cpython-313.pyc"
_REFERENCES = {
    "busybox": [("bin/strays", Cause.SHEBANG)],
    "searched": [("lib/libstrays.so", Cause.RPATH)],
    "debugged": [("lib/libstrays.so", Cause.DEBUG)],
    "linked": [("lib/linked", Cause.LINK)],
    "tabled": [("share/table.db", Cause.DATA)],
    "set": [("etc/strays.conf", Cause.TEXT)],
    "compiled": [(_CODE, Cause.BYTE_CODE)],
    "configured": [("lib/cmake/strays/strays-config.cmake", Cause.CMAKE)],
    "included": [("include/strays.h", Cause.HEADER)],
    "archived": [("lib/libstrays.a", Cause.STATIC_LIBRARY)],
    "noted": [("share/man/man1/strays.1", Cause.DOCS)],
}


def _project(folder: Path, closure: str = 'minimise = "none"') -> Path:
    project = Path(shutil.copytree(ROOT / "tests/data/strays", folder / "strays"))
    place = project / "app.toml"
    place.write_text(place.read_text().replace('minimise = "none"', closure))
    return project


@pytest.fixture(scope="module")
def strays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app, nothing left out."""
    return _project(tmp_path_factory.mktemp("strays"))


@pytest.fixture(scope="module")
def references(strays: Path, cli: Cli) -> Any:
    outcome = cli("why", strays, "*", "--json", "-q")
    assert outcome.exit_code == 0, outcome.stderr
    (platform,) = outcome.document["platforms"]
    return platform["references"]


def test_each_reference_has_its_cause_and_what_mends_it(references: Any) -> None:
    told = {
        Path(each["to"]).name[33:].partition("-")[0]: [
            (file["file"], cause, fix)
            for file in each["files"]
            for cause, fix in zip(file["causes"], file["fixes"], strict=True)
        ]
        for each in references
    }
    ((named, *by_name),) = told.pop("named")
    assert Path(named).name[33:] == "named-1.0"
    assert by_name == [Cause.NAME, FIXES[Cause.NAME]]
    assert told == {
        name: [(file, cause, FIXES[cause]) for file, cause in found]
        for name, found in _REFERENCES.items()
    }


def test_the_offsets_are_those_of_the_hashes(references: Any) -> None:
    for reference in references:
        wanted = Path(reference["to"]).name[:32].encode()
        for file in reference["files"]:
            place = Path(reference["from"]) / file["file"]
            data = {
                "content": place.read_bytes,
                "link": lambda place=place: os.fsencode(place.readlink()),
                "name": lambda place=place: os.fsencode(place.name),
            }[file["where"]]()
            assert file["offsets"]
            assert {data[offset : offset + 32] for offset in file["offsets"]} == {wanted}


def test_nix_names_the_same_references(references: Any) -> None:
    for reference in references:
        told = nix_why_depends(reference)
        for file in reference["files"]:
            # why: Nix finds names too, but does not tell them.
            assert file["where"] == "name" or file["file"] in told


def test_what_is_compressed_is_no_reference(strays: Path, cli: Cli) -> None:
    assert cli("why", strays, "packed", "-q").exit_code == 1


def test_a_look_writes_no_lockfile(strays: Path, references: Any, cli: Cli) -> None:
    for command in ("check", "plan", "generate", "layers", "closure", "size"):
        assert cli(command, strays).exit_code == 0
    assert sorted(each.name for each in strays.iterdir()) == ["app.nix", "app.toml"]


def test_tight_takes_what_the_patterns_of_the_fixes_take(tmp_path: Path, cli: Cli) -> None:
    patterns = ["**/*.pyc", "share/table.db", "etc/strays.conf", "lib/libstrays.so"]
    quoted = ", ".join(f'"{each}"' for each in patterns)
    project = _project(tmp_path, f'minimise = "tight"\ndrop = [{quoted}]')
    outcome = cli("closure", project, "--json", "-q")
    (platform,) = outcome.document["platforms"]
    assert {each["name"] for each in platform["packages"]} == {
        "strays",
        "busybox",
        "linked",
        "named",
    }
    done = cli("run", project, "-q", "--runner", "bwrap")
    assert (done.exit_code, done.stdout) == (0, "strays\n")


def test_people_are_told_what_each_rule_took_and_which_links_lead_nowhere(
    tmp_path: Path, cli: Cli
) -> None:
    project = _project(tmp_path, 'minimise = "tight"\ndrop = ["lib/data", "share/table.db"]')
    outcome = cli("image", project, "-o", tmp_path / "image.oci", "-q")
    assert outcome.exit_code == 0, outcome.stderr
    lines = [" ".join(line.split()) for line in outcome.stdout.splitlines()]
    endings = [
        "B build-files, 1 file",
        "B lib/data, 6 files",
        "B share/table.db, 1 file",
        "B 5 store paths that nothing left refers to",
        "-strays-1.0.0/lib/linked leads to what is left out",
    ]
    for ending in endings:
        assert len([line for line in lines if line.endswith(ending)]) == 1, outcome.stdout
