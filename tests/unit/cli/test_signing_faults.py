"""What can go wrong when images are signed and verified, as the command line tells it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nixgen.attest.keys import KeyPair, generate
from nixgen.cli.main import app
from nixgen.oci.layout import NEW_INDEX
from nixgen.pipeline.publish import RegistryAccess
from tests.fakes.registry import FakeRegistry, serving
from tests.fakes.sigstore import FakeSigstore, make_token, serving_sigstore
from tests.layouts import Layout
from tests.unit.attest.conftest import pushed
from tests.unit.registry.images import make_layout

_CI = ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "SIGSTORE_ID_TOKEN", "GCP")
Invoke = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return generate(tmp_path / "team", None)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path / "made")


@pytest.fixture
def fake() -> Iterator[FakeSigstore]:
    with serving_sigstore() as fake:
        yield fake


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs a command on no terminal, in an environment that knows nobody."""
    for name in (*_CI, "COSIGN_PASSWORD", "NIXGEN_KEY_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(*arguments: str | Path, **environ: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, list(map(str, arguments)), env=environ)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


def test_no_token_and_no_terminal(invoke: Invoke, layout: Layout) -> None:
    code, _, told = invoke("sign", layout.path, "--keyless", "--only-signature")
    assert code == 2
    assert "no token, no CI that gives one, and no terminal" in told
    assert "SIGSTORE_ID_TOKEN" in told


@pytest.mark.parametrize(
    ("age_s", "why"),
    [(7200, "has expired, or the clock is wrong"), (-7200, "not valid yet: the clock is wrong")],
)
def test_a_token_that_has_expired_and_a_clock_that_is_wrong(
    invoke: Invoke, layout: Layout, fake: FakeSigstore, tmp_path: Path, age_s: int, why: str
) -> None:
    trust = fake.write_trust_config(tmp_path / "trust.json")
    call = ("sign", layout.path, "--keyless", "--only-signature", "--trust-config", trust)
    code, _, told = invoke(*call, SIGSTORE_ID_TOKEN=make_token(age_s=age_s))
    assert code == 2
    assert why in told
    assert fake.tokens == []


def test_a_key_that_others_may_read_is_warned_of_and_signs(
    invoke: Invoke, layout: Layout, pair: KeyPair
) -> None:
    pair.private_path.chmod(0o640)
    call = ("sign", layout.path, "--key", pair.private_path, "--only-signature", "--json")
    code, out, told = invoke(*call)
    assert code == 0
    assert f"warning: {pair.private_path} may be read by others (mode 0640): chmod 600" in told
    assert json.loads(out)["attached"]


def test_a_wrong_passphrase_and_none(invoke: Invoke, layout: Layout, tmp_path: Path) -> None:
    encrypted = generate(tmp_path / "encrypted", b"right")
    call = ("sign", layout.path, "--key", encrypted.private_path, "--only-signature")
    code, _, told = invoke(*call, NIXGEN_KEY_PASSPHRASE="wrong-1b2d")
    assert (code, "the passphrase is wrong" in told, "wrong-1b2d" in told) == (2, True, False)
    code, _, told = invoke(*call)
    assert (code, "no passphrase was given" in told, "NIXGEN_KEY_PASSPHRASE" in told) == (
        2,
        True,
        True,
    )


def refuse(fake: FakeRegistry, status: int) -> None:
    """Take no manifest any more, as a registry that knows images only."""
    fake.misbehave(
        "PUT", "/manifests/", lambda handler: handler.refuse(status, "UNSUPPORTED"), times=100
    )


@pytest.mark.parametrize("referrers_api", [True, False])
@pytest.mark.parametrize("status", [400, 405, 415, 422])
def test_a_registry_that_refuses_artifacts(
    invoke: Invoke, layout: Layout, pair: KeyPair, tmp_path: Path, referrers_api: bool, status: int
) -> None:
    with serving(referrers_api=referrers_api) as fake:
        name = pushed(fake, layout, RegistryAccess(environ={"HOME": str(tmp_path)}))
        refuse(fake, status)
        folder = tmp_path / "bundles"
        call = ("sign", name, "--key", pair.private_path, "--only-signature", "--bundles", folder)
        code, _, told = invoke(*call)
        assert code == 5
        assert "does not take the signature" in told
        assert "--bundles DIR" in told
        verify = ("verify", name, "--key", pair.public_path)
        assert invoke(*verify)[0] == 10
        # why: that is the way out which the hint names.
        assert invoke(*verify, "--bundles", folder)[0] == 0


@pytest.mark.parametrize("version", ["0.1", "0.2", "0.4", "1.0"])
def test_a_bundle_of_an_unknown_version(
    invoke: Invoke, layout: Layout, pair: KeyPair, tmp_path: Path, version: str
) -> None:
    folder = tmp_path / "bundles"
    index = (layout.path / "index.json").read_bytes()
    call = ("sign", layout.path, "--key", pair.private_path, "--only-signature")
    assert invoke(*call, "--bundles", folder)[0] == 0
    (layout.path / "index.json").write_bytes(index)
    (place,) = folder.glob("*/*")
    place.write_bytes(
        re.sub(rb"bundle\.v0\.3\+json", f"bundle.v{version}+json".encode(), place.read_bytes())
    )
    code, _, told = invoke("verify", layout.path, "--key", pair.public_path, "--bundles", folder)
    assert code == 12
    assert (
        f"a bundle of an unknown version: 'application/vnd.dev.sigstore.bundle.v{version}" in told
    )


def test_mistakes_of_a_policy_are_told_all_at_once(
    invoke: Invoke, layout: Layout, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'signers = 0\nmax-age = "soon"\nsbomm = true\n[[signer]]\nkey = "a.pub"\nissuer = "x"\n'
    )
    code, out, told = invoke("verify", layout.path, "--policy", policy)
    assert (code, out) == (2, "")
    assert [
        line.partition(": ")[0] for line in told.splitlines() if line.startswith(str(policy))
    ] == [f"{policy}:{line}" for line in (1, 2, 3, 4)]
    assert 'did you mean "sbom"?' in told


@pytest.mark.parametrize("named", ["team.pub", "./team.pub"])
def test_signers_that_can_never_be_are_a_mistake(
    invoke: Invoke, layout: Layout, pair: KeyPair, tmp_path: Path, named: str
) -> None:
    (tmp_path / "team.pub").write_bytes(pair.public_path.read_bytes())
    policy = tmp_path / "policy.toml"
    policy.write_text(f'signers = 2\n[[signer]]\nkey = "{named}"\n')
    call = ("verify", layout.path, "--policy", policy)
    code, _, told = invoke(*call, "--key", pair.public_path)
    assert code == 2
    assert "demands 2 signers, of whom 1 are named" in told
    named_too = ("--identity", "a@example.org", "--issuer", "https://id.example.org")
    assert invoke(*call, *named_too)[0] == 10


def test_a_layout_that_can_not_be_written_is_told_with_the_way_out(
    invoke: Invoke, layout: Layout, pair: KeyPair, tmp_path: Path
) -> None:
    # why: what stands for a folder nobody may write to, which root always may.
    (layout.path / NEW_INDEX).mkdir()
    folder = tmp_path / "bundles"
    call = ("sign", layout.path, "--key", pair.private_path, "--only-signature")
    code, _, told = invoke(*call, "--bundles", folder)
    assert code == 3
    assert "the signatures can't be attached" in told
    assert "--bundles DIR" in told
    verify = ("verify", layout.path, "--key", pair.public_path, "--bundles")
    assert invoke(*verify, folder)[0] == 0
    code, _, told = invoke(*verify, tmp_path / "none")
    assert (code, "there is no folder" in told) == (2, True)


@pytest.mark.parametrize("name", ["", ".", "..", "keys/.."])
def test_a_key_needs_the_name_of_a_file(invoke: Invoke, tmp_path: Path, name: str) -> None:
    code, _, told = invoke("key", "generate", "-o", name)
    assert (code, "names no file" in told) == (2, True)


@pytest.mark.parametrize("option", ["identity", "identity-pattern", "issuer", "issuer-pattern"])
def test_nobody_has_an_empty_name(invoke: Invoke, layout: Layout, option: str) -> None:
    code, _, told = invoke("verify", layout.path, f"--{option}", "")
    assert (code, f"--{option} is empty" in told) == (2, True)


def test_an_artifact_is_no_image_to_sign(
    invoke: Invoke, layout: Layout, pair: KeyPair, tmp_path: Path
) -> None:
    with serving() as fake:
        name = pushed(fake, layout, RegistryAccess(environ={"HOME": str(tmp_path)}))
        call = ("--key", pair.private_path, "--only-signature")
        code, out, _ = invoke("sign", name, *call, "--json")
        assert code == 0
        referrer = json.loads(out)["attached"][0]["referrer"]
        pinned = f"{name.rpartition(':')[0]}@{referrer}"
        code, _, told = invoke("sign", pinned, *call)
    assert code == 2
    assert "is no image, but an artifact: application/vnd.dev.sigstore.bundle" in told
    assert f"it refers to {layout.digest}" in told


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--passphrase-file", "too long"),
        ("--identity-token", "no identity token"),
        ("--trust-config", "no trusted root"),
    ],
)
def test_a_file_without_an_end_is_not_read_to_its_end(
    invoke: Invoke, layout: Layout, tmp_path: Path, option: str, told: str
) -> None:
    encrypted = generate(tmp_path / "encrypted", b"right")
    by_key = option == "--passphrase-file"
    how = ("--key", encrypted.private_path) if by_key else ("--keyless",)
    token = {"SIGSTORE_ID_TOKEN": make_token()} if option == "--trust-config" else {}
    code, _, said = invoke(
        "sign", layout.path, "--only-signature", *how, option, "/dev/zero", **token
    )
    assert (code, told in said) == (2, True), said


def test_a_described_key_without_its_public_half_is_told(
    invoke: Invoke, layout: Layout, tmp_path: Path
) -> None:
    described = tmp_path / "app.toml"
    described.write_text('[app]\nname = "x"\n[sign]\nkey = "team.key"\n')
    code, _, told = invoke("verify", layout.path, "--app", described)
    assert code == 2
    assert "team.pub is not there to verify by" in told
    assert "--key FILE.pub" in told


def test_a_passphrase_that_no_key_takes_is_told(invoke: Invoke, tmp_path: Path) -> None:
    call = ("key", "generate", "-o", tmp_path / "long")
    code, _, told = invoke(*call, NIXGEN_KEY_PASSPHRASE="x" * 1024)
    assert (code, "longer than 1023 bytes" in told) == (2, True)
    assert invoke(*call, NIXGEN_KEY_PASSPHRASE="x" * 1023)[0] == 0
