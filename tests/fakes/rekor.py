"""A transparency log in this process, Rekor of version 1 and 2: each entry is the second of two."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import urllib.parse
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHM = ec.ECDSA(hashes.SHA256())
ENTRY = "0" * 64
"""The name of every entry of version 1."""
_FIRST_LEAF = hashlib.sha256(b"\0first").digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def spki(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@dataclass(frozen=True, kw_only=True)
class FakeLog:
    """It goes by the key `known` and signs with `key`; its clock is `clock_s` seconds ahead."""

    url: str
    known: ec.EllipticCurvePrivateKey
    key: ec.EllipticCurvePrivateKey
    clock_s: int = 0

    @property
    def _id(self) -> bytes:
        return hashlib.sha256(spki(self.known.public_key())).digest()

    def enter(self, proposed: dict[str, Any]) -> dict[str, Any]:
        """The entry that a client of version 1 proposes."""
        envelope = proposed["spec"]["proposedContent"]["envelope"]
        verifier = proposed["spec"]["proposedContent"]["verifiers"][0]
        document = json.loads(envelope)
        payload = base64.b64decode(document["payload"])
        body = json.dumps(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": _hash(envelope.encode()),
                    "payloadHash": _hash(payload),
                    "signatures": [
                        {"signature": document["signatures"][0]["sig"], "verifier": verifier}
                    ],
                },
            },
            separators=(",", ":"),
        ).encode()
        root, checkpoint = self._checkpoint(body)
        entry = {
            "body": b64(body),
            "integratedTime": int(time.time()) + self.clock_s,
            "logID": self._id.hex(),
            "logIndex": 1,
        }
        promise = self.key.sign(
            json.dumps(entry, sort_keys=True, separators=(",", ":")).encode(), ALGORITHM
        )
        proof = {
            "checkpoint": checkpoint,
            "hashes": [_FIRST_LEAF.hex()],
            "logIndex": 1,
            "rootHash": root.hex(),
            "treeSize": 2,
        }
        verification = {"inclusionProof": proof, "signedEntryTimestamp": b64(promise)}
        return {ENTRY: {**entry, "verification": verification}}

    def enter_hash(self, proposed: dict[str, Any]) -> dict[str, Any]:
        """The same of version 2, which tells no time."""
        request = proposed["hashedRekordRequestV002"]
        data = {"algorithm": "SHA2_256", "digest": request["digest"]}
        entry = {"hashedRekordV002": {"data": data, "signature": request["signature"]}}
        body = json.dumps(
            {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": entry},
            sort_keys=True,
            separators=(",", ":"),
        ).encode()
        root, checkpoint = self._checkpoint(body)
        return {
            "logIndex": "1",
            "logId": {"keyId": b64(self._id)},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "integratedTime": "0",
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": b64(root),
                "treeSize": "2",
                "hashes": [b64(_FIRST_LEAF)],
                "checkpoint": {"envelope": checkpoint},
            },
            "canonicalizedBody": b64(body),
        }

    def _checkpoint(self, body: bytes) -> tuple[bytes, str]:
        """The root and the checkpoint of a tree whose second leaf this is.

        Clients look a log up by the name that it signs by, the host of its URL.
        """
        name = urllib.parse.urlsplit(self.url).hostname
        leaf = hashlib.sha256(b"\0" + body).digest()
        root = hashlib.sha256(b"\1" + _FIRST_LEAF + leaf).digest()
        note = f"{name} - 1\n2\n{b64(root)}\n"
        signature = self._id[:4] + self.key.sign(note.encode(), ALGORITHM)
        return root, f"{note}\n\u2014 {name} {b64(signature)}\n"


def _hash(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}
