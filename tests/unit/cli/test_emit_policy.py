"""`nixgen verify --emit-policy`: its result, and mistakes in its call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from nixgen.attest.keys import KeyPair, generate
from nixgen.attest.signing import SIGNATURE_TYPE
from nixgen.cli.main import app
from tests.fakes.kyverno_schema import SCHEMA
from tests.fakes.sigstore import FakeSigstore
from tests.unit.attest.admissions import GITHUB, RELEASE, SHOP


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return generate(tmp_path / "team", None)


def invoke(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["verify", *map(str, arguments), "--emit-policy"])
    return done.exit_code, done.stdout, done.stderr


def test_the_command_prints_yaml_or_json_and_asks_nobody(pair: KeyPair) -> None:
    # why: no registry has that name, so that looking would fail.
    image = "registry.invalid/team/shop:1"
    code, text, _ = invoke(image, "--key", pair.public_path)
    assert code == 0
    document = yaml.safe_load(text)
    jsonschema.validate(document, SCHEMA)
    code, text, _ = invoke(image, "--key", pair.public_path, "--json")
    assert (code, json.loads(text)) == (0, document)


def test_the_command_takes_the_trusted_root_out_of_a_trust_configuration(tmp_path: Path) -> None:
    fake = FakeSigstore(url="https://sigstore.example")
    place = fake.write_trust_config(tmp_path / "trust.json")
    who = ("--identity", RELEASE, "--issuer", GITHUB)
    code, text, told = invoke(str(SHOP), *who, "--trusted-root", place)
    assert code == 0, told
    (attestor,) = yaml.safe_load(text)["spec"]["attestors"]
    assert json.loads(attestor["cosign"]["trustedRoot"]["value"]) == fake.trusted_root()


def test_the_command_takes_signers_and_demands_of_a_policy_file(
    pair: KeyPair, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text(
        f"""
        signers = 2
        [[signer]]
        key = "{pair.public_path.name}"
        [[signer]]
        identity = "{RELEASE}"
        issuer = "{GITHUB}"
        [[predicate]]
        type = "https://example.org/audit/v1"
        """
    )
    code, text, told = invoke(str(SHOP), "--policy", tmp_path / "policy.toml")
    assert code == 0, told
    spec = yaml.safe_load(text)["spec"]
    assert [each["name"] for each in spec["attestors"]] == ["key1", "identity2"]
    assert [each["intoto"]["type"] for each in spec["attestations"]] == [
        SIGNATURE_TYPE,
        "https://example.org/audit/v1",
    ]
    assert spec["validations"][0]["expression"].endswith(">= 2)")
    (tmp_path / "policy.toml").write_text('max-age = "1d"\n')
    code, text, _ = invoke(
        *(str(SHOP), "--policy", tmp_path / "policy.toml", "--key", pair.public_path, "--json")
    )
    (problem,) = json.loads(text)["error"]["problems"]
    assert (code, problem["key"]) == (2, "max-age")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("IMAGE",), "--key FILE.pub, --identity and --issuer"),
        (("IMAGE", "--identity", "x"), "nothing without the issuer"),
        (("IMAGE", "--key", "KEY", "--resolve"), "--resolve says nothing"),
        (("IMAGE", "--key", "KEY", "--plain-http"), "--plain-http says nothing"),
        (("IMAGE", "--key", "KEY", "--staging"), "name its --trusted-root FILE"),
        (("./shop.oci", "--key", "KEY"), "is on this machine"),
        (("IMAGE", "--identity-pattern", "(a)\\1", "--issuer", "i"), "a reference back"),
        (("IMAGE", "--identity-pattern", "a(", "--issuer", "i"), "no regular expression"),
        (("IMAGE", "--identity", "", "--issuer", "i"), "--identity is empty"),
        (("IMAGE", "--identity", "i", "--issuer", "i", "--trusted-root", "KEY"), "no trusted root"),
    ],
)
def test_a_mistake_in_the_call_is_told(
    pair: KeyPair, arguments: Sequence[str], message: str
) -> None:
    words = {"KEY": str(pair.public_path), "IMAGE": str(SHOP)}
    code, out, told = invoke(*(words.get(each, each) for each in arguments))
    assert (code, out) == (2, "")
    assert message in told


def test_a_key_on_another_curve_is_not_taken(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    place = tmp_path / "other.pub"
    place.write_bytes(
        ec.generate_private_key(ec.SECP384R1())
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    code, out, told = invoke(str(SHOP), "--key", place)
    assert (code, out) == (2, "")
    assert "P-256" in told
