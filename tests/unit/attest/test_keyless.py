"""Images signed keylessly with a Sigstore of this machine's own, and verified by its root."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nixgen.attest.bundle import parse_bundle
from nixgen.attest.certificates import CertificateJudge, Identity, Wanted
from nixgen.attest.errors import BadSignatureError, CantTellError, WrongSignerError
from nixgen.attest.judging import Fault, Judges, Refused, Signatory
from nixgen.attest.keyless import (
    KeylessSigner,
    SigningServiceError,
    TokenError,
    check_token,
    find_token,
)
from nixgen.attest.signing import signature_of
from nixgen.attest.trust import Trust
from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.pipeline.publish import RegistryAccess
from nixgen.pipeline.signing import sign
from nixgen.pipeline.state import RECORD_FORMAT, State
from nixgen.pipeline.verifying import verify
from tests.fakes.sigstore import (
    IDENTITY,
    ISSUER,
    REPOSITORY,
    FakeSigstore,
    make_token,
    serving_sigstore,
)
from tests.fakes.timestamping import FakeTimestamping
from tests.layouts import Layout

IMAGE = Digest.of_bytes(b"image")
TEAM = Identity(identity=Wanted(text=IDENTITY), issuer=Wanted(text=ISSUER))


@pytest.fixture
def fake() -> Iterator[FakeSigstore]:
    with serving_sigstore() as fake:
        yield fake


@pytest.fixture
def trust(fake: FakeSigstore, tmp_path: Path) -> Trust:
    return Trust(file=fake.write_trust_config(tmp_path / "trust.json"))


def signed(trust: Trust) -> bytes:
    return KeylessSigner(trust, make_token()).sign(signature_of(IMAGE)).data


def judged(trust: Trust, data: bytes, identity: Identity = TEAM) -> Signatory | Refused:
    return CertificateJudge(trust, [identity]).judge(parse_bundle(data))


def test_what_was_signed_keylessly_verifies(
    place: str, layout: Layout, trust: Trust, access: RegistryAccess
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    signer = KeylessSigner(trust, make_token())
    assert signer.name == f"{IDENTITY}, vouched for by {ISSUER}"
    sign(place, signer, access, now=before, records=None)
    verified = verify(place, Judges(certificates=CertificateJudge(trust, [TEAM])), access)
    signatory = verified.findings.signatures[0].signer
    assert (signatory.identity, signatory.issuer) == (IDENTITY, ISSUER)
    assert signatory.source_repository == REPOSITORY
    assert signatory.time is not None
    assert signatory.time >= before
    other = Identity(identity=Wanted(text=IDENTITY + "x"), issuer=Wanted(text=ISSUER))
    with pytest.raises(WrongSignerError):
        verify(place, Judges(certificates=CertificateJudge(trust, [other])), access)
    with pytest.raises(WrongSignerError, match="none of those"):
        verify(place, Judges(), access)


def test_what_an_identity_has_signed_it_signs_again_only_to_renew_it(
    fake: FakeSigstore, trust: Trust, place: str, access: RegistryAccess
) -> None:
    def sign_it(*, renews: bool = False, identity: str = IDENTITY) -> int:
        fake.identity = identity
        signer = KeylessSigner(trust, make_token(subject=identity), renews=renews)
        done = sign(place, signer, access, now=datetime.now(UTC), records=None)
        return len(done.referrers)

    new = sign_it()
    assert (new > 0, sign_it(), len(set(fake.tokens))) == (True, 0, 1)
    # why: what is attached is anybody's word until it is judged.
    assert sign_it(identity="https://forge.example/other") == new
    assert [sign_it(), sign_it(renews=True), sign_it()] == [0, new, 0]
    found = verify(place, Judges(certificates=CertificateJudge(trust, [TEAM])), access).findings
    assert len(found.signatures) == 2
    assert len(found.rejected) == new


@pytest.mark.parametrize("wrong", ["ca", "log"])
def test_a_forged_signature_keeps_nobody_from_signing(
    fake: FakeSigstore,
    trust: Trust,
    layout: Layout,
    access: RegistryAccess,
    wrong: str,
) -> None:
    def sign_it() -> int:
        signer = KeylessSigner(trust, make_token())
        done = sign(str(layout.path), signer, access, now=datetime.now(UTC), records=None)
        return len(done.referrers)

    fake.wrong = wrong
    new = sign_it()
    fake.wrong = None
    assert (sign_it(), sign_it()) == (new, 0)


def test_a_log_of_version_2_with_a_timestamp_verifies(fake: FakeSigstore, tmp_path: Path) -> None:
    (tmp_path / "tsa").mkdir()
    fake.timestamping = FakeTimestamping(tmp_path / "tsa")
    trust = Trust(file=fake.write_trust_config(tmp_path / "trust.json"))
    data = signed(trust)
    signatory = judged(trust, data)
    assert isinstance(signatory, Signatory), signatory
    assert signatory.time is not None
    assert abs((datetime.now(UTC) - signatory.time).total_seconds()) < 120
    bare = json.loads(data)
    del bare["verificationMaterial"]["timestampVerificationData"]
    assert isinstance(judged(trust, json.dumps(bare).encode()), Refused)
    fake.timestamping = FakeTimestamping(tmp_path / "tsa")
    other = Trust(file=fake.write_trust_config(tmp_path / "other.json"))
    assert isinstance(judged(other, data), Refused)


def test_a_trusted_root_alone_is_enough_to_verify(
    fake: FakeSigstore, trust: Trust, tmp_path: Path
) -> None:
    root = tmp_path / "root.json"
    root.write_text(json.dumps(fake.trusted_root()))
    assert isinstance(judged(Trust(file=root), signed(trust)), Signatory)


@pytest.mark.parametrize(
    ("identity", "issuer", "good"),
    [
        (Wanted(text=r"https://forge\.example/team/.*", pattern=True), Wanted(text=ISSUER), True),
        (Wanted(text=r"https://forge\.example/team/", pattern=True), Wanted(text=ISSUER), False),
        (Wanted(text=r"forge\.example.*", pattern=True), Wanted(text=ISSUER), False),
        (Wanted(text=".*"), Wanted(text=ISSUER), False),
        (Wanted(text=IDENTITY), Wanted(text="https://issuer.example.org"), False),
        (Wanted(text=IDENTITY), Wanted(text="https://issuer.*", pattern=True), True),
    ],
)
def test_identities_are_matched_whole(
    trust: Trust, identity: Wanted, issuer: Wanted, good: bool
) -> None:
    verdict = judged(trust, signed(trust), Identity(identity=identity, issuer=issuer))
    assert isinstance(verdict, Signatory) is good
    assert good or (isinstance(verdict, Refused) and verdict.fault is Fault.WRONG_SIGNER)


def test_one_who_is_named_is_not_counted_as_one_of_a_pattern(trust: Trust) -> None:
    anyone = Identity(identity=Wanted(text="https://.*", pattern=True), issuer=Wanted(text=ISSUER))
    judge = CertificateJudge(trust, [anyone, TEAM])
    verdict = judge.judge(parse_bundle(signed(trust)))
    assert isinstance(verdict, Signatory)
    assert verdict.entry == str(TEAM)


def test_a_pattern_that_is_none_is_told() -> None:
    with pytest.raises(UsageError, match="no regular expression"):
        Wanted(text="(", pattern=True)


@pytest.mark.parametrize("wrong", ["ca", "log"])
def test_a_key_that_nobody_trusts_is_found(fake: FakeSigstore, trust: Trust, wrong: str) -> None:
    fake.wrong = wrong
    verdict = judged(trust, signed(trust))
    assert isinstance(verdict, Refused)
    assert verdict.fault is Fault.BAD


def test_a_certificate_that_no_log_has_seen_is_not_signed_with(
    fake: FakeSigstore, trust: Trust
) -> None:
    fake.wrong = "ct"
    with pytest.raises(SigningServiceError):
        signed(trust)


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_time_outside_the_certificate_is_found(
    fake: FakeSigstore, trust: Trust, seconds: int
) -> None:
    fake.log_clock_s = seconds
    assert isinstance(judged(trust, signed(trust)), Refused)


def test_a_root_of_others_verifies_nothing(trust: Trust, tmp_path: Path) -> None:
    with serving_sigstore() as other:
        foreign = Trust(file=other.write_trust_config(tmp_path / "other.json"))
        verdict = judged(foreign, signed(trust))
    assert isinstance(verdict, Refused)
    assert verdict.fault is Fault.BAD


def forged(data: bytes, other: bytes) -> Iterator[tuple[str, bytes]]:
    """Log entries, proofs, times and certificates left out, exchanged and altered."""
    whole, foreign = json.loads(data), json.loads(other)

    def edit(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> bytes:
        edited = copy.deepcopy(whole)
        change(edited, edited["verificationMaterial"]["tlogEntries"][0])
        return json.dumps(edited).encode()

    entry = foreign["verificationMaterial"]["tlogEntries"][0]
    certificate = foreign["verificationMaterial"]["certificate"]
    yield "no entry", edit(lambda b, e: b["verificationMaterial"].pop("tlogEntries"))
    yield "none", edit(lambda b, e: b["verificationMaterial"].update(tlogEntries=[]))
    yield "two", edit(lambda b, e: b["verificationMaterial"]["tlogEntries"].append(entry))
    yield "another's", edit(lambda b, e: b["verificationMaterial"].update(tlogEntries=[entry]))
    yield (
        "another's certificate",
        edit(lambda b, e: b["verificationMaterial"].update(certificate=certificate)),
    )
    yield "another's envelope", edit(lambda b, e: b.update(dsseEnvelope=foreign["dsseEnvelope"]))
    for name in ("inclusionPromise", "inclusionProof", "canonicalizedBody", "kindVersion", "logId"):
        yield f"no {name}", edit(lambda b, e, name=name: e.pop(name))
        yield f"another's {name}", edit(lambda b, e, name=name: e.update({name: {}}))
    for name in ("rootHash", "checkpoint", "treeSize"):
        yield f"no {name}", edit(lambda b, e, name=name: e["inclusionProof"].pop(name))
    yield "later", edit(lambda b, e: e.update(integratedTime=str(int(e["integratedTime"]) + 1)))
    yield "a larger tree", edit(lambda b, e: e["inclusionProof"].update(treeSize="3"))
    yield "no hashes", edit(lambda b, e: e["inclusionProof"].update(hashes=[]))
    yield (
        "more hashes",
        edit(lambda b, e: e["inclusionProof"]["hashes"].append(e["inclusionProof"]["rootHash"])),
    )
    body = whole["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"]
    other_letter = "B" if body[80] != "B" else "C"
    changed = body[:80] + other_letter + body[81:]
    yield "another body", edit(lambda b, e: e.update(canonicalizedBody=changed))
    raw = whole["verificationMaterial"]["certificate"]["rawBytes"]
    for place in range(8, len(raw) - 8, 12):
        letter = "A" if raw[place] != "A" else "B"
        changed_raw = raw[:place] + letter + raw[place + 1 :]
        yield (
            f"certificate {place}",
            edit(
                lambda b, e, new=changed_raw: b["verificationMaterial"]["certificate"].update(
                    rawBytes=new
                )
            ),
        )


def test_no_forged_bundle_is_taken(trust: Trust) -> None:
    judge = CertificateJudge(trust, [TEAM])
    data = signed(trust)
    other = KeylessSigner(trust, make_token()).sign(signature_of(Digest.of_bytes(b"else"))).data
    assert isinstance(judge.judge(parse_bundle(data)), Signatory)
    accepted, tried = [], 0
    for name, each in forged(data, other):
        tried += 1
        try:
            bundle = parse_bundle(each)
        except ValueError:
            continue
        # why not the other's own: an envelope, entry and certificate that fit are a signature.
        if isinstance(judge.judge(bundle), Signatory):
            accepted.append(name)
    assert accepted == []
    assert tried > 80


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: "", "none that can be read"),
        (lambda: "a.b.c", "none that can be read"),
        (lambda: make_token(lifetime_s=-600), "expired"),
        (lambda: make_token(audience="else"), "not for Sigstore"),
        (lambda: make_token(age_s=-3600), "clock is wrong"),
    ],
)
def test_a_token_that_is_none_is_told_and_not_shown(
    trust: Trust, make: Callable[[], str], why: str
) -> None:
    # why not made beforehand: it would grow old while other tests run.
    token = make()
    with pytest.raises(TokenError, match=why) as caught:
        KeylessSigner(trust, token)
    assert not token or token not in str(caught.value)


OTHERS = [
    (Identity.exactly(identity="someone@example.org", issuer=ISSUER), "someone@example.org"),
    (Identity.exactly(identity=IDENTITY, issuer="https://id.example.org"), "id.example.org"),
    (Identity.named(identity="https://forge[.]", issuer=ISSUER, pattern=True), "forge[.]"),
]


@pytest.mark.parametrize(("expected", "named"), OTHERS)
def test_a_token_of_somebody_else_is_sent_nowhere(
    fake: FakeSigstore,
    trust: Trust,
    layout: Layout,
    access: RegistryAccess,
    expected: Identity,
    named: str,
) -> None:
    index = (layout.path / "index.json").read_bytes()
    token = make_token(secret="planted-secret")
    with pytest.raises(TokenError) as caught:
        sign(
            str(layout.path),
            KeylessSigner(trust, token),
            access,
            now=datetime.now(UTC),
            records=None,
            expected=expected,
        )
    assert named in caught.value.message
    assert IDENTITY in caught.value.message
    assert ISSUER in caught.value.message
    assert not any(part in str(caught.value) for part in token.split("."))
    assert fake.tokens == []
    assert (layout.path / "index.json").read_bytes() == index


def test_who_signs_stands_in_the_build_record(
    fake: FakeSigstore, trust: Trust, layout: Layout, access: RegistryAccess, tmp_path: Path
) -> None:
    state = State(tmp_path / "state")
    record: dict[str, Any] = {
        "format": RECORD_FORMAT,
        "image": {"digest": str(layout.digest), "platforms": []},
        "signer": {"identity": ".*@example[.]org", "pattern": True, "issuer": ISSUER},
    }
    state.write_record(tmp_path / "app.toml", None, record)
    for identity in ("someone@example.org", IDENTITY):
        signer = KeylessSigner(trust, make_token(subject=identity))
        if identity == IDENTITY:
            with pytest.raises(TokenError, match=r"@example\[\.\]org"):
                sign(str(layout.path), signer, access, now=datetime.now(UTC), records=state)
        else:
            fake.identity = identity
            sign(str(layout.path), signer, access, now=datetime.now(UTC), records=state)
    assert len(set(fake.tokens)) == 1


def test_a_certificate_for_another_name_than_the_token_told_is_not_attached(
    fake: FakeSigstore, trust: Trust, layout: Layout, access: RegistryAccess
) -> None:
    fake.identity = "https://forge.example/else"
    index = (layout.path / "index.json").read_bytes()
    with pytest.raises(TokenError, match=r"the certificate is for https://forge\.example/else"):
        sign(
            str(layout.path),
            KeylessSigner(trust, make_token()),
            access,
            now=datetime.now(UTC),
            records=None,
            expected=TEAM,
        )
    assert (layout.path / "index.json").read_bytes() == index


def test_services_that_refuse_or_hang_are_told(fake: FakeSigstore, trust: Trust) -> None:
    token = make_token(secret="planted-secret")
    fake.status = 500
    with pytest.raises(SigningServiceError) as caught:
        KeylessSigner(trust, token).sign(signature_of(IMAGE))
    assert token not in str(caught.value)
    fake.status, fake.delay_s = 201, 2
    begin = time.monotonic()
    with pytest.raises(SigningServiceError, match="not answered"):
        KeylessSigner(trust, token, limit_s=0.1).sign(signature_of(IMAGE))
    assert time.monotonic() - begin < 2


def test_tokens_come_from_a_file_a_variable_or_nowhere(trust: Trust, tmp_path: Path) -> None:
    place = tmp_path / "token"
    place.write_text("from-file\n")
    environ = {"SIGSTORE_ID_TOKEN": "from-variable"}
    assert find_token(environ, file=place, trust=trust, interactive=False) == "from-file"
    assert find_token(environ, trust=trust, interactive=False) == "from-variable"
    with pytest.raises(TokenError, match="No such file"):
        find_token(environ, file=tmp_path / "none", trust=trust, interactive=False)


@pytest.fixture
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GCP"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_ci")
def test_what_is_wrong_with_a_token_is_known_before_anything_is_built(fake: FakeSigstore) -> None:
    def check(*, interactive: bool = False, **environ: str) -> None:
        check_token(environ, expected=TEAM, interactive=interactive)

    check(SIGSTORE_ID_TOKEN=make_token())
    check(interactive=True)
    for token, why in (
        (make_token(lifetime_s=-600), "expired"),
        (make_token(subject="else"), "names"),
        ("a.b.c", "none that can be read"),
    ):
        with pytest.raises(TokenError, match=why):
            check(SIGSTORE_ID_TOKEN=token, interactive=True)
    with pytest.raises(TokenError, match="no terminal"):
        check()
    assert fake.tokens == []


@pytest.mark.usefixtures("no_ci")
def test_no_token_and_no_terminal_is_told(trust: Trust) -> None:
    with pytest.raises(TokenError, match="no terminal"):
        find_token({}, trust=trust, interactive=False)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"mediaType": "x"}', b"[]", b"\xff"])
def test_a_trust_file_that_is_none_is_told(tmp_path: Path, data: bytes) -> None:
    place = tmp_path / "root.json"
    place.write_bytes(data)
    with pytest.raises(UsageError, match="is no trust"):
        Trust(file=place).trusted_root()


def test_a_root_that_lacks_a_part_is_told(fake: FakeSigstore, tmp_path: Path, trust: Trust) -> None:
    place = tmp_path / "root.json"
    place.write_text(json.dumps({**fake.trusted_root(), "tlogs": []}))
    verdict = judged(Trust(file=place), signed(trust))
    assert isinstance(verdict, Refused)
    assert verdict.fault is Fault.CANT_TELL


def test_answers_have_codes_of_their_own() -> None:
    codes = [BadSignatureError.exit_code, CantTellError.exit_code, WrongSignerError.exit_code]
    assert codes == [12, 14, 11]
