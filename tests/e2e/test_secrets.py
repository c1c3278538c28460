"""Secrets are planted wherever commands read them, and looked for wherever commands write."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Cli, Outcome
from tests.fakes.registry import BASIC, PASSWORD, USER, FakeRegistry, Handler, serving
from tests.fakes.sigstore import IDENTITY, ISSUER, FakeSigstore, make_token, serving_sigstore

_PASSPHRASE, _WRONG = "planted-passphrase-7f3a", "wrong-planted-1b2d"
_TOKEN, _EXPIRED = "planted-token-91c4", "planted-expired-5e02"
# why: what a program was started with is told by the interpreter itself.
_SPY = """
import sys

def hear(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        with open({log!r}, "a") as file:
            file.write(repr(arguments[:2]) + "\\n")

sys.addaudithook(hear)
"""


@dataclass
class Planted:
    """A user whose secrets are in files and in the environment, and all that commands write.

    `said` is what they printed, `folder` where their files are, `log` the arguments of programs.
    """

    cli: Cli
    folder: Path
    log: Path
    secrets: list[str]
    said: list[Outcome] = field(default_factory=list)

    def run(self, *arguments: str | Path, code: int = 0, **environ: str) -> Outcome:
        outcome = self.cli(
            *arguments,
            PYTHONPATH=f"{self.folder / 'spy'}:{ROOT}",
            XDG_STATE_HOME=str(self.folder / "written/state"),
            REGISTRY_AUTH_FILE=str(self.folder / "auth.json"),
            **environ,
        )
        assert outcome.exit_code == code, (arguments, outcome)
        self.said.append(outcome)
        return outcome

    def texts(self, registry: FakeRegistry, sigstore: FakeSigstore) -> Iterator[bytes]:
        """All that was written, the payloads of bundles too."""
        for outcome in self.said:
            yield f"{outcome.stdout}{outcome.stderr}".encode()
        yield self.log.read_bytes()
        yield from registry.blobs.values()
        yield from (data for _, data in registry.manifests.values())
        yield from (path.read_bytes() for path in _files(self.folder / "written"))

    def find(self, texts: list[bytes]) -> list[str]:
        """The beginnings of the secrets that are in one of the texts."""
        texts += [
            base64.b64decode(json.loads(text)["dsseEnvelope"]["payload"])
            for text in texts
            if b'"dsseEnvelope"' in text[:4096]
        ]
        everything = b"\n".join(texts)
        return [secret[:16] for secret in self.secrets if _shown(secret, everything)]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _shown(secret: str, text: bytes) -> bool:
    data = secret.encode()
    forms = {data, base64.b64encode(data).rstrip(b"="), data.hex().encode()}
    return any(form in text for form in forms)


@pytest.fixture
def planted(cli: Cli, tmp_path: Path) -> Planted:
    (tmp_path / "spy").mkdir()
    log = tmp_path / "arguments"
    (tmp_path / "spy/sitecustomize.py").write_text(_SPY.format(log=str(log)))
    (tmp_path / "passphrase").write_text(f"{_PASSPHRASE}\nthe rest\n")
    (tmp_path / "token").write_text(make_token(secret=_TOKEN))
    (tmp_path / "expired").write_text(make_token(secret=_EXPIRED, lifetime_s=-900))
    secrets = [_PASSPHRASE, _WRONG, _TOKEN, _EXPIRED, PASSWORD, BASIC.removeprefix("Basic ")]
    for name in ("token", "expired"):
        secrets += (tmp_path / name).read_text().split(".")[1:]
    planted = Planted(cli=cli, folder=tmp_path, log=log, secrets=secrets)
    planted.run(
        *("key", "generate", "-o", tmp_path / "team", "--json"), NIXGEN_KEY_PASSPHRASE=_PASSPHRASE
    )
    planted.run(
        *("key", "generate", "-o", tmp_path / "other", "--passphrase-file", tmp_path / "passphrase")
    )
    planted.run("key", "generate", "-o", tmp_path / "open")
    for name in ("team", "other", "open"):
        lines = (tmp_path / f"{name}.key").read_text().splitlines()
        secrets += [line for line in lines if not line.startswith("-----")]
    return planted


@pytest.fixture
def registry(planted: Planted) -> Iterator[FakeRegistry]:
    with serving(auth="bearer") as fake:
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        auths = {fake.host: {"auth": login}}
        (planted.folder / "auth.json").write_text(json.dumps({"auths": auths}))
        yield fake


def _echo(handler: Handler) -> None:
    """What a badly made service does: repeats what it was sent, where that is a secret."""
    if "Authorization" not in handler.headers:
        handler.behave()
        return
    handler.read_body()
    handler.refuse(400, "MANIFEST_INVALID", f"you sent {handler.headers.get('Authorization')}")


def _by_key(planted: Planted, project: Path, name: str) -> Path:
    """Everything that is done with a key, well and badly; the place of the image."""
    image, key = planted.folder / "written/image.oci", planted.folder / "team.key"
    by_file = ("--passphrase-file", planted.folder / "passphrase")
    kept = planted.folder / "written/bundles"
    verify = ("--key", planted.folder / "team.pub")
    build = ("image", project, "-o", image, "--sign", "--key", key)
    planted.run(*build, "--record", "--json", "-v", code=2, NIXGEN_KEY_PASSPHRASE=_WRONG)
    planted.run(*build, "--record", "-v", "--push", name, NIXGEN_KEY_PASSPHRASE=_PASSPHRASE)
    planted.run(*build, "--json", "--attach", "closure", *by_file)
    planted.run("sign", image, "--key", key, *by_file, "--bundles", kept, "--json")
    planted.run("sign", image, "--key", key, code=2)
    planted.run("sign", image, "--key", key, code=2, COSIGN_PASSWORD=_WRONG)
    planted.run("sign", image, "--key", planted.folder / "passphrase", code=2)
    (planted.folder / "open.key").chmod(0o644)
    warned = planted.run("sign", image, "--key", planted.folder / "open.key")
    assert "chmod 600" in warned.stderr
    planted.run("verify", image, "--key", key, code=2)
    planted.run("verify", image, "--policy", key, code=2)
    planted.run("verify", name, *verify, "--json")
    planted.run("verify", name, *verify, "--emit-policy")
    planted.run("pull", name, "-o", planted.folder / "written/pulled.oci", "--verify", *verify)
    planted.run("copy", image, f"{name}-copied")
    planted.run("inspect", f"{name}-copied", "--json")
    planted.run("provenance", project, "-o", planted.folder / "written/provenance.json", "-v")
    return image


def _without_key(
    planted: Planted, fake: FakeSigstore, project: Path, image: Path, name: str
) -> None:
    trust = fake.write_trust_config(planted.folder / "trust.json")
    keyless = ("--keyless", "--trust-config", trust, "--json")
    token = (planted.folder / "token").read_text()
    planted.run("sign", image, *keyless, SIGSTORE_ID_TOKEN=token)
    planted.run("sign", name, *keyless, "--identity-token", planted.folder / "token")
    build = ("image", project, "-o", planted.folder / "written/keyless.oci", "--sign", *keyless)
    planted.run(*build, "--record", "-v", "--attach", "provenance", SIGSTORE_ID_TOKEN=token)
    planted.run(*build, "--record", code=2, SIGSTORE_ID_TOKEN=token[:-3] + "!")
    assert set(fake.tokens) == {f"Bearer {token}"}
    planted.run("sign", image, *keyless, code=2, SIGSTORE_ID_TOKEN=token[:-3] + "!")
    planted.run("sign", image, *keyless, "--identity-token", planted.folder / "expired", code=2)
    planted.run("sign", image, *keyless, "--identity-token", planted.folder / "team.key", code=2)
    fake.status = 403
    planted.run("sign", image, *keyless, "--renew", code=5, SIGSTORE_ID_TOKEN=token)
    planted.run(
        *("verify", image, "--identity", IDENTITY, "--issuer", ISSUER, "--trusted-root", trust)
    )
    planted.run("verify", image, "--key", planted.folder / "team.pub", "--trusted-root", trust)


def _badly_served(planted: Planted, registry: FakeRegistry, image: Path, name: str) -> None:
    by_file = ("--passphrase-file", planted.folder / "passphrase")
    signing = ("sign", name, "--key", planted.folder / "other.key", *by_file, "--json")
    registry.misbehave("GET", "/manifests/", _echo, times=100)
    told = planted.run("verify", name, "--key", planted.folder / "open.pub", "--json", code=5)
    assert "you sent Bearer" in told.stdout
    registry.rules.clear()
    registry.misbehave("PUT", "/manifests/", _echo, times=100)
    planted.run(*signing, code=5)
    planted.run("copy", image, f"{name}-again", code=5)
    registry.rules.clear()
    planted.run("pull", name, "-o", planted.folder / "written/echoed.oci")
    registry.auth = "basic"
    registry.misbehave("GET", "/manifests/", _echo, times=100)
    told = planted.run("pull", name, "-o", planted.folder / "written/none.oci", code=5)
    assert "you sent Basic" in told.stderr
    registry.rules.clear()
    auths = {registry.host: {"auth": base64.b64encode(f"{USER}:{_WRONG}".encode()).decode()}}
    (planted.folder / "auth.json").write_text(json.dumps({"auths": auths}))
    planted.run("pull", name, "-o", planted.folder / "written/none.oci", code=5)
    planted.run(*signing, code=5)


def test_no_secret_is_in_anything_that_is_written(
    planted: Planted, registry: FakeRegistry, project: Path
) -> None:
    name = f"{registry.host}/team/app:v1"
    with serving_sigstore() as sigstore:
        image = _by_key(planted, project, name)
        _without_key(planted, sigstore, project, image, f"{name}-copied")
    _badly_served(planted, registry, image, f"{name}-copied")
    planted.secrets += registry.tokens
    texts = list(planted.texts(registry, sigstore))
    assert b"nix" in planted.log.read_bytes()
    assert planted.find(texts) == []
    planted.secrets.append(IDENTITY)
    assert planted.find([*texts]) == [IDENTITY[:16]]
