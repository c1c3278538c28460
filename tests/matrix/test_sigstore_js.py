"""The JavaScript client of Sigstore verifies what nixgen signs, and nixgen what it signs."""

from __future__ import annotations

import base64
import copy
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nixgen.attest.bundle import parse_bundle
from nixgen.attest.certificates import CertificateJudge, Identity, Wanted
from nixgen.attest.judging import Fault, Judge, Judges, KeyJudge, Refused, Signatory
from nixgen.attest.keyless import KeylessSigner
from nixgen.attest.keys import PublicKey, generate, load_private
from nixgen.attest.referring import read_attached
from nixgen.attest.signing import KeySigner, signature_of
from nixgen.attest.statement import PAYLOAD_TYPE, Subject, make_statement
from nixgen.attest.trust import Trust
from nixgen.digest import Digest
from nixgen.pipeline.copying import open_image
from nixgen.pipeline.publish import RegistryAccess
from nixgen.pipeline.signing import sign
from nixgen.registry import ImageReference, push
from tests.fakes.registry import serving
from tests.fakes.sigstore import IDENTITY, ISSUER, FakeSigstore, make_token, serving_sigstore
from tests.fakes.timestamping import FakeTimestamping
from tests.layouts import Layout
from tests.prepared import PREPARED
from tests.unit.attest.forgeries import altered_envelope, signed_wrongly
from tests.unit.registry.images import make_layout, stored

pytestmark = pytest.mark.matrix

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KIND = "https://example.org/audit/v1"
IMAGE = Digest.of_bytes(b"image")
TEAM = Identity(identity=Wanted(text=IDENTITY), issuer=Wanted(text=ISSUER))
Client = Callable[[dict[str, Any]], Any]


@pytest.fixture
def client() -> Client:
    packages = PREPARED / "sigstore-js/node_modules"
    assert packages.exists(), "run tests/setup/sigstore-js, or `make test-all`"
    node = shutil.which("node")
    assert node is not None

    def ask(question: dict[str, Any]) -> Any:
        done = subprocess.run(
            [node, Path(__file__).parent / "sigstore-js/client.cjs"],
            env={"NODE_PATH": str(packages)},
            input=json.dumps(question),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


@pytest.fixture(params=[1, 2], ids=["rekor-1", "rekor-2"])
def fake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeSigstore]:
    with serving_sigstore() as fake:
        if request.param == 2:
            (tmp_path / "tsa").mkdir()
            fake.timestamping = FakeTimestamping(tmp_path / "tsa")
        yield fake


@pytest.fixture
def trust(fake: FakeSigstore, tmp_path: Path) -> Trust:
    return Trust(file=fake.write_trust_config(tmp_path / "trust.json"))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path / "made", platforms=("linux/amd64", "linux/arm64"))


@pytest.fixture
def access(tmp_path: Path) -> RegistryAccess:
    return RegistryAccess(environ={"HOME": str(tmp_path)})


@pytest.fixture
def name(layout: Layout, access: RegistryAccess) -> Iterator[str]:
    with serving() as fake:
        found = f"{fake.host}/team/app:v1"
        with access.open(ImageReference.parse(found)) as registry:
            push(stored(layout), registry)
        yield found


def attached(name: str, access: RegistryAccess) -> list[str]:
    """The bundles that a registry has of an image."""
    with open_image(name, access) as source:
        return [each.data.decode() for each in read_attached(source)]


def by_key(key: PublicKey) -> dict[str, Any]:
    return {"key": {"hint": key.hint, "spki": base64.b64encode(key.der).decode()}}


def by_identity(fake: FakeSigstore, identity: str = IDENTITY) -> dict[str, Any]:
    return {"root": fake.trusted_root(), "identity": identity, "issuer": ISSUER}


def judged(judge: Judge, data: str) -> Signatory | Refused:
    try:
        return judge.judge(parse_bundle(data.encode()))
    except ValueError as error:
        return Refused(fault=Fault.BAD, reason=str(error))


