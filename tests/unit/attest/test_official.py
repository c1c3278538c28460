"""Statements of every kind are what those who own the kinds say, and what checks it can fail."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import json_format
from jsonschema import ValidationError

from nixgen.attest.cyclonedx import CYCLONEDX_TYPE, make_cyclonedx
from nixgen.attest.provenance import PROVENANCE_TYPE
from nixgen.attest.reports import (
    CLOSURE_TYPE,
    TEST_RESULT_TYPE,
    TestOutcome,
    closure_report,
    result_of_tests,
)
from nixgen.attest.signing import signature_of
from nixgen.attest.spdx import SPDX_TYPE, make_spdx
from nixgen.attest.statement import Statement, Subject, make_statement
from nixgen.digest import Digest
from tests.unit.attest.boms import inventory
from tests.unit.attest.official import check_statement
from tests.unit.attest.test_provenance import ZLIB, provenance

IMAGE = Digest.of_bytes(b"image")
SUBJECT = Subject(name="app", digest=IMAGE)
TESTS = result_of_tests([TestOutcome(name="runs", verdict="passed")], ZLIB)


def statements() -> list[Statement]:
    predicates = {
        PROVENANCE_TYPE: provenance().predicate(),
        SPDX_TYPE: make_spdx(inventory()),
        CYCLONEDX_TYPE: make_cyclonedx(inventory()),
        TEST_RESULT_TYPE: TESTS,
        CLOSURE_TYPE: closure_report({}, None),
    }
    made = [make_statement([SUBJECT], kind, each) for kind, each in predicates.items()]
    return [signature_of(IMAGE), *made]


@pytest.mark.parametrize("statement", statements(), ids=lambda each: each.predicate_type)
def test_every_kind_is_by_its_official_definition(statement: Statement) -> None:
    assert check_statement(statement.data) == statement.predicate_type


def _spoil(path: str, value: Any) -> Callable[[Any], None]:
    *holders, last = path.split(".")

    def change(document: Any) -> None:
        for name in holders:
            document = document[int(name) if name.isdigit() else name]
        if value is None:
            del document[last]
        else:
            document[last] = value

    return change


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (PROVENANCE_TYPE, _spoil("subject", [])),
        (PROVENANCE_TYPE, _spoil("subject.0.digest", None)),
        (PROVENANCE_TYPE, _spoil("subject.0.hash", "00")),
        (PROVENANCE_TYPE, _spoil("_type", "https://in-toto.io/Statement/v0.1")),
        (PROVENANCE_TYPE, _spoil("predicate.buildType", "urn:x")),
        (PROVENANCE_TYPE, _spoil("predicate.buildDefinition.buildType", None)),
        (PROVENANCE_TYPE, _spoil("predicate.buildDefinition.externalParameters", None)),
        (PROVENANCE_TYPE, _spoil("predicate.runDetails.builder.id", None)),
        (PROVENANCE_TYPE, _spoil("predicate.buildDefinition.resolvedDependencies", [{}])),
        (TEST_RESULT_TYPE, _spoil("predicate.result", "passed")),
        (TEST_RESULT_TYPE, _spoil("predicate.configuration", None)),
        (TEST_RESULT_TYPE, _spoil("predicate.passed", ["runs"])),
        (SPDX_TYPE, _spoil("predicate.spdxVersion", None)),
        (SPDX_TYPE, _spoil("predicate.extra", 1)),
        (SPDX_TYPE, _spoil("predicate.packages.0.externalRefs.0.referenceCategory", "PURL")),
        (SPDX_TYPE, _spoil("predicate.packages.0.SPDXID", "Image")),
        (CYCLONEDX_TYPE, _spoil("predicate.specVersion", None)),
        (CYCLONEDX_TYPE, _spoil("predicate.serialNumber", "1")),
        (CYCLONEDX_TYPE, _spoil("predicate.components.0.type", "thing")),
        (CLOSURE_TYPE, _spoil("predicate.more", 1)),
    ],
)
def test_what_is_not_is_found(kind: str, change: Callable[[Any], None]) -> None:
    (statement,) = (each for each in statements() if each.predicate_type == kind)
    document = copy.deepcopy(json.loads(statement.data))
    change(document)
    with pytest.raises((AssertionError, ValueError, ValidationError, json_format.ParseError)):
        check_statement(json.dumps(document).encode())
