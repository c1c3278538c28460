"""The stages put together, as the commands call them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

from nixgen.imagetest import Choice
from nixgen.nixcli import BuildPlan, Nix
from nixgen.oci import LayerCache
from nixgen.pipeline.conditions import find_conditions
from nixgen.pipeline.confs import build_confs
from nixgen.pipeline.image import default_destination, write_image
from nixgen.pipeline.outcome import Format, Outcome
from nixgen.pipeline.prepare import Prepared, Request, prepare
from nixgen.pipeline.realise import dry_run, evaluate, kept_roots
from nixgen.pipeline.record import make_record, record_path, write_statement
from nixgen.pipeline.state import State
from nixgen.pipeline.testing import Examiner, resolve_tests
from nixgen.pipeline.unchanged import Call, Inputs, remember
from nixgen.sources import Supply


def build_and_write(
    request: Request,
    nix: Nix,
    *,
    destination: Path | None,
    form: Format,
    supply: Supply,
    cache: LayerCache | None,
    with_record: bool = False,
    call: Call | None = None,
    tests: Choice | None = None,
) -> Outcome:
    """The whole way from a description to an image on disk, and its record beside it if wanted.

    With `call` the outcome is remembered for the next such call. With `tests` these must pass
    first, as `Examiner.accept` says.
    """
    state = State.of_user(os.environ)
    examiner = None
    if tests is not None:
        examiner = Examiner(resolve_tests(request, tests), tests, nix.reporter)
    evaluated, confs = build_confs(request, nix, state=state, supply=supply)
    prepared = evaluated.prepared
    outcome = write_image(
        evaluated,
        confs,
        nix,
        destination=destination or default_destination(prepared.plan.app_name, form),
        form=form,
        cache=cache,
        state=state,
        accept=examiner.accept if examiner is not None else None,
    )
    if examiner is not None:
        outcome = dataclasses.replace(outcome, tests=examiner.report)
    if cache is not None:
        cache.bound()
    conditions = find_conditions(
        nix, state, build_system=request.options.machine.system, environ=os.environ
    )
    record = make_record(evaluated, outcome, conditions)
    state.write_record(prepared.description.path, request.profile, record)
    if call is not None:
        remember(
            call,
            _inputs(prepared),
            outcome,
            roots=kept_roots(evaluated, nix, state=state),
            state=state,
            environ=os.environ,
        )
    if not with_record:
        return outcome
    place = record_path(outcome.path)
    write_statement(record, place)
    return dataclasses.replace(outcome, record=place)


def _inputs(prepared: Prepared) -> Inputs:
    trees = (prepared.source, prepared.pinned.source)
    return Inputs(
        description=prepared.description.path,
        description_digest=prepared.description.digest,
        trees=tuple(tree for tree in trees if tree is not None),
        bases=tuple(base.surveyed for base in prepared.bases if base and base.surveyed),
    )


def plan_steps(request: Request, nix: Nix) -> BuildPlan:
    """What building the image would build and fetch."""
    return dry_run(evaluate(prepare(request, nix), nix), nix)


def layer_cache(*, warn: Callable[[str], None], rehash: bool) -> LayerCache:
    """The user's layer cache; raises UsageError where its bound is no size."""
    return LayerCache.of_user(os.environ, warn=warn, rehash=rehash)
