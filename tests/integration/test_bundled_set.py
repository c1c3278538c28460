"""The bundled package set: its own tests, built by Nix in the sandbox."""

from __future__ import annotations

import bz2
import json
import os
import re
from pathlib import Path

import pytest

from nixgen import _process, resources
from nixgen.closure.sections import read_sections
from nixgen.nixcli import Nix, NixSettings
from nixgen.nixcli.settings import option_arguments
from nixgen.pipeline.sourcing import NixSourceStore, bundled_catalogue
from nixgen.platforms import native_system
from nixgen.progress import Silent
from nixgen.sources import ensure, make_supply

_SUITES = Path(__file__).parents[2] / "nix" / "tests"


@pytest.fixture(scope="module")
def sources_in_store() -> None:
    """Everything that the set is built from, so that no build needs a network."""
    nix = Nix()
    sources = bundled_catalogue().select(system=native_system())
    store = NixSourceStore.holding(sources, nix)
    ensure(sources, store=store, supply=make_supply(os.environ), reporter=Silent())


@pytest.mark.usefixtures("sources_in_store")
@pytest.mark.parametrize("suite", ["bootstrap", "bundled"])
def test_every_test_of_the_set_passes(suite: str) -> None:
    nix = Nix(NixSettings(keep_going=True))
    options = option_arguments(nix.settings, nix.access)
    argv = ["nix-build", str(_SUITES / suite), "--no-out-link", *options]
    argv += ["--argstr", "buildSystem", native_system()]
    done = _process.run(argv)
    assert done.exit_code == 0, done.stderr[-4000:]
    assert len(done.stdout.splitlines()) > 1


@pytest.mark.usefixtures("sources_in_store")
def test_what_busybox_holds_compressed_names_no_store_path() -> None:
    """Nix does not see such a reference: it would look into no compressed data."""
    nix = Nix()
    options = option_arguments(nix.settings, nix.access)
    argv = ["nix-build", str(resources.nix_dir() / "bundled"), "-A", "busybox", "--no-out-link"]
    done = _process.run([*argv, "--argstr", "buildSystem", native_system(), *options]).check()
    program = (Path(done.stdout.decode().strip()) / "bin/busybox").read_bytes()
    texts = [
        bz2.BZ2Decompressor().decompress(b"BZ" + program[found.start() :])
        for found in re.finditer(rb"h[1-9]1AY&SY", program)
    ]
    assert any(b"#!/bin/sh" in text for text in texts)
    assert not [text for text in texts if b"/nix/store" in text]


@pytest.fixture(scope="module")
def outputs(sources_in_store: None) -> dict[str, Path]:
    """What goes into an image of each package of the set, by name."""
    nix = Nix()
    options = option_arguments(nix.settings, nix.access)
    arguments = f"{{ buildSystem = {json.dumps(native_system())}; }}"
    bundled = f"(import {resources.nix_dir() / 'bundled'} {arguments})"
    argv = ["nix-instantiate", "--eval", "--json", "--expr", f"{bundled}.nixgen.packages"]
    names = json.loads(_process.run([*argv, "--strict"]).check().stdout)
    wanted = " ".join(f"{bundled}.{name}" for name in names)
    argv = ["nix-build", "--no-out-link", "--expr", f"[ {wanted} ]", *options]
    places = _process.run(argv).check().stdout.decode().splitlines()
    return dict(zip(names, map(Path, places), strict=True))


def test_programs_have_neither_symbols_nor_debug_information(outputs: dict[str, Path]) -> None:
    found: dict[str, set[str]] = {}
    for file in (file for place in outputs.values() for file in place.rglob("*")):
        if file.is_file() and not file.is_symlink():
            with file.open("rb") as content:
                found[str(file)] = {section.name for section in read_sections(content)}
    programs = {name: sections for name, sections in found.items() if sections}
    assert len(programs) > 8
    assert {
        name: sections
        for name, sections in programs.items()
        if any(each.startswith((".symtab", ".debug")) for each in sections)
    } == {}


def test_a_package_of_programs_goes_into_an_image_without_what_is_for_those_who_build_or_read(
    outputs: dict[str, Path],
) -> None:
    unwanted = ("include", "lib/pkgconfig", "lib/cmake", "share/man", "share/doc", "share/info")
    places = [place for place in outputs.values() if (place / "bin").is_dir()]
    assert len(places) > 7
    folders = [place / folder for place in places for folder in unwanted]
    assert [str(folder) for folder in folders if folder.exists()] == []
    assert [str(file) for place in places for file in place.rglob("*.a")] == []
