"""Sigstore bundles: a signed statement with what it takes to verify it, in one file.

https://docs.sigstore.dev/about/bundle/, version 0.3. What a certificate, log entries and
timestamps prove is judged by the `sigstore` library; a bundle signed by a key names it by a hint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nixgen.attest.dsse import Envelope, decode_base64, only_keys, pae, parse_envelope
from nixgen.attest.keys import PrivateKey
from nixgen.attest.statement import PAYLOAD_TYPE, Statement, parse_statement
from nixgen.oci.image import canonical_json
from nixgen.strictjson import load_object

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_KNOWN_TYPES = frozenset({BUNDLE_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.3"})

LARGEST_BUNDLE_BYTES = 48 << 20
"""A bundle larger than this is not read: its statement is base64 of at most 32 MiB."""

_LARGEST_CERTIFICATE_BYTES = 64 << 10
_MATERIALS = ("publicKey", "certificate", "x509CertificateChain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle as far as it can be read without judging it; `data` are its bytes.

    One of `key_hint`, which may be empty, and `certificate`, DER, is there.
    """

    envelope: Envelope
    key_hint: str | None
    certificate: bytes | None
    data: bytes

    def statement(self) -> Statement:
        """What is signed; raises ValueError. Nothing of it is to be believed before a verdict."""
        if self.envelope.payload_type != PAYLOAD_TYPE:
            raise ValueError(f"the payload is no statement: {self.envelope.payload_type[:80]!r}")
        return parse_statement(self.envelope.payload)


def sign_statement(statement: Statement, key: PrivateKey) -> Bundle:
    """A bundle of a statement signed by a key; no network is needed."""
    signature = key.sign(pae(PAYLOAD_TYPE, statement.data))
    envelope = Envelope(payload_type=PAYLOAD_TYPE, payload=statement.data, signature=signature)
    document = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key.public.hint}},
        "dsseEnvelope": envelope.as_json(),
    }
    return parse_bundle(canonical_json(document))


def parse_bundle(data: bytes) -> Bundle:
    """Read a bundle strictly; raises ValueError saying what is wrong."""
    document = load_object(data, largest_bytes=LARGEST_BUNDLE_BYTES)
    kind = document.get("mediaType")
    if not isinstance(kind, str) or kind not in _KNOWN_TYPES:
        raise ValueError(f"a bundle of an unknown version: {str(kind)[:80]!r}")
    if "messageSignature" in document:
        raise ValueError("the bundle signs bytes and no statement")
    only_keys(document, {"mediaType", "verificationMaterial", "dsseEnvelope"}, "the bundle")
    hint, certificate = _parse_material(document.get("verificationMaterial"))
    return Bundle(
        envelope=parse_envelope(document.get("dsseEnvelope")),
        key_hint=hint,
        certificate=certificate,
        data=data,
    )


def _parse_material(material: Any) -> tuple[str | None, bytes | None]:
    if not isinstance(material, dict):
        raise ValueError("the bundle has no verificationMaterial")
    known = {*_MATERIALS, "tlogEntries", "timestampVerificationData"}
    only_keys(material, known, "verificationMaterial")
    if sum(name in material for name in _MATERIALS) != 1:
        raise ValueError("the bundle does not name exactly one key or certificate")
    if "publicKey" in material:
        key = material["publicKey"]
        hint = key.get("hint", "") if isinstance(key, dict) else None
        if not isinstance(hint, str):
            raise ValueError("publicKey has no hint")
        only_keys(key, {"hint"}, "publicKey")
        return hint, None
    if "x509CertificateChain" in material:
        raise ValueError("version 0.3 has one certificate and no chain")
    certificate = material["certificate"]
    if not isinstance(certificate, dict):
        raise ValueError("certificate is no object")
    only_keys(certificate, {"rawBytes"}, "certificate")
    der = decode_base64(certificate.get("rawBytes"), "the certificate")
    if not 0 < len(der) <= _LARGEST_CERTIFICATE_BYTES:
        raise ValueError("the certificate is empty or too large")
    return None, der
