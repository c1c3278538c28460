"""Key pairs in files: PKCS#8 and SubjectPublicKeyInfo, both PEM.

ECDSA on P-256 is made. Private keys may be encrypted (PKCS#8, PBES2). Nothing here puts a key or a
passphrase into a message.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nixgen.attest.errors import KeyFileError
from nixgen.errors import MachineError

LONGEST_PASSPHRASE = 1023
"""In bytes: what OpenSSL takes."""
_LARGEST_BYTES = 64 << 10
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_COSIGN_OWN = (b"ENCRYPTED SIGSTORE PRIVATE KEY", b"ENCRYPTED COSIGN PRIVATE KEY")
_WORDS = "it is the first line of --passphrase-file, else NIXGEN_KEY_PASSPHRASE"
_KINDS = "keys are ECDSA on P-256: nixgen key generate -o NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key to verify by. `name` is the file as the user named it, `der` its SPKI."""

    name: str
    der: bytes
    key: ec.EllipticCurvePublicKey = field(repr=False, compare=False)

    @property
    def hint(self) -> str:
        """How bundles name it: the SHA-256 of its SPKI in base64, as cosign does."""
        return base64.b64encode(hashlib.sha256(self.der).digest()).decode("ascii")

    @property
    def fingerprint(self) -> str:
        """How people name it: `SHA256:` and that digest in hexadecimal."""
        return f"SHA256:{hashlib.sha256(self.der).hexdigest()}"

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Whether the signature (ECDSA of the SHA-256, DER) is this key's over the data."""
        try:
            self.key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateKey:
    """A key to sign with. `warning` says what is unsafe about its file, if anything is."""

    public: PublicKey
    key: ec.EllipticCurvePrivateKey = field(repr=False, compare=False)
    warning: str | None = None

    def sign(self, data: bytes) -> bytes:
        """An ECDSA signature of the SHA-256 of the data, DER."""
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """Where `generate` put a pair, and the public one."""

    private_path: Path
    public_path: Path
    public: PublicKey


def generate(name: Path, passphrase: bytes | None) -> KeyPair:
    """Make `NAME.key` (mode 0600, encrypted with a passphrase) and `NAME.pub`.

    Raises KeyFileError where one of them is there or `name` names no file, and for a passphrase
    that is too long; MachineError where they can't be written.
    """
    if name.name in ("", ".."):
        raise KeyFileError(f"{str(name)!r} names no file", hint="such as -o team, or -o keys/team")
    private_path, public_path = (Path(f"{name}{suffix}") for suffix in (".key", ".pub"))
    for place in (private_path, public_path):
        if place.is_symlink() or place.exists():
            raise KeyFileError(
                f"{place} is there, and keys are not written over",
                hint="name another place with -o, or move it away",
            )
    if passphrase and len(passphrase) > LONGEST_PASSPHRASE:
        raise KeyFileError(f"the passphrase is longer than {LONGEST_PASSPHRASE} bytes")
    key = ec.generate_private_key(ec.SECP256R1())
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else None
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        lock or serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _create(private_path, private, mode=0o600)
    try:
        _create(public_path, public, mode=0o644)
    except BaseException:
        private_path.unlink(missing_ok=True)
        raise
    return KeyPair(
        private_path=private_path,
        public_path=public_path,
        public=_public(key.public_key(), str(public_path)),
    )


def load_public(path: Path) -> PublicKey:
    """Read a public key; raises KeyFileError."""
    data = _read(path)
    if b"PRIVATE KEY-----" in data:
        raise KeyFileError(
            f"{path} is a private key; to verify takes the public one",
            hint=f"{path.with_suffix('.pub')}?",
        )
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path} is no public key in PEM", hint=_KINDS) from error
    return _public(key, str(path))


def is_encrypted(path: Path) -> bool:
    """Whether a private key wants a passphrase; raises KeyFileError."""
    return _ENCRYPTED in _read(path)


def load_private(path: Path, passphrase: bytes | None) -> PrivateKey:
    """Read a private key; `passphrase` is not looked at where the key is not encrypted.

    Raises KeyFileError, also where the passphrase is wrong or wanted and missing.
    """
    data = _read(path)
    if any(mark in data for mark in _COSIGN_OWN):
        raise KeyFileError(
            f"{path} is in cosign's own format of keys, which others can't read",
            hint="make the key here and give it to cosign: cosign import-key-pair --key NAME.key",
        )
    encrypted = _ENCRYPTED in data
    if encrypted and not passphrase:
        raise KeyFileError(
            f"{path} is encrypted, and no passphrase was given",
            hint="set NIXGEN_KEY_PASSPHRASE, or name a file with --passphrase-file",
        )
    try:
        key = serialization.load_pem_private_key(data, passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # why without the cause: no word of a parser that has seen the key goes anywhere.
        wrong = "the passphrase is wrong" if encrypted else "no private key in PKCS#8 PEM"
        hint = _WORDS if encrypted else _KINDS
        raise KeyFileError(f"{path}: {wrong}", hint=hint) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyFileError(f"{path} is a key of a kind not served", hint=_KINDS)
    public = _public(key.public_key(), str(path))
    return PrivateKey(public=public, key=key, warning=_too_open(path))


def _public(key: object, name: str) -> PublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyFileError(f"{name} is a key of a kind not served", hint=_KINDS)
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return PublicKey(name=name, der=der, key=key)


def _too_open(path: Path) -> str | None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & 0o077:
        return None
    return f"{path} may be read by others (mode {mode:04o}): chmod 600 {path}"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        hint = "nixgen key generate -o NAME  makes NAME.key and NAME.pub"
        raise KeyFileError(
            f"the key {path} can't be read: {error.strerror or error}",
            hint=hint if isinstance(error, FileNotFoundError) else None,
        ) from error
    except ValueError as error:
        raise KeyFileError(f"{str(path)!r} is no name of a file") from error
    if len(data) > _LARGEST_BYTES:
        raise KeyFileError(f"{path} is too large for a key")
    return data


def _create(path: Path, data: bytes, *, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
    except FileExistsError as error:
        raise KeyFileError(f"{path} is there, and keys are not written over") from error
    except OSError as error:
        raise MachineError(f"{path} can't be written: {error.strerror or error}") from error
