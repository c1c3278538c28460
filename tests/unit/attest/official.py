"""Statements held against the definitions that those who own their types publish."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

from tests.unit.attest.boms import check_cyclonedx, check_spdx


def check_statement(data: bytes) -> str:
    """Its predicate type; fails unless the statement and its predicate are what they should be."""
    document = json.loads(data)
    parsed = json_format.ParseDict(document, statement_pb2.Statement())
    kind: str = parsed.predicate_type
    # why not of a signature: its predicate is empty, which the rules that come with the
    # definitions refuse; cosign makes it so.
    if kind != "https://sigstore.dev/cosign/sign/v1":
        Statement.copy_from_pb(parsed).validate()
    _CHECKS[kind](document["predicate"])
    return kind


def check_provenance(predicate: Any) -> None:
    """Fail unless it is SLSA provenance v1: names known, types right, what is required there."""
    parsed = json_format.ParseDict(predicate, provenance_pb2.Provenance())
    definition = parsed.build_definition
    assert ":" in definition.build_type
    assert len(definition.external_parameters)
    assert ":" in parsed.run_details.builder.id
    for each in definition.resolved_dependencies:
        ResourceDescriptor.copy_from_pb(each).validate()


def check_test_result(predicate: Any) -> None:
    """The same for test results v0.1."""
    parsed = json_format.ParseDict(predicate, test_result_pb2.TestResult())
    assert parsed.result in ("PASSED", "WARNED", "FAILED")
    assert parsed.configuration
    for each in parsed.configuration:
        ResourceDescriptor.copy_from_pb(each).validate()


def check_signature(predicate: Any) -> None:
    """Fail unless it says nothing."""
    assert predicate == {}


def check_closure(predicate: Any) -> None:
    """Fail unless it has the keys that this type of our own has."""
    assert set(predicate) == {"closure", "leftOut"}


_CHECKS: dict[str, Callable[[Any], None]] = {
    "https://sigstore.dev/cosign/sign/v1": check_signature,
    "https://slsa.dev/provenance/v1": check_provenance,
    "https://in-toto.io/attestation/test-result/v0.1": check_test_result,
    "https://spdx.dev/Document": check_spdx,
    "https://cyclonedx.org/bom": check_cyclonedx,
    "urn:nixgen:closure-report:v1": check_closure,
}
