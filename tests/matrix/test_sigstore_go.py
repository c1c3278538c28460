"""The test vectors of sigstore-go: all are of kinds that nixgen does not take, and it says so."""

from __future__ import annotations

import json

import pytest

from nixgen.attest.bundle import parse_bundle
from nixgen.attest.dsse import parse_envelope
from tests.prepared import PREPARED

pytestmark = pytest.mark.matrix

_VECTORS = PREPARED / "sigstore-go-vectors"
_OLD, _BYTES = "an unknown version", "signs bytes and no statement"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("dsse", _OLD),
        ("dsse-2sigs", _OLD),
        ("othername", _BYTES),
        ("public-key-validity", _BYTES),
        ("sigstore.js@2.0.0-provenance", _OLD),
    ],
)
def test_what_is_not_taken_is_told(name: str, why: str) -> None:
    place = _VECTORS / f"{name}.sigstore.json"
    assert place.exists(), "run tests/setup/sigstore-go-vectors, or `make test-all`"
    with pytest.raises(ValueError, match=why):
        parse_bundle(place.read_bytes())


def test_no_vector_is_passed_over() -> None:
    assert len(list(_VECTORS.glob("*.json"))) == 5


def test_an_envelope_of_two_signatures_is_refused_for_that() -> None:
    document = json.loads((_VECTORS / "dsse-2sigs.sigstore.json").read_bytes())
    with pytest.raises(ValueError, match="exactly one signature"):
        parse_envelope(document["dsseEnvelope"])
