"""DSSE envelopes: a payload, what it is, and one signature over both.

https://github.com/secure-systems-lab/dsse/blob/master/protocol.md and envelope.md. The format
allows several signatures; Sigstore bundles hold exactly one, and so does what is read here.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

_LARGEST_SIGNATURE_BYTES = 1 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """`payload` are the bytes that were signed, by way of `pae`."""

    payload_type: str
    payload: bytes
    signature: bytes

    @property
    def signed(self) -> bytes:
        """The bytes that the signature is over."""
        return pae(self.payload_type, self.payload)

    def as_json(self) -> dict[str, Any]:
        """The envelope as DSSE writes it."""
        return {
            "payload": _encode(self.payload),
            "payloadType": self.payload_type,
            "signatures": [{"sig": _encode(self.signature)}],
        }


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding of a payload and its type."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(document: Any) -> Envelope:
    """Read an envelope strictly; raises ValueError saying what is wrong."""
    if not isinstance(document, dict):
        raise ValueError("the DSSE envelope is no object")
    only_keys(document, {"payload", "payloadType", "signatures"}, "the DSSE envelope")
    signatures = document.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise ValueError("the DSSE envelope does not have exactly one signature")
    entry = signatures[0]
    if not isinstance(entry, dict):
        raise ValueError("a signature is no object")
    only_keys(entry, {"sig", "keyid"}, "the signature")
    if not isinstance(entry.get("keyid", ""), str):
        raise ValueError("the keyid is no text")
    signature = decode_base64(entry.get("sig"), "the signature")
    if not 0 < len(signature) <= _LARGEST_SIGNATURE_BYTES:
        raise ValueError("the signature is empty or too long")
    kind = document.get("payloadType")
    if not isinstance(kind, str) or not kind:
        raise ValueError("payloadType is no text")
    payload = decode_base64(document.get("payload"), "the payload")
    return Envelope(payload_type=kind, payload=payload, signature=signature)


def only_keys(document: dict[str, Any], known: set[str], what: str) -> None:
    """Raise ValueError where an object has a key that nobody here would look at."""
    unknown = sorted(set(document) - known)
    if unknown:
        raise ValueError(f"{what} has an unknown key: {unknown[0][:80]!r}")


def decode_base64(text: Any, what: str) -> bytes:
    """The bytes of standard base64, in the one form that they have; raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(f"{what} is no text")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{what} is no base64") from error
    if _encode(data) != text:
        raise ValueError(f"{what} is base64 in an unusual form")
    return data


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
