"""The program that assigns layers, against the same algorithm in plain words."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nixgen import _process, resources
from nixgen.nixcli import Nix
from nixgen.pipeline.sourcing import NixSourceStore, bundled_catalogue
from nixgen.plan.layering import Closure, Layers, split_layers
from nixgen.platforms import native_system
from nixgen.progress import Silent
from nixgen.sources import ensure, make_supply
from nixgen.spec.model import LayerStrategy
from tests.unit.plan.closures import closures

_STRATEGIES = st.sampled_from(["auto", "popularity", "single"])
_SANDBOX = ("--option", "sandbox", "true", "--option", "substitute", "false")


@pytest.fixture(scope="module")
def program() -> str:
    """The program as builds use it."""
    nix = Nix()
    sources = bundled_catalogue().select(system=native_system())
    store = NixSourceStore.holding(sources, nix)
    ensure(sources, store=store, supply=make_supply(os.environ), reporter=Silent())
    bundled = resources.nix_dir() / "bundled"
    expression = (
        f'(import {bundled} {{ buildSystem = "{native_system()}"; }})'
        f".callPackage {bundled}/image/layer-split.nix {{ }}"
    )
    done = _process.run(["nix-build", "--no-out-link", *_SANDBOX, "-E", expression])
    assert done.exit_code == 0, done.stderr[-4000:]
    return f"{done.stdout.decode().strip()}/bin/layer-split"


def run(
    program: str, closure: Closure, strategy: LayerStrategy, limit: int, *, reverse: bool = False
) -> Layers:
    members = closure.members[::-1] if reverse else closure.members
    with tempfile.TemporaryDirectory() as folder:
        graph, sizes = Path(folder, "graph"), Path(folder, "sizes")
        graph.write_text(
            "".join(
                "\n".join([member.path, "", str(len(member.references)), *member.references, ""])
                for member in members
            )
        )
        sizes.write_text("".join(f"{member.size_bytes} {member.path}\n" for member in members))
        apps = " ".join(sorted(closure.apps, reverse=reverse))
        done = _process.run([program, strategy, str(limit), str(graph), "", apps, str(sizes)])
    assert done.exit_code == 0, done.stderr
    return tuple(tuple(layer) for layer in json.loads(done.stdout))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(closure=closures(), strategy=_STRATEGIES, limit=st.integers(1, 14))
def test_the_program_does_what_the_plain_words_say(
    program: str, closure: Closure, strategy: LayerStrategy, limit: int
) -> None:
    expected = split_layers(closure, strategy=strategy, limit=limit)
    assert run(program, closure, strategy, limit) == expected
    assert run(program, closure, strategy, limit, reverse=True) == expected
