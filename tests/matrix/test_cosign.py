"""cosign 3 verifies what nixgen signs, and nixgen what cosign signs; by key and keylessly."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nixgen.attest.admission import Demands, make_admission_policy
from nixgen.attest.certificates import Identity, Wanted
from nixgen.attest.errors import WrongSignerError
from nixgen.attest.judging import Judges, KeyJudge
from nixgen.attest.keyless import KeylessSigner
from nixgen.attest.keys import PublicKey, generate, load_private, load_public
from nixgen.attest.policy import Policy
from nixgen.attest.signing import KeySigner
from nixgen.attest.statement import Subject, make_statement
from nixgen.attest.trust import Trust
from nixgen.pipeline.publish import RegistryAccess
from nixgen.pipeline.signing import sign
from nixgen.pipeline.verifying import verify
from nixgen.registry import ImageReference, push
from tests.e2e.conftest import Cli, Outcome
from tests.fakes.registry import serving
from tests.fakes.sigstore import IDENTITY, ISSUER, FakeSigstore, make_token, serving_sigstore
from tests.fakes.timestamping import FakeTimestamping
from tests.layouts import Layout
from tests.prepared import PREPARED
from tests.unit.registry.images import make_layout, stored

pytestmark = pytest.mark.matrix

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KIND = "https://example.org/audit/v1"
Cosign = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cosign(tmp_path: Path) -> Cosign:
    program = PREPARED / "cosign/cosign"
    assert program.exists(), "run tests/setup/cosign, or `make test-all`"

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments],
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "COSIGN_PASSWORD": ""},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def access(tmp_path: Path) -> RegistryAccess:
    return RegistryAccess(environ={"HOME": str(tmp_path)})


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path / "made", platforms=("linux/amd64", "linux/arm64"))


@pytest.fixture(params=[True, False], ids=["interface", "tag"])
def name(request: pytest.FixtureRequest, layout: Layout, access: RegistryAccess) -> Iterator[str]:
    with serving(referrers_api=request.param) as fake:
        found = f"{fake.host}/team/app:v1"
        with access.open(ImageReference.parse(found)) as registry:
            push(stored(layout), registry)
        yield found


def test_cosign_verifies_a_signature_and_a_statement_by_key(
    name: str, layout: Layout, access: RegistryAccess, cosign: Cosign, tmp_path: Path
) -> None:
    pair, other = generate(tmp_path / "team", None), generate(tmp_path / "other", None)
    signer = KeySigner(key=load_private(pair.private_path, None))
    statement = make_statement([Subject(name="app", digest=layout.digest)], KIND, {"passed": True})
    sign(name, signer, access, now=NOW, records=None, statements=[statement])
    options = ("--insecure-ignore-tlog", "--allow-http-registry", name)
    good = cosign("verify", "--key", pair.public_path, *options)
    assert good.returncode == 0, good.stderr
    assert str(layout.digest) in good.stdout
    assert cosign("verify", "--key", other.public_path, *options).returncode != 0
    good = cosign("verify-attestation", "--type", KIND, "--key", pair.public_path, *options)
    assert good.returncode == 0, good.stderr


def test_nixgen_verifies_what_cosign_signs_by_key(
    registry: str, layout: Layout, access: RegistryAccess, cosign: Cosign, tmp_path: Path
) -> None:
    name = f"{registry}/team/cosign:v1"
    with access.open(ImageReference.parse(name)) as opened:
        push(stored(layout), opened)
    pair, other = generate(tmp_path / "team", None), generate(tmp_path / "other", None)
    made = cosign("import-key-pair", "--key", pair.private_path, "--output-key-prefix", "imported")
    assert made.returncode == 0, made.stderr
    pinned = f"{name.rpartition(':')[0]}@{layout.digest}"
    (tmp_path / "predicate.json").write_text('{"passed": true}')
    options = (
        *("--key", "imported.key", "--tlog-upload=false", "--use-signing-config=false"),
        *("--new-bundle-format=true", "--allow-http-registry", "-y", pinned),
    )
    signed = cosign("sign", *options)
    assert signed.returncode == 0, signed.stderr
    attested = cosign("attest", "--type", KIND, "--predicate", "predicate.json", *options)
    assert attested.returncode == 0, attested.stderr
    public = load_private(pair.private_path, None).public
    findings = verify(name, Judges(keys=KeyJudge(keys=[public])), access).findings
    assert findings.signatures
    assert [e.statement.predicate for e in findings.about(layout.digest, KIND)] == [
        {"passed": True}
    ]
    foreign = load_private(other.private_path, None).public
    with pytest.raises(WrongSignerError):
        verify(name, Judges(keys=KeyJudge(keys=[foreign])), access)


@pytest.fixture(params=[1, 2], ids=["rekor-1", "rekor-2"])
def fake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeSigstore]:
    with serving_sigstore() as fake:
        if request.param == 2:
            (tmp_path / "tsa").mkdir()
            fake.timestamping = FakeTimestamping(tmp_path / "tsa")
        yield fake


def test_nixgen_verifies_what_cosign_signs_keylessly(
    registry: str,
    layout: Layout,
    access: RegistryAccess,
    cosign: Cosign,
    cli: Cli,
    fake: FakeSigstore,
    tmp_path: Path,
) -> None:
    name = f"{registry}/team/keyless-{fake.url.rpartition(':')[2]}:v1"
    with access.open(ImageReference.parse(name)) as opened:
        push(stored(layout), opened)
    (tmp_path / "root.json").write_text(json.dumps(fake.trusted_root()))
    (tmp_path / "services.json").write_text(json.dumps(fake.trust_config()["signingConfig"]))
    (tmp_path / "token").write_text(make_token())
    (tmp_path / "predicate.json").write_text('{"passed": true}')
    options: tuple[str | Path, ...] = (
        *("--signing-config", "services.json", "--trusted-root", "root.json"),
        *("--identity-token", tmp_path / "token", "--allow-http-registry", "-y"),
        f"{name.rpartition(':')[0]}@{layout.digest}",
    )
    signed = cosign("sign", *options)
    assert signed.returncode == 0, signed.stderr
    attested = cosign("attest", "--type", KIND, "--predicate", "predicate.json", *options)
    assert attested.returncode == 0, attested.stderr

    def verified(identity: str, issuer: str, *more: str | Path) -> Outcome:
        who = ("--identity", identity, "--issuer", issuer, "--trusted-root", tmp_path / "root.json")
        return cli("verify", name, "--json", *who, *more)

    passed = 'where = [{ field = "passed", equals = true }]'
    (tmp_path / "policy.toml").write_text(
        f'max-age = "1d"\n[[predicate]]\ntype = "{KIND}"\n{passed}\n'
    )
    good = verified(IDENTITY, ISSUER, "--policy", tmp_path / "policy.toml")
    assert good.exit_code == 0, good.stderr
    assert good.document["reference"].endswith(str(layout.digest))
    assert good.document["rejected"] == []
    for identity, issuer in ((f"{IDENTITY}x", ISSUER), (IDENTITY, f"{ISSUER}.org")):
        assert verified(identity, issuer).exit_code == 11


def test_cosign_verifies_a_signature_and_a_statement_made_keylessly(
    name: str,
    layout: Layout,
    access: RegistryAccess,
    cosign: Cosign,
    fake: FakeSigstore,
    tmp_path: Path,
) -> None:
    trust = Trust(file=fake.write_trust_config(tmp_path / "trust.json"))
    root = tmp_path / "root.json"
    root.write_text(json.dumps(fake.trusted_root()))
    statement = make_statement([Subject(name="app", digest=layout.digest)], KIND, {"passed": True})
    signer = KeylessSigner(trust, make_token())
    sign(name, signer, access, now=NOW, records=None, statements=[statement])
    options = ("--trusted-root", root, "--allow-http-registry", "--certificate-oidc-issuer", ISSUER)
    for asked in (("verify",), ("verify-attestation", "--type", KIND)):
        good = cosign(*asked, "--certificate-identity", IDENTITY, *options, name)
        assert good.returncode == 0, good.stderr
        bad = cosign(*asked, "--certificate-identity", f"{IDENTITY}x", *options, name)
        assert bad.returncode != 0


def test_what_an_admission_policy_says_holds_for_cosign_by_which_kyverno_verifies(
    name: str, access: RegistryAccess, cosign: Cosign, tmp_path: Path
) -> None:
    pair, other = generate(tmp_path / "team", None), generate(tmp_path / "other", None)
    with serving_sigstore() as fake:
        trust = Trust(file=fake.write_trust_config(tmp_path / "trust.json"))
        sign(name, KeylessSigner(trust, make_token()), access, now=NOW, records=None)
    signer = KeySigner(key=load_private(pair.private_path, None))
    sign(name, signer, access, now=NOW, records=None)
    trusted_root = trust.trusted_root_json()
    assert trusted_root is not None
    (tmp_path / "root.json").write_text(trusted_root)

    def holds(named: PublicKey | str) -> bool:
        key = isinstance(named, PublicKey)
        who = () if key else (pattern_of(named),)
        demands = Demands(keys=[named] if key else [], identities=who, policy=Policy())
        spec = make_admission_policy(ImageReference.parse(name), demands)["spec"]
        kind = spec["attestations"][0]["intoto"]["type"]
        cosigned = spec["attestors"][0]["cosign"]
        if key:
            (tmp_path / "policy.pub").write_text(cosigned["key"]["data"])
            options: tuple[str | Path, ...] = ("--key", "policy.pub", "--insecure-ignore-tlog")
        else:
            (one,) = cosigned["keyless"]["identities"]
            options = (
                *("--trusted-root", "root.json", "--certificate-oidc-issuer", one["issuer"]),
                *("--certificate-identity-regexp", one["subjectRegExp"]),
            )
        asked = ("verify-attestation", "--type", kind, "--allow-http-registry", *options, name)
        return cosign(*asked).returncode == 0

    def pattern_of(text: str) -> Identity:
        return Identity(identity=Wanted(text=text, pattern=True), issuer=Wanted(text=ISSUER))

    assert holds(load_public(pair.public_path))
    assert not holds(load_public(other.public_path))
    assert holds(r"https://forge\.example/team/app/.*@refs/heads/[a-z]+")
    assert not holds(r"https://forge\.example/team/app/")
    assert not holds(r"forge\.example.*")
