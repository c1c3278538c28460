"""The record of an image as its description makes it now: the last one, or one of a build anew."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from nixgen.nixcli import Nix
from nixgen.oci import LayerCache
from nixgen.pipeline.conditions import find_conditions
from nixgen.pipeline.image import write_aside
from nixgen.pipeline.locking import keep_pins
from nixgen.pipeline.prepare import Request, prepare
from nixgen.pipeline.realise import Evaluated, evaluate, realise
from nixgen.pipeline.record import make_record, record_inputs
from nixgen.pipeline.state import State
from nixgen.progress import PhaseStarted
from nixgen.sources import Supply


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A description as it evaluates now, and the record of the image that it makes."""

    evaluated: Evaluated
    record: Any


def find_recorded(
    request: Request, nix: Nix, *, state: State, supply: Supply, cache: LayerCache | None
) -> Recorded:
    """The record of the image of a description.

    Where the last build's inputs were others, the image is built and measured, and not kept but
    for the layer cache and the lockfile's result. Raises as building it does.
    """
    prepared = prepare(request, nix)
    nix.reporter.report(PhaseStarted(name="evaluate"))
    evaluated = evaluate(prepared, nix)
    keep_pins(prepared)
    last = state.record(prepared.description.path, request.profile)
    if is_record_of(last, evaluated):
        return Recorded(evaluated=evaluated, record=last)
    nix.reporter.report(PhaseStarted(name="build"))
    confs = realise(evaluated, nix, state=state, supply=supply)
    outcome = write_aside(evaluated, confs, nix, cache=cache, state=state)
    conditions = find_conditions(
        nix, state, build_system=request.options.machine.system, environ=os.environ
    )
    return Recorded(evaluated=evaluated, record=make_record(evaluated, outcome, conditions))


def is_record_of(record: Any, evaluated: Evaluated) -> bool:
    """Whether a record is about what was evaluated, and names the image by its manifests."""
    if not isinstance(record, dict) or not isinstance(image := record.get("image"), dict):
        return False
    images = evaluated.prepared.plan.images
    wanted = record_inputs(evaluated)
    return (
        {name: record.get(name) for name in wanted} == wanted
        and image.get("format") in ("oci", "oci-archive")
        and image.get("name") == images[0].name
        and image.get("tags") == list(images[0].tags)
    )
