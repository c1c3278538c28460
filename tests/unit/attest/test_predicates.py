"""What somebody else says of an image: read strictly, attached, and demanded by a policy."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nixgen.attest.errors import PolicyViolationError
from nixgen.attest.judging import Judges, KeyJudge
from nixgen.attest.keys import KeyPair, PrivateKey
from nixgen.attest.policyfile import read_policy
from nixgen.attest.predicates import (
    LARGEST_BYTES,
    make_foreign_statement,
    parse_predicate_type,
    read_predicate,
)
from nixgen.attest.signing import KeySigner
from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.pipeline.publish import RegistryAccess
from nixgen.pipeline.signing import attest, sign
from nixgen.pipeline.verifying import Verified, verify
from nixgen.platforms import Platform
from nixgen.strictjson import DEEPEST
from tests.layouts import Layout
from tests.unit.registry.images import make_layout

NOW = datetime(2026, 1, 2, tzinfo=UTC)
AUDIT = "https://example.org/audit/v1"
_POLICY = """
[[signer]]
key = "team.pub"

[[predicate]]
type = "https://example.org/audit/v1"
where = [
  { field = "result.passed", equals = true },
  { field = "findings.*.severity", one-of = ["low", "medium"] },
  { field = "score", at-least = 7.5 },
]
"""


def audit(score: float, severity: str = "low") -> dict[str, object]:
    return {"result": {"passed": True}, "findings": [{"severity": severity}], "score": score}


def demand(place: str, access: RegistryAccess, key: PrivateKey, folder: Path) -> Verified:
    (folder / "policy.toml").write_text(_POLICY)
    rules = read_policy(folder / "policy.toml")
    judge = Judges(keys=KeyJudge(keys=[key.public]))
    return verify(place, judge, access, demand=lambda findings: rules.demand(findings, NOW))


def test_a_policy_demands_what_others_say(
    place: str, pair: KeyPair, key: PrivateKey, access: RegistryAccess, tmp_path: Path
) -> None:
    signer = KeySigner(key=key)
    sign(place, signer, access, now=NOW, records=None)
    with pytest.raises(PolicyViolationError, match=f"there is no {AUDIT}"):
        demand(place, access, key, pair.public_path.parent)
    for poor in (audit(7.4), audit(9, "high")):
        attest(place, signer, access, now=NOW, predicate_type=AUDIT, predicate=poor)
        with pytest.raises(PolicyViolationError, match="no statement meets"):
            demand(place, access, key, pair.public_path.parent)
    signed = attest(place, signer, access, now=NOW, predicate_type=AUDIT, predicate=audit(7.5))
    assert {each.subject.digest for each in signed.referrers} == set(signed.subjects)
    found = demand(place, access, key, pair.public_path.parent).findings
    for _, digest in found.platforms:
        assert audit(7.5) in [dict(e.statement.predicate) for e in found.about(digest, AUDIT)]
    again = attest(place, signer, access, now=NOW, predicate_type=AUDIT, predicate=audit(7.5))
    assert again.referrers == ()


def test_what_is_said_of_one_platform_does_not_hold_for_the_others(
    pair: KeyPair, key: PrivateKey, access: RegistryAccess, tmp_path: Path
) -> None:
    layout = make_layout(tmp_path / "two", platforms=("linux/amd64", "linux/arm64"))
    signer, place = KeySigner(key=key), str(layout.path)
    sign(place, signer, access, now=NOW, records=None)
    platforms = [Platform.parse(name) for name in ("linux/amd64", "linux/arm64")]

    def say(platform: Platform) -> None:
        attest(
            place,
            signer,
            access,
            now=NOW,
            predicate_type=AUDIT,
            predicate=audit(8),
            platform=platform,
        )

    say(platforms[0])
    with pytest.raises(PolicyViolationError, match="linux/arm64: there is no"):
        demand(place, access, key, pair.public_path.parent)
    say(platforms[1])
    demand(place, access, key, pair.public_path.parent)
    with pytest.raises(UsageError, match="no image for linux/riscv64"):
        say(Platform.parse("linux/riscv64"))


def test_what_is_said_does_not_sign_the_image(
    layout: Layout, key: PrivateKey, access: RegistryAccess
) -> None:
    place = str(layout.path)
    attest(place, KeySigner(key=key), access, now=NOW, predicate_type=AUDIT, predicate={})
    with pytest.raises(Exception, match="the image itself is not"):
        verify(place, Judges(keys=KeyJudge(keys=[key.public])), access)


@pytest.mark.parametrize(
    "kind",
    [
        "https://sigstore.dev/cosign/sign/v1",
        "https://sigstore.dev/cosign/sign/v2",
        "https://slsa.dev/provenance/v1",
        "https://slsa.dev/provenance/v0.2",
        "HTTPS://slsa.dev/Provenance/v1",
        "https://spdx.dev/Document",
        "https://spdx.dev/Document/v2.3",
        "https://cyclonedx.org/bom",
        "https://cyclonedx.org/bom/v1.6",
        "https://in-toto.io/attestation/test-result/v0.1",
        "urn:nixgen:closure-report:v1",
        "urn:nixgen:build-record:v1",
        "URN:nixgen:anything",
    ],
)
def test_what_nixgen_says_itself_a_file_does_not_say(kind: str) -> None:
    with pytest.raises(UsageError, match="says itself"):
        parse_predicate_type(kind)


@pytest.mark.parametrize(
    "kind", ["audit", "", "https:", "https://a b", "a:b\n", "a:\u00e9", "1a:b", "a:" + "b" * 1000]
)
def test_a_type_that_is_no_uri_is_refused(kind: str) -> None:
    with pytest.raises(UsageError, match="no URI"):
        parse_predicate_type(kind)


def test_types_of_others_are_taken() -> None:
    for kind in (AUDIT, "https://cosign.sigstore.dev/attestation/vuln/v1", "urn:x:y"):
        assert parse_predicate_type(kind) == kind


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no predicate"),
        (b"[]", "not a JSON object"),
        (b'{"passed": false, "passed": true}', "comes twice"),
        (b'{"score": NaN}', "NaN"),
        (b'{"score": 1e999}', "too large"),
        (b'{"text": "\\ud83d"}', "surrogates"),
        (b'{"text": "\xff"}', "utf-8"),
        (b"{" + b" " * LARGEST_BYTES + b"}", "larger than"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "nested deeper"),
    ],
)
def test_a_file_that_two_readers_could_read_in_two_ways_is_refused(
    tmp_path: Path, data: bytes, why: str
) -> None:
    place = tmp_path / "audit.json"
    place.write_bytes(data)
    with pytest.raises(UsageError, match=why) as caught:
        read_predicate(place)
    assert str(place) in caught.value.message


def test_a_predicate_that_no_statement_can_hold_is_told(tmp_path: Path) -> None:
    place = tmp_path / "audit.json"
    place.write_bytes(b'{"a":' * (DEEPEST - 1) + b"{}" + b"}" * (DEEPEST - 1))
    with pytest.raises(UsageError, match="can't carry"):
        make_foreign_statement(
            [Digest.of_bytes(b"")], "https://example.org/x", read_predicate(place)
        )


def test_text_is_carried_as_it_is(tmp_path: Path) -> None:
    said = {"text": "\U0001f600 \u00e9 \\ud83d", "number": 1.5, "none": None}
    place = tmp_path / "audit.json"
    place.write_text(json.dumps(said))
    assert read_predicate(place) == said


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_predicate(tmp_path / "none.json")
