"""All that can be said of an image that was built here, as statements to sign."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from nixgen.attest.provenance import LOCAL_BUILDER, Material
from nixgen.attest.reports import (
    CLOSURE_TYPE,
    TEST_RESULT_TYPE,
    TestOutcome,
    closure_report,
    result_of_tests,
)
from nixgen.attest.statement import Statement, Subject, make_statement
from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.nixcli import Nix
from nixgen.pipeline.prepare import Request, prepare
from nixgen.pipeline.provenance import provenance_statement
from nixgen.pipeline.realise import evaluate
from nixgen.pipeline.recorded import Recorded, is_record_of_image
from nixgen.pipeline.sbom import SbomFormat, examine, sbom_statement
from nixgen.pipeline.state import State
from nixgen.plan import BuildMachine, PlanOptions
from nixgen.platforms import Platform, native_system
from nixgen.sources import Supply

Attachment = Literal["provenance", "spdx", "cyclonedx", "closure", "tests"]

_BILLS: dict[Attachment, SbomFormat] = {"spdx": "spdx-json", "cyclonedx": "cyclonedx-json"}


def make_statements(
    record: Any,
    wanted: Sequence[Attachment],
    nix: Nix,
    *,
    state: State,
    supply: Supply,
    builder_id: str = LOCAL_BUILDER,
) -> tuple[Statement, ...]:
    """The statements that are wanted about the image of a build record.

    Provenance and tests come from the record; the others look at the image's store paths, for
    which its description must still make it. Raises UsageError where it does not, where tests are
    wanted of an image that was not tested, and for a record of another nixgen; and as evaluation
    and builds do.
    """
    made: list[Statement] = []
    if "provenance" in wanted:
        made.append(provenance_statement(record, nix, builder_id=builder_id))
    if "tests" in wanted:
        made += statements_on_tests(record)
    if set(wanted) - {"provenance", "tests"}:
        made += _examined(record, wanted, nix, state=state, supply=supply)
    return tuple(made)


def statements_on_tests(record: Any) -> Iterator[Statement]:
    """What came of the tests of each platform's image; raises UsageError where none were run."""
    if record["tests"] is None:
        raise UsageError(
            "the image was not tested when it was built", hint="nixgen image --test  does both"
        )
    description = record["description"]
    configuration = Material(
        name=Path(description["path"]).name,
        digest={"sha256": Digest.parse(description["digest"]).hex},
    )
    for one in record["image"]["platforms"]:
        outcomes = [
            TestOutcome(name=test["name"], verdict=test["verdict"])
            for test in record["tests"]
            if test["platform"] == one["platform"]
        ]
        predicate = result_of_tests(outcomes, configuration)
        yield make_statement([_subject(record, one)], TEST_RESULT_TYPE, predicate)


def _examined(
    record: Any, wanted: Sequence[Attachment], nix: Nix, *, state: State, supply: Supply
) -> Iterator[Statement]:
    evaluated = evaluate(prepare(request_of(record), nix), nix)
    if not is_record_of_image(record, evaluated):
        raise UsageError(
            f"{record['description']['path']} no longer makes the image "
            f"{record['image']['digest']}: its description, source or package set has changed",
            hint="build it anew with nixgen image, and sign that",
        )
    recorded = Recorded(evaluated=evaluated, record=record)
    platforms = record["image"]["platforms"]
    found = examine(recorded, nix, state=state, supply=supply)
    for one, examined in zip(platforms, found, strict=True):
        inventory = examined.inventory() if set(_BILLS) & set(wanted) else None
        for kind, form in _BILLS.items():
            if kind in wanted and inventory is not None:
                yield sbom_statement(inventory, form)
        if "closure" in wanted:
            trimming = examined.trimming
            predicate = closure_report(
                examined.closure.measure().as_json(),
                None if trimming is None else trimming.as_json(),
            )
            yield make_statement([_subject(record, one)], CLOSURE_TYPE, predicate)


def request_of(record: Any) -> Request:
    """The request that a record is of: its description, read as it was then."""
    description = record["description"]
    created = datetime.datetime.fromisoformat(description["created"])
    return Request(
        description=Path(description["path"]),
        profile=description["profile"],
        platforms=tuple(Platform.parse(name) for name in record["derivations"]),
        overrides=description["variables"],
        cross=description["cross"],
        options=PlanOptions(
            machine=BuildMachine(system=native_system()),
            tags=tuple(record["image"]["tags"]),
            created=int(created.timestamp()),
        ),
        writes_lock=False,
    )


def _subject(record: Any, one: Any) -> Subject:
    image = record["image"]
    return Subject(
        name=f"{image['name']}:{image['tag']} {one['platform']}", digest=Digest.parse(one["digest"])
    )
