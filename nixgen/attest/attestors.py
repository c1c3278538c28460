"""Whose word counts, as Kyverno's attestors say it: one for each key and identity."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from cryptography.hazmat.primitives import serialization

from nixgen.attest.certificates import Identity, Wanted
from nixgen.attest.keys import PublicKey
from nixgen.attest.re2 import whole_re2

Refuse = Callable[[str, str], None]
"""Takes the key of what can't be said, and why."""

_LOG_URL = "https://rekor.sigstore.dev"


def make_attestors(
    keys: Sequence[PublicKey],
    identities: Sequence[Identity],
    refuse: Refuse,
    *,
    trusted_root: str | None,
) -> list[dict[str, Any]]:
    """An attestor for each; what is named twice is one."""
    made = [("key", _by_key(key)) for key in {key.der: key for key in keys}.values()]
    made += [
        ("identity", _by_identity(identity, refuse, trusted_root))
        for identity in dict.fromkeys(identities)
    ]
    return [
        {"name": f"{kind}{number}", "cosign": cosign}
        for number, (kind, cosign) in enumerate(made, start=1)
    ]


def refuse_alike(identities: Sequence[Identity], refuse: Refuse) -> None:
    """Refuse identities of which one signature may have two: Kyverno would count it twice."""
    for one, other in itertools.combinations(dict.fromkeys(identities), 2):
        if _may_be_one(one.issuer, other.issuer) and _may_be_one(one.identity, other.identity):
            refuse("signers", f"one signature could count twice, for {one} and for {other}")


def _by_key(key: PublicKey) -> dict[str, Any]:
    pem = key.key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # why no log: what a key signs has no entry in one. Kyverno 1.18 wants an address all the same.
    log = {"url": _LOG_URL, "insecureIgnoreTlog": True, "insecureIgnoreSCT": True}
    return {"key": {"data": pem.decode("ascii")}, "ctlog": log}


def _by_identity(identity: Identity, refuse: Refuse, trusted_root: str | None) -> dict[str, Any]:
    who = {
        **_matcher("issuer", "issuer", identity.issuer, refuse),
        **_matcher("subject", "identity", identity.identity, refuse),
    }
    attestor: dict[str, Any] = {"keyless": {"identities": [who]}}
    if trusted_root is not None:
        attestor["trustedRoot"] = {"value": trusted_root}
    return attestor


def _matcher(name: str, key: str, wanted: Wanted, refuse: Refuse) -> dict[str, str]:
    if not wanted.text:
        # why: there, what is empty matches everything.
        refuse(key, "it is empty")
    if not wanted.pattern:
        return {name: wanted.text}
    try:
        return {f"{name}RegExp": whole_re2(wanted.text)}
    except ValueError as error:
        refuse(f"{key}-pattern", f"{wanted.text!r} has {error}, which Go's patterns do not know")
        return {}


def _may_be_one(one: Wanted, other: Wanted) -> bool:
    """Whether some text may be what both want."""
    if one.pattern and other.pattern:
        return True
    return one.matches(other.text) if one.pattern else other.matches(one.text)
