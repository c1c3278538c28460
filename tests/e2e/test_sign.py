"""Signing and verifying from the command line, against a real registry and a Sigstore here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import EXAMPLES, BuildExample, Cli, error_of
from tests.fakes.sigstore import IDENTITY, ISSUER, make_token, serving_sigstore

PASSPHRASE = "planted-passphrase-7f3a"
_POLICY = """
sbom = true
builders = ["urn:nixgen:local-builder:v1"]
forbid-packages = [{forbidden}]

[[signer]]
key = "team.pub"
"""


@pytest.fixture
def keys(cli: Cli, tmp_path: Path) -> Path:
    """The folder of two pairs, `team` and `other`, with one passphrase."""
    for name in ("team", "other"):
        made = cli("key", "generate", "-o", tmp_path / name, NIXGEN_KEY_PASSPHRASE=PASSPHRASE)
        assert made.exit_code == 0, made.stderr
        assert "ENCRYPTED" in (tmp_path / f"{name}.key").read_text()
    return tmp_path


def test_an_image_is_built_signed_pushed_verified_and_pulled(
    build_example: BuildExample, cli: Cli, registry: str, keys: Path, tmp_path: Path
) -> None:
    project = build_example("http-c").project
    name = f"{registry}/team/signed"
    made = cli(
        *("image", project, "-o", tmp_path / "i.oci", "--push", name, "--json", "-q"),
        *("--sign", "--key", keys / "team.key"),
        NIXGEN_KEY_PASSPHRASE=PASSPHRASE,
    )
    assert made.exit_code == 0, made.stderr
    digest = made.document["digest"]
    kinds = {each["predicate_type"] for each in made.document["signed"]["attached"]}
    assert {kind.split("/")[2] for kind in kinds} == {"sigstore.dev", "slsa.dev", "spdx.dev"}

    verified = cli("verify", name + ":1.0.0", "--key", keys / "team.pub", "--json")
    assert verified.exit_code == 0, verified.stderr
    assert verified.document["verified"] is True
    assert verified.document["reference"] == f"{name}@{digest}"
    resolved = cli("verify", name + ":1.0.0", "--key", keys / "team.pub", "--resolve")
    assert resolved.stdout == f"{name}@{digest}\n"

    for forbidden, code in (('"perl"', 0), ('"http-c*", "*"', 13)):
        (keys / "policy.toml").write_text(_POLICY.format(forbidden=forbidden))
        judged = cli("verify", name + ":1.0.0", "--policy", keys / "policy.toml", "--json")
        assert judged.exit_code == code, judged.stdout
    assert error_of(judged)["kind"] == "policy"

    place = tmp_path / "pulled.oci"
    other = cli("pull", name + ":1.0.0", "-o", place, "--verify", "--key", keys / "other.pub")
    assert (other.exit_code, place.exists()) == (11, False)
    pulled = cli("pull", name + ":1.0.0", "-o", place, "--verify", "--key", keys / "team.pub")
    assert pulled.exit_code == 0, pulled.stderr
    assert cli("verify", place, "--key", keys / "team.pub").exit_code == 0


def test_answers_have_exit_codes_of_their_own(built: Path, cli: Cli, keys: Path) -> None:
    unsigned = cli("verify", built, "--key", keys / "team.pub", "--json")
    assert (unsigned.exit_code, error_of(unsigned)["kind"]) == (10, "not-signed")
    signed = cli("sign", built, "--key", keys / "team.key", NIXGEN_KEY_PASSPHRASE=PASSPHRASE)
    assert signed.exit_code == 0, signed.stderr
    wrong = cli("verify", built, "--key", keys / "other.pub", "--json")
    assert (wrong.exit_code, error_of(wrong)["kind"]) == (11, "wrong-signer")
    blob = max((built / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    data = blob.read_bytes()
    # why: the layer cache and other images may have the same file.
    blob.unlink()
    blob.write_bytes(data[:-1])
    bad = cli("verify", built, "--key", keys / "team.pub", "--json")
    assert (bad.exit_code, error_of(bad)["kind"]) == (12, "bad-signature")


def test_the_description_says_how_to_sign(
    project: Path, cli: Cli, keys: Path, tmp_path: Path
) -> None:
    description = project / "app.toml"
    text = description.read_text()
    description.write_text(f'{text}\n[sign]\nattach = ["provenance"]\nkey = "{keys}/team.key"\n')
    made = cli(
        *("image", project, "-o", tmp_path / "i.oci", "--sign", "--json", "-q"),
        NIXGEN_KEY_PASSPHRASE=PASSPHRASE,
    )
    assert made.exit_code == 0, made.stderr
    kinds = {each["predicate_type"].split("/")[2] for each in made.document["signed"]["attached"]}
    assert kinds == {"sigstore.dev", "slsa.dev"}
    assert cli("verify", tmp_path / "i.oci", "--key", keys / "team.pub").exit_code == 0


def test_the_description_says_who_signs_and_whose_word_counts(
    project: Path, cli: Cli, keys: Path, tmp_path: Path
) -> None:
    description, place = project / "app.toml", tmp_path / "i.oci"
    text = description.read_text()
    who = f'[sign]\nattach = []\nissuer = "{ISSUER}"\nidentity = "{IDENTITY}"\n'
    pattern = "identity-pattern = 'https://forge[.]example/team/app/.*'"
    description.write_text(f'{text}\n{who}[profile.other.sign]\nidentity = "me@example.org"\n')
    (project / "tags.toml").write_text(f"{text}\n{who.rpartition('identity')[0]}{pattern}\n")
    with serving_sigstore() as fake:
        trust = fake.write_trust_config(tmp_path / "trust.json")
        call = ("image", project, "-o", place, "--sign", "--trust-config", trust, "--json", "-q")
        other = cli(*call, "--profile", "other", SIGSTORE_ID_TOKEN=make_token())
        assert (other.exit_code, error_of(other)["kind"], fake.tokens) == (2, "token", [])
        assert "me@example.org" in error_of(other)["message"]
        # why: a build that can't be signed is not begun.
        assert not place.exists()
        made = cli(*call, SIGSTORE_ID_TOKEN=make_token())
        assert made.exit_code == 0, made.stderr
    by = ("--app", description, "--trusted-root", trust)
    assert cli("verify", place, *by).exit_code == 0
    assert cli("verify", place, *by, "--profile", "other").exit_code == 11
    by = ("--app", project / "tags.toml", "--trusted-root", trust)
    assert cli("verify", place, *by).exit_code == 0
    described = tmp_path / "keys.toml"
    described.write_text(f'[app]\nname = "x"\n[sign]\nkey = "{keys}/team.key"\n')
    assert cli("verify", place, "--app", described).exit_code == 11
    described.write_text('[app]\nname = "x"\n')
    nobody = cli("verify", place, "--app", described)
    assert (nobody.exit_code, "names nobody" in nobody.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "IMAGE", "--profile", "x"), "--app app.toml"),
        (("verify", "IMAGE"), "whose signature"),
        (("verify", "IMAGE", "--identity", "x"), "without the issuer"),
        (("verify", "IMAGE", "--key", "none.pub"), "none.pub"),
        (("sign", "IMAGE"), "one of --key and --keyless"),
        (("sign", "IMAGE", "--predicate", "a.json"), "--predicate-type URI"),
        (("sign", "IMAGE", "--platform", "linux/amd64"), "--predicate-type URI"),
        (("sign", "IMAGE", "--predicate", "a", "--predicate-type", "a:b"), "No such file"),
        (("sign", "IMAGE", "--key", "a.key", "--keyless"), "one of --key and --keyless"),
        (("sign", "IMAGE", "--key", "a.key", "--renew"), "--renew goes with --keyless"),
        (("pull", "host.example/app", "--key", "x.pub"), "verifies nothing"),
        (("image", "IMAGE", "--key", "a.key"), "goes with --sign"),
        (("image", "IMAGE", "--sign", "--keyless", "-f", "oci-archive"), "OCI layouts"),
    ],
)
def test_a_wrong_call_is_told(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    image = str(EXAMPLES / "site")
    done = cli(*(image if part == "IMAGE" else part for part in arguments), cwd=tmp_path)
    assert done.exit_code == 2
    assert message in done.stderr


def test_help_and_check_do_not_pay_for_signing(cli: Cli) -> None:
    for command in ("sign", "verify", "key", "pull"):
        assert cli(command, "--help").exit_code == 0
