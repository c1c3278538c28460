"""Policies: read strictly, and what they make of statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nixgen.attest.errors import NotSignedError, PolicyViolationError
from nixgen.attest.judging import Judges, KeyJudge, Signatory
from nixgen.attest.keys import KeyPair, PrivateKey, load_public
from nixgen.attest.policy import Condition, Policy
from nixgen.attest.policyfile import read_policy
from nixgen.attest.signing import SIGNATURE_TYPE, KeySigner
from nixgen.attest.statement import Subject, make_statement
from nixgen.attest.verify import Findings, Vouched
from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.pipeline.publish import RegistryAccess
from nixgen.pipeline.signing import sign
from nixgen.pipeline.verifying import verify
from nixgen.platforms import Platform
from tests.layouts import Layout

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TOP, AMD, ARM = (Digest.of_bytes(name) for name in (b"top", b"amd", b"arm"))
ALICE = Signatory(entry="alice", key="alice.pub", fingerprint="SHA256:1")
BOB = Signatory(entry="bob", key="bob.pub", fingerprint="SHA256:2")
CI = Signatory(
    entry="ci",
    identity="ci@example.org",
    issuer="https://issuer.example",
    source_repository="https://forge.example/team/app",
    time=NOW - timedelta(days=3),
)
PROVENANCE = "https://slsa.dev/provenance/v1"
SPDX, CYCLONEDX = "https://spdx.dev/Document/v2.3", "https://cyclonedx.org/bom"


def says(kind: str, predicate: dict[str, Any], *about: Digest, by: Signatory = ALICE) -> Vouched:
    statement = make_statement([Subject(name="", digest=each) for each in about], kind, predicate)
    return Vouched(statement=statement, signer=by, referrer=TOP)


def findings(*vouched: Vouched, signed_by: Sequence[Signatory] = (ALICE,)) -> Findings:
    signatures = [says(SIGNATURE_TYPE, {}, TOP, by=signer) for signer in signed_by]
    platforms = ((Platform.parse("linux/amd64"), AMD), (Platform.parse("linux/arm64"), ARM))
    return Findings(
        where="app", top=TOP, platforms=platforms, vouched=(*signatures, *vouched), rejected=()
    )


def read(tmp_path: Path, text: str) -> Policy:
    place = tmp_path / "policy.toml"
    place.write_text(text)
    return read_policy(place)


def refused(policy: Policy, found: Findings) -> str:
    with pytest.raises(PolicyViolationError) as caught:
        policy.demand(found, NOW)
    return "\n".join(problem.message for problem in caught.value.problems)


def test_a_whole_policy_is_read(tmp_path: Path) -> None:
    policy = read(
        tmp_path,
        """
        signers = 2
        max-age = "30d"
        builders = ["https://builder.example"]
        source-repository = "https://forge.example/team/app"
        sbom = true
        forbid-packages = ["log4j*"]

        [[signer]]
        key = "team.pub"

        [[signer]]
        identity-pattern = 'https://forge\\.example/.*'
        issuer = "https://issuer.example"

        [[predicate]]
        type = "https://example.org/audit/v1"
        where = [
          { field = "result.passed", equals = true },
          { field = ["a.b", "*"], one-of = [1, "x"] },
          { field = "count", at-most = 3 },
        ]
        """,
    )
    assert policy.keys == (tmp_path / "team.pub",)
    assert policy.identities[0].identity.matches("https://forge.example/x")
    assert (policy.signers, policy.max_age) == (2, timedelta(days=30))
    assert policy.predicates[0].where == (
        Condition(path=("result", "passed"), test="equals", value=True),
        Condition(path=("a.b", "*"), test="one-of", value=(1, "x")),
        Condition(path=("count",), test="at-most", value=3),
    )


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(
            tmp_path,
            """
            signer = [{ key = "a.pub", issuer = "x" }, { identity = "x" }]
            signers = 0
            max-age = "soon"
            sbom = "yes"
            builder = ["x"]
            predicate = [
              { type = "audit" },
              { where = [] },
              { type = "a:b", where = [{ field = "a..b", equals = 1 }, { field = "c" }] },
              { type = "a:b", where = [{ field = "a", matches = "(" }] },
            ]
            """,
        )
    told = [(problem.line, problem.message) for problem in caught.value.problems]
    assert len(told) == 11, told
    assert all(line is not None for line, _ in told)
    assert "the policy" in caught.value.message


@pytest.mark.parametrize("data", [b"", b"a = ", b"\xff", b"x = 1"])
def test_a_file_that_is_no_policy_is_told(tmp_path: Path, data: bytes) -> None:
    place = tmp_path / "policy.toml"
    place.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        read_policy(place)
    assert "nixgen init" not in str(caught.value)
    with pytest.raises(UsageError, match="can't be read"):
        read_policy(tmp_path / "none")


def test_no_policy_makes_up_for_a_signature() -> None:
    with pytest.raises(NotSignedError):
        Policy().demand(findings(signed_by=()), NOW)
    Policy().demand(findings(), NOW)


def test_builders_that_are_nobody_are_no_demand_but_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, "builders = []")
    assert [(problem.line, problem.key) for problem in caught.value.problems] == [(1, "builders")]


def test_a_key_in_two_files_signs_once(
    layout: Layout, pair: KeyPair, key: PrivateKey, access: RegistryAccess
) -> None:
    copy = pair.public_path.with_name("copy.pub")
    copy.write_bytes(pair.public_path.read_bytes())
    sign(str(layout.path), KeySigner(key=key), access, now=NOW, records=None)
    keys = [load_public(place) for place in (pair.public_path, copy)]
    found = verify(str(layout.path), Judges(keys=KeyJudge(keys=keys)), access).findings
    assert "by 1 of those" in refused(Policy(signers=2), found)


def test_signers_are_counted_once_each() -> None:
    policy = Policy(signers=2)
    policy.demand(findings(signed_by=(ALICE, BOB)), NOW)
    assert "by 1 of those" in refused(policy, findings(signed_by=(ALICE, ALICE)))


@pytest.mark.parametrize(
    ("signer", "max_age", "why"),
    [
        (CI, timedelta(days=4), None),
        (CI, timedelta(days=3), None),
        (CI, timedelta(days=3) - timedelta(microseconds=1), "more than"),
        (CI, timedelta(days=2), "more than"),
        (ALICE, timedelta(days=2), "nothing that is trusted"),
    ],
)
def test_age_is_told_by_a_trusted_time(
    signer: Signatory, max_age: timedelta, why: str | None
) -> None:
    found = findings(signed_by=[signer])
    if why is None:
        Policy(max_age=max_age).demand(found, NOW)
    else:
        assert why in refused(Policy(max_age=max_age), found)


def test_a_time_to_come_is_refused() -> None:
    policy = Policy(max_age=timedelta(days=1000))
    with pytest.raises(PolicyViolationError, match="clock"):
        policy.demand(findings(signed_by=[CI]), NOW - timedelta(days=30))


def test_the_source_repository_is_the_certificate_s() -> None:
    policy = Policy(source_repository="https://forge.example/team/app")
    policy.demand(findings(signed_by=[CI]), NOW)
    assert "not https" in refused(policy, findings(signed_by=[ALICE]))


def test_the_builder_is_told_by_provenance_for_every_platform() -> None:
    policy = Policy(builders=("https://builder.example",))
    good = {"runDetails": {"builder": {"id": "https://builder.example"}}}
    policy.demand(findings(says(PROVENANCE, good, TOP)), NOW)
    policy.demand(findings(says(PROVENANCE, good, AMD, ARM)), NOW)
    message = refused(policy, findings(says(PROVENANCE, good, AMD)))
    assert message == "linux/arm64: built by nobody that is told, not by https://builder.example"
    for bad in ({}, {"runDetails": []}, {"runDetails": {"builder": {"id": ["x"]}}}):
        assert "built by" in refused(policy, findings(says(PROVENANCE, bad, TOP)))


@pytest.mark.parametrize(
    ("kind", "predicate"),
    [
        (SPDX, {"packages": [{"name": "log4j-core", "versionInfo": "2.14"}]}),
        (
            CYCLONEDX,
            {
                "bomFormat": "CycloneDX",
                "components": [{"components": [{"name": "log4j-core", "version": "2.14"}]}],
            },
        ),
    ],
)
def test_packages_are_looked_for_in_every_sbom(kind: str, predicate: dict[str, Any]) -> None:
    found = findings(says(kind, predicate, TOP))
    Policy(sbom=True, forbidden=("log4j", "log4j-core@2.15*")).demand(found, NOW)
    for pattern in ("log4j*", "log4j-core@2.14"):
        assert "forbidden" in refused(Policy(forbidden=(pattern,)), found)
    assert "no SBOM" in refused(Policy(forbidden=("x",)), findings())
    other = findings(says("https://example.org/sbom", predicate, TOP))
    assert "no SBOM" in refused(Policy(sbom=True), other)


def test_a_package_of_a_scope_or_group_is_found_by_its_whole_name() -> None:
    spdx = says(SPDX, {"packages": [{"name": "@team/left", "versionInfo": "1.0"}]}, TOP)
    component = {"group": "@team", "name": "left", "version": "1.0"}
    cyclonedx = says(CYCLONEDX, {"bomFormat": "CycloneDX", "components": [component]}, TOP)
    for found in (findings(spdx), findings(cyclonedx)):
        for pattern in ("@team/left", "@team/*", "@team/left@1.*"):
            assert "forbidden" in refused(Policy(forbidden=(pattern,)), found)
        Policy(forbidden=("@team", "@team/left@2", "right")).demand(found, NOW)
    assert "forbidden" in refused(Policy(forbidden=("left",)), findings(cyclonedx))


def test_an_sbom_in_which_nothing_can_be_looked_for_forbids() -> None:
    newer = says(f"{SPDX}/v3.0.1", {"@graph": [{"type": "software_Package"}]}, TOP)
    assert "no SBOM lists packages" in refused(Policy(forbidden=("x",)), findings(newer))
    Policy(sbom=True).demand(findings(newer), NOW)
    empty = says(CYCLONEDX, {"bomFormat": "CycloneDX"}, TOP)
    Policy(forbidden=("x",)).demand(findings(newer, empty), NOW)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition(path=("n",), test="equals", value=1), True),
        (Condition(path=("n",), test="equals", value=True), False),
        (Condition(path=("yes",), test="equals", value=1), False),
        (Condition(path=("yes",), test="one-of", value=("x", True)), True),
        (Condition(path=("none",), test="equals", value=1), False),
        (Condition(path=("text",), test="matches", value="ab+"), True),
        (Condition(path=("text",), test="matches", value="ab"), False),
        (Condition(path=("n",), test="matches", value="1"), False),
        (Condition(path=("n",), test="at-least", value=1), True),
        (Condition(path=("n",), test="at-most", value=0.5), False),
        (Condition(path=("yes",), test="at-least", value=0), False),
        (Condition(path=("list", "*", "ok"), test="equals", value=True), False),
        (Condition(path=("list", "0", "ok"), test="equals", value=True), True),
        (Condition(path=("list", "7", "ok"), test="equals", value=True), False),
        (Condition(path=("empty", "*"), test="equals", value=True), False),
        (Condition(path=("text", "x"), test="equals", value=True), False),
    ],
)
def test_conditions_hold_for_every_value_that_is_there(condition: Condition, holds: bool) -> None:
    predicate = {
        "n": 1,
        "yes": True,
        "text": "abb",
        "list": [{"ok": True}, {"ok": False}],
        "empty": [],
    }
    assert condition.holds(predicate) is holds


def test_a_predicate_has_to_be_there_and_to_say_so(tmp_path: Path) -> None:
    policy = read(
        tmp_path,
        """
        [[predicate]]
        type = "https://example.org/audit/v1"
        where = [{ field = "passed", equals = true }]
        """,
    )
    kind = "https://example.org/audit/v1"
    policy.demand(findings(says(kind, {"passed": True}, TOP)), NOW)
    assert "there is no" in refused(policy, findings())
    assert "no statement meets" in refused(policy, findings(says(kind, {"passed": 1}, TOP)))
