"""Bundles signed once, at 2026-01-02 03:04 by the Sigstore of these tests, and kept: what verified
by an earlier nixgen verifies by each later one.

They are not made anew: one that no longer verifies is a fault here, or a change to tell of.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nixgen.attest.bundle import Bundle, parse_bundle
from nixgen.attest.certificates import CertificateJudge, Identity
from nixgen.attest.errors import BadSignatureError
from nixgen.attest.judging import Judges, KeyJudge, Refused, Signatory
from nixgen.attest.keys import load_public
from nixgen.attest.referring import Attached
from nixgen.attest.signing import SIGNATURE_TYPE, signature_of
from nixgen.attest.trust import Trust
from nixgen.attest.verify import demand_signature, examine
from nixgen.digest import Digest
from tests.fakes.sigstore import IDENTITY, ISSUER, REPOSITORY
from tests.unit.registry.images import make_layout

_BUNDLES = Path(__file__).parent / "bundles"
IMAGE = Digest.of_bytes(b"golden image")
SIGNED = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
NAMES = ("key", "rekor-1", "rekor-2")


def read(name: str) -> Bundle:
    return parse_bundle((_BUNDLES / f"{name}.sigstore.json").read_bytes())


def judges(root: str) -> Judges:
    """The golden key, and the identity as the root of one instance vouches for it."""
    return Judges(
        keys=KeyJudge(keys=[load_public(_BUNDLES / "key.pub")]),
        certificates=CertificateJudge(
            Trust(file=_BUNDLES / f"{root}.root.json"),
            [Identity.exactly(identity=IDENTITY, issuer=ISSUER)],
        ),
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_verified_once_verifies(name: str) -> None:
    bundle = read(name)
    signatory = judges(name if name != "key" else "rekor-1").judge(bundle)
    assert isinstance(signatory, Signatory), signatory
    if name != "key":
        assert (signatory.identity, signatory.issuer) == (IDENTITY, ISSUER)
        assert signatory.source_repository == REPOSITORY
        assert signatory.time is not None
        assert timedelta() < signatory.time - SIGNED < timedelta(minutes=1)
    statement = bundle.statement()
    assert (statement.predicate_type, statement.is_about(IMAGE)) == (SIGNATURE_TYPE, True)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_signed_today_says_the_same(name: str) -> None:
    assert read(name).statement() == signature_of(IMAGE)


@pytest.mark.parametrize(("name", "root"), [("rekor-1", "rekor-2"), ("rekor-2", "rekor-1")])
def test_the_root_of_another_instance_is_not_enough(name: str, root: str) -> None:
    assert isinstance(judges(root).judge(read(name)), Refused)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_no_signature_of_another_image(name: str, tmp_path: Path) -> None:
    other = make_layout(tmp_path / "made")
    data = read(name).data
    attached = Attached(referrer=Digest.of_bytes(data), subject=other.digest, data=data)
    judge = judges(name if name != "key" else "rekor-1")
    with pytest.raises(BadSignatureError, match="no signature") as caught:
        demand_signature(examine(other, [attached], judge))
    assert "another image" in str(caught.value)


@pytest.mark.parametrize("name", ["rekor-1", "rekor-2"])
@pytest.mark.parametrize("part", ["certificateAuthorities", "ctlogs", "tlogs"])
@pytest.mark.parametrize(
    ("start", "end", "good"),
    [
        ("2026-01-02T03:00:00Z", "2026-01-02T03:10:00Z", True),
        ("2020-01-01T00:00:00Z", "2026-01-02T03:04:00Z", False),
        ("2026-01-02T03:10:00Z", "2099-01-01T00:00:00Z", False),
    ],
)
def test_trust_counts_for_its_period(
    name: str, part: str, start: str, end: str, good: bool, tmp_path: Path
) -> None:
    root = json.loads((_BUNDLES / f"{name}.root.json").read_text())
    for each in root[part]:
        each.get("publicKey", each)["validFor"] = {"start": start, "end": end}
    place = tmp_path / "root.json"
    place.write_text(json.dumps(root))
    team = Identity.exactly(identity=IDENTITY, issuer=ISSUER)
    verdict = CertificateJudge(Trust(file=place), [team]).judge(read(name))
    assert isinstance(verdict, Signatory) is good, verdict
