"""The bundled package set: its own tests, built by Nix in the sandbox."""

from __future__ import annotations

import bz2
import os
import re
from pathlib import Path

import pytest

from nixgen import _process, resources
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