def test_the_client_verifies_what_is_signed_by_key(
    name: str, layout: Layout, access: RegistryAccess, client: Client, tmp_path: Path
) -> None:
    key, other = (
        load_private(generate(tmp_path / each, None).private_path, None) for each in ("a", "b")
    )
    statement = make_statement([Subject(name="app", digest=layout.digest)], KIND, {"passed": True})
    sign(name, KeySigner(key=key), access, now=NOW, records=None, statements=[statement])
    bundles = attached(name, access)
    assert len(bundles) == 4
    assert client({"verify": bundles, **by_key(key.public)}) == [None] * 4
    foreign = {"key": {**by_key(other.public)["key"], "hint": key.public.hint}}
    assert None not in client({"verify": bundles, **foreign})


def test_the_client_verifies_what_is_signed_keylessly(
    name: str,
    layout: Layout,
    access: RegistryAccess,
    client: Client,
    fake: FakeSigstore,
    trust: Trust,
) -> None:
    statement = make_statement([Subject(name="app", digest=layout.digest)], KIND, {"passed": True})
    signer = KeylessSigner(trust, make_token())
    sign(name, signer, access, now=NOW, records=None, statements=[statement])
    bundles = attached(name, access)
    assert len(bundles) == 4
    assert client({"verify": bundles, **by_identity(fake)}) == [None] * 4
    assert None not in client({"verify": bundles, **by_identity(fake, f"{IDENTITY}x")})
    assert None not in client(
        {"verify": bundles, **by_identity(fake), "issuer": "https://x.example"}
    )
    with serving_sigstore() as stranger:
        assert None not in client({"verify": bundles, **by_identity(stranger)})


def test_nixgen_verifies_what_the_client_signs_keylessly(client: Client, tmp_path: Path) -> None:
    # why not Rekor 2: there the client enters envelopes as a kind that sigstore for Python refuses.
    with serving_sigstore() as fake:
        trust = Trust(file=fake.write_trust_config(tmp_path / "trust.json"))
        bundle = client(
            {
                "sign": base64.b64encode(signature_of(IMAGE).data).decode(),
                "type": PAYLOAD_TYPE,
                "config": fake.trust_config()["signingConfig"],
                "token": make_token(),
            }
        )
    data = json.dumps(bundle)
    assert parse_bundle(data.encode()).statement().is_about(IMAGE)
    signatory = judged(CertificateJudge(trust, [TEAM]), data)
    assert isinstance(signatory, Signatory), signatory
    assert (signatory.identity, signatory.issuer) == (IDENTITY, ISSUER)
    other = Identity(identity=Wanted(text=f"{IDENTITY}x"), issuer=Wanted(text=ISSUER))
    verdict = judged(CertificateJudge(trust, [other]), data)
    assert isinstance(verdict, Refused)
    assert verdict.fault is Fault.WRONG_SIGNER


def test_nixgen_verifies_what_the_client_signs_by_key(client: Client, tmp_path: Path) -> None:
    pair = generate(tmp_path / "a", None)
    key, other = (
        load_private(each.private_path, None) for each in (pair, generate(tmp_path / "b", None))
    )
    bundle = client(
        {
            "sign": base64.b64encode(signature_of(IMAGE).data).decode(),
            "type": PAYLOAD_TYPE,
            "key": {"hint": key.public.hint, "pem": pair.private_path.read_text()},
        }
    )
    data = json.dumps(bundle)
    signatory = judged(Judges(keys=KeyJudge(keys=[key.public])), data)
    assert isinstance(signatory, Signatory), signatory
    assert parse_bundle(data.encode()).statement().is_about(IMAGE)
    verdict = judged(Judges(keys=KeyJudge(keys=[other.public])), data)
    assert isinstance(verdict, Refused)
    assert verdict.fault is Fault.WRONG_SIGNER


