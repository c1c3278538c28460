"""The way from a description to built image confs, which several commands go."""

from __future__ import annotations

from pathlib import Path

from nixgen.nixcli import Nix
from nixgen.oci import StoreRoot
from nixgen.pipeline.locking import keep_pins
from nixgen.pipeline.prepare import Request, prepare
from nixgen.pipeline.realise import Evaluated, evaluate, realise, tell_variants
from nixgen.pipeline.state import State
from nixgen.progress import PhaseStarted
from nixgen.sources import Supply


def build_confs(
    request: Request, nix: Nix, *, state: State, supply: Supply
) -> tuple[Evaluated, tuple[Path, ...]]:
    """Prepare, evaluate and build; gives the confs' places in the order of the plan's images."""
    prepared = prepare(request, nix)
    nix.reporter.report(PhaseStarted(name="evaluate"))
    evaluated = evaluate(prepared, nix)
    tell_variants(evaluated, nix)
    keep_pins(prepared)
    nix.reporter.report(PhaseStarted(name="build"))
    return evaluated, realise(evaluated, nix, state=state, supply=supply)


def store_root(nix: Nix) -> StoreRoot:
    """Where the writer finds the store paths that this Nix built."""
    return StoreRoot(root=nix.access.root or Path("/"))
