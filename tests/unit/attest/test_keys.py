"""Key files: made once, private, read strictly, silent about what they hold."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from nixgen.attest.errors import KeyFileError
from nixgen.attest.keys import generate, is_encrypted, load_private, load_public

SECRET = b"correct horse"


@pytest.mark.parametrize("passphrase", [None, SECRET])
def test_a_pair_signs_and_verifies(tmp_path: Path, passphrase: bytes | None) -> None:
    pair = generate(tmp_path / "team", passphrase)
    assert stat.S_IMODE(pair.private_path.stat().st_mode) == 0o600
    assert is_encrypted(pair.private_path) is (passphrase is not None)
    key, public = load_private(pair.private_path, passphrase), load_public(pair.public_path)
    assert key.public.hint == public.hint
    assert key.warning is None
    signature = key.sign(b"data")
    assert public.verifies(b"data", signature)
    assert not public.verifies(b"dat\0", signature)
    assert not public.verifies(b"data", b"no signature")


@pytest.mark.parametrize("there", ["team.key", "team.pub"])
def test_keys_are_not_written_over(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_bytes(b"precious")
    with pytest.raises(KeyFileError, match="not written over"):
        generate(tmp_path / "team", None)
    assert [each.name for each in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_bytes() == b"precious"


def test_a_key_that_others_may_read_is_warned_of(tmp_path: Path) -> None:
    pair = generate(tmp_path / "team", None)
    pair.private_path.chmod(0o644)
    assert "chmod 600" in (load_private(pair.private_path, None).warning or "")


@pytest.mark.parametrize(
    ("passphrase", "why"),
    [(b"hunter-2", "passphrase is wrong"), (None, "no passphrase"), (b"", "no")],
)
def test_a_wrong_passphrase_is_told_and_not_shown(
    tmp_path: Path, passphrase: bytes | None, why: str
) -> None:
    pair = generate(tmp_path / "team", SECRET)
    with pytest.raises(KeyFileError, match=why) as caught:
        load_private(pair.private_path, passphrase)
    assert "hunter" not in str(caught.value)
    assert "--passphrase-file" in (caught.value.hint or "")
    assert caught.value.__cause__ is None


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\0",
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(ed25519.Ed25519PrivateKey.generate()),
        b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n",
        b"x" * 100_000,
    ],
)
def test_what_is_no_key_of_ours_is_refused(tmp_path: Path, data: bytes) -> None:
    place = tmp_path / "x.key"
    place.write_bytes(data)
    with pytest.raises(KeyFileError, match=str(place)):
        load_private(place, SECRET)
    with pytest.raises(KeyFileError, match=str(place)):
        load_public(place)


def test_a_private_key_does_not_show_itself(tmp_path: Path) -> None:
    pair = generate(tmp_path / "team", None)
    assert "EllipticCurve" not in repr(load_private(pair.private_path, None))
    with pytest.raises(KeyFileError, match="is a private key"):
        load_public(pair.private_path)


def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    for load in (load_public, is_encrypted):
        with pytest.raises(KeyFileError, match="No such file"):
            load(tmp_path / "none")