def test_neither_takes_what_was_altered_of_a_key_s(client: Client, tmp_path: Path) -> None:
    key, other = (
        load_private(generate(tmp_path / each, None).private_path, None) for each in ("a", "b")
    )
    bundles = [
        KeySigner(key=key).sign(signature_of(each)) for each in (IMAGE, Digest.of_bytes(b""))
    ]
    forged = [*altered_envelope(*bundles), *signed_wrongly(key, other, IMAGE)]
    answers = client({"verify": [data.decode() for _, data in forged], **by_key(key.public)})
    judge = Judges(keys=KeyJudge(keys=[key.public]))
    assert [n for n, data in forged if isinstance(judged(judge, data.decode()), Signatory)] == []
    # why not none: the client takes other spellings of what was signed, and other versions.
    taken = [json.loads(d) for (_, d), answer in zip(forged, answers, strict=True) if not answer]
    payloads = {base64.b64decode(each["dsseEnvelope"]["payload"]) for each in taken}
    assert payloads <= {signature_of(IMAGE).data}
    assert len(taken) < len(forged) / 2


def test_neither_takes_what_was_altered_of_an_identity_s(
    client: Client, fake: FakeSigstore, trust: Trust
) -> None:
    signer = KeylessSigner(trust, make_token())
    good, other = (signer.sign(signature_of(each)) for each in (IMAGE, Digest.of_bytes(b"")))
    timestamped = fake.timestamping is not None
    altered = dict(
        altered_material(json.loads(good.data), json.loads(other.data), timestamped=timestamped)
    )
    altered["a certificate of nobody's"] = signed_by(fake, trust, "ca")
    altered["a log entry of nobody's"] = signed_by(fake, trust, "log")
    bundles = [good.data.decode(), *altered.values()]
    answers = client({"verify": bundles, **by_identity(fake)})
    names = ["good", *altered]
    assert [n for n, answer in zip(names, answers, strict=True) if answer is None] == ["good"]
    judge = CertificateJudge(trust, [TEAM])
    taken = [isinstance(judged(judge, each), Signatory) for each in bundles]
    assert taken == [True] + [False] * len(altered)


def altered_material(
    whole: dict[str, Any], other: dict[str, Any], *, timestamped: bool
) -> Iterator[tuple[str, str]]:
    """A bundle with parts left out, exchanged and changed."""

    def edit(change: Callable[[Any, Any], object]) -> str:
        edited = copy.deepcopy(whole)
        change(edited, edited["verificationMaterial"])
        return json.dumps(edited)

    material = other["verificationMaterial"]
    yield "another's envelope", edit(lambda b, m: b.update(dsseEnvelope=other["dsseEnvelope"]))
    yield "another's entry", edit(lambda b, m: m.update(tlogEntries=material["tlogEntries"]))
    yield "no entry", edit(lambda b, m: m.pop("tlogEntries"))
    yield "no proof", edit(lambda b, m: m["tlogEntries"][0].pop("inclusionProof"))
    yield "another payload", edit(lambda b, m: b["dsseEnvelope"].update(payload="e30="))
    yield "another type", edit(lambda b, m: b["dsseEnvelope"].update(payloadType="text/plain"))
    if timestamped:
        yield "no timestamp", edit(lambda b, m: m.pop("timestampVerificationData"))
        stamps = material["timestampVerificationData"]
        yield (
            "another's timestamp",
            edit(lambda b, m: m.update(timestampVerificationData=stamps)),
        )
    else:
        entry = material["tlogEntries"][0]
        promise = entry["inclusionPromise"]
        yield (
            "another's promise",
            edit(lambda b, m: m["tlogEntries"][0].update(inclusionPromise=promise)),
        )
        later = str(int(entry["integratedTime"]) + 3600)
        yield "another time", edit(lambda b, m: m["tlogEntries"][0].update(integratedTime=later))


def signed_by(fake: FakeSigstore, trust: Trust, wrong: str) -> str:
    """A bundle for which one of the services used a key of its own."""
    fake.wrong = wrong
    data = KeylessSigner(trust, make_token()).sign(signature_of(IMAGE)).data
    fake.wrong = None
    return data.decode()
