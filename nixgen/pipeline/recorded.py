"""The record of an image as its description makes it now: the last one, or one of a build anew."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nixgen.nixcli import Nix
from nixgen.oci import LayerCache
from nixgen.pipeline.conditions import find_conditions
from nixgen.pipeline.image import write_aside
from nixgen.pipeline.locking import keep_pins
from nixgen.pipeline.prepare import Request, prepare
from nixgen.pipeline.realise import Evaluated, evaluate, realise, tell_variants
from nixgen.pipeline.record import make_record, record_inputs
from nixgen.pipeline.state import State
from nixgen.progress import PhaseStarted
from nixgen.sources import Supply

# why: all else that shapes an image stands in its derivations, or in the digest of the writer.
_SHAPING = ("packages", "library", "bases", "compressors")


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
    tell_variants(evaluated, nix)
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
    if not _names_manifests(record):
        return False
    wanted = record_inputs(evaluated)
    return _names_image(record, evaluated) and _agree(record, wanted, wanted)


def is_record_of_image(record: Any, evaluated: Evaluated) -> bool:
    """Whether what was evaluated makes the very image of a record.

    A file of the project that no build takes, or a comment in the description, may have changed.
    """
    if not _names_manifests(record) or not isinstance(record.get("inputs"), dict):
        return False
    wanted = record_inputs(evaluated)
    return (
        _names_image(record, evaluated)
        and _agree(record, wanted, ("format", "derivations"))
        and _agree(record["inputs"], wanted["inputs"], _SHAPING)
    )


def _agree(record: Any, wanted: Any, names: Iterable[str]) -> bool:
    return all(record.get(name) == wanted[name] for name in names)


def _names_manifests(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and isinstance(image := record.get("image"), dict)
        and image.get("format") in ("oci", "oci-archive")
    )


def _names_image(record: Any, evaluated: Evaluated) -> bool:
    image, first = record["image"], evaluated.prepared.plan.images[0]
    return bool(image.get("name") == first.name and image.get("tags") == list(first.tags))
