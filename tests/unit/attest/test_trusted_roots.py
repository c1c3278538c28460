"""What a trusted root says of each of its keys counts: whose it is, since when and until when."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nixgen.attest.bundle import parse_bundle
from nixgen.attest.certificates import CertificateJudge, Identity
from nixgen.attest.judging import Fault, Refused, Signatory
from nixgen.attest.keyless import KeylessSigner
from nixgen.attest.signing import signature_of
from nixgen.attest.trust import Trust
from nixgen.digest import Digest
from tests.fakes.sigstore import IDENTITY, ISSUER, FakeSigstore, make_token, serving_sigstore
from tests.fakes.timestamping import FakeTimestamping

PARTS = ("certificateAuthorities", "ctlogs", "tlogs", "timestampAuthorities")
Judged = Callable[[dict[str, Any]], Signatory | Refused]


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeSigstore]:
    with stamping(tmp_path / "ours") as fake:
        yield fake


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The root of an instance that had no part in what is judged."""
    with stamping(tmp_path / "foreign") as other:
        yield other.trusted_root()


@pytest.fixture
def judged(fake: FakeSigstore, tmp_path: Path) -> Judged:
    """The verdict on a signature of now, by a root."""
    trust = Trust(file=fake.write_trust_config(tmp_path / "trust.json"))
    signer = KeylessSigner(trust, make_token())
    bundle = signer.sign(signature_of(Digest.of_bytes(b"image")))

    def judge(root: dict[str, Any]) -> Signatory | Refused:
        place = tmp_path / "root.json"
        place.write_text(json.dumps(root))
        team = Identity.exactly(identity=IDENTITY, issuer=ISSUER)
        return CertificateJudge(Trust(file=place), [team]).judge(parse_bundle(bundle.data))

    return judge


def stamping(folder: Path) -> Any:
    folder.mkdir()
    return serving_sigstore(FakeTimestamping(folder))


def lasting(root: dict[str, Any], part: str, **period: timedelta) -> dict[str, Any]:
    """The root with other ends of a part's validity, from now on."""
    changed = copy.deepcopy(root)
    for entry in changed[part]:
        for name, offset in period.items():
            time = (datetime.now(UTC) + offset).strftime("%Y-%m-%dT%H:%M:%SZ")
            entry.get("publicKey", entry)["validFor"][name] = time
    return changed


@pytest.mark.parametrize("part", PARTS)
def test_one_key_that_is_another_s_is_enough_to_refuse(
    fake: FakeSigstore, foreign: dict[str, Any], judged: Judged, part: str
) -> None:
    root = fake.trusted_root()
    assert isinstance(judged(root), Signatory)
    verdict = judged({**root, part: foreign[part]})
    assert isinstance(verdict, Refused)
    assert verdict.fault is Fault.BAD


@pytest.mark.parametrize("part", PARTS)
def test_a_key_vouches_for_nothing_after_its_end_and_before_its_beginning(
    fake: FakeSigstore, judged: Judged, part: str
) -> None:
    root, hour = fake.trusted_root(), timedelta(hours=1)
    assert isinstance(judged(lasting(root, part, start=-hour, end=hour)), Signatory)
    assert isinstance(judged(lasting(root, part, end=-hour)), Refused)
    assert isinstance(judged(lasting(root, part, start=hour)), Refused)


@pytest.mark.parametrize("part", PARTS)
def test_keys_that_have_ended_are_no_harm_beside_those_that_have_not(
    fake: FakeSigstore, foreign: dict[str, Any], judged: Judged, part: str
) -> None:
    root, ended = fake.trusted_root(), lasting(foreign, part, end=-timedelta(hours=1))
    assert isinstance(judged({**root, part: [*ended[part], *root[part]]}), Signatory)


@pytest.mark.parametrize("rekor", [1, 2])
def test_a_certificate_is_good_for_nothing_before_its_time(tmp_path: Path, rekor: int) -> None:
    with serving_sigstore() if rekor == 1 else stamping(tmp_path / "tsa") as fake:
        fake.start_s, fake.lifetime_s = 3600, 7200
        trust = Trust(file=fake.write_trust_config(tmp_path / "trust.json"))
        bundle = KeylessSigner(trust, make_token()).sign(signature_of(Digest.of_bytes(b"image")))
        team = Identity.exactly(identity=IDENTITY, issuer=ISSUER)
        verdict = CertificateJudge(trust, [team]).judge(bundle)
    assert isinstance(verdict, Refused)
    assert verdict.fault is Fault.BAD
