"""What is attached to an image is read within bounds, and counts only for what it is about."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nixgen.attest.attaching import attach_to_layout
from nixgen.attest.bundle import LARGEST_BUNDLE_BYTES, parse_bundle, sign_statement
from nixgen.attest.errors import BadSignatureError, CantTellError, PolicyViolationError
from nixgen.attest.judging import Judges, KeyJudge
from nixgen.attest.keys import PrivateKey
from nixgen.attest.policy import Demanded, Policy
from nixgen.attest.referring import MOST_BUNDLES, Referrer, make_referrer
from nixgen.attest.signing import signature_of
from nixgen.attest.statement import Subject, make_statement
from nixgen.digest import Digest
from nixgen.oci.image import canonical_json
from nixgen.pipeline.publish import RegistryAccess
from nixgen.pipeline.verifying import Verified, verify
from tests.layouts import Layout
from tests.unit.registry.images import make_layout

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KIND = "https://example.org/audit/v1"
OTHER = Digest.of_bytes(b"another image")


@pytest.fixture
def image(tmp_path: Path) -> Layout:
    return make_layout(tmp_path / "one")


def says(key: PrivateKey, image: Layout, about: Digest, kind: str = KIND) -> Referrer:
    """A statement about a digest, attached to an image whatever it is about."""
    statement = make_statement([Subject(name="app", digest=about)], kind, {"passed": True})
    return make_referrer(image.top, sign_statement(statement, key), now=NOW)


def signature(key: PrivateKey, image: Layout) -> Referrer:
    return make_referrer(image.top, sign_statement(signature_of(image.digest), key), now=NOW)


def verified(image: Layout, key: PrivateKey, access: RegistryAccess, policy: Policy) -> Verified:
    judge = Judges(keys=KeyJudge(keys=[key.public]))
    return verify(
        str(image.path), judge, access, demand=lambda findings: policy.demand(findings, NOW)
    )


def test_an_attestation_of_another_subject_meets_no_demand(
    image: Layout, key: PrivateKey, access: RegistryAccess
) -> None:
    policy = Policy(predicates=(Demanded(predicate_type=KIND),))
    attach_to_layout(image.path, [signature(key, image), says(key, image, OTHER)])
    with pytest.raises(PolicyViolationError):
        verified(image, key, access, policy)
    attach_to_layout(image.path, [says(key, image, image.digest)])
    assert verified(image, key, access, policy).findings.about(image.digest, KIND)


def test_a_bundle_that_is_said_to_be_huge_is_not_read(
    image: Layout, key: PrivateKey, access: RegistryAccess
) -> None:
    good = signature(key, image)
    manifest = json.loads(good.manifest)
    manifest["layers"][0]["size"] = LARGEST_BUNDLE_BYTES + 1
    data = canonical_json(manifest)
    entry = replace(good.entry, digest=Digest.of_bytes(data), size_bytes=len(data))
    attach_to_layout(
        image.path, [replace(good, entry=entry, blobs={**good.blobs, entry.digest: data})]
    )
    with pytest.raises(BadSignatureError, match="is said to have"):
        verified(image, key, access, Policy())


def test_a_huge_bundle_is_not_taken_apart() -> None:
    with pytest.raises(ValueError, match="bytes"):
        parse_bundle(b"{}" + b" " * LARGEST_BUNDLE_BYTES)


def test_of_too_many_bundles_nothing_is_told(
    image: Layout, key: PrivateKey, access: RegistryAccess
) -> None:
    crowd = [says(key, image, image.digest, f"{KIND}/{n}") for n in range(MOST_BUNDLES)]
    attach_to_layout(image.path, [signature(key, image), *crowd[1:]])
    assert verified(image, key, access, Policy()).findings.signatures
    attach_to_layout(image.path, crowd[:1])
    with pytest.raises(CantTellError, match="more than"):
        verified(image, key, access, Policy())
