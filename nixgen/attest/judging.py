"""Who signed a bundle, and whether it is one of those whose word counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from nixgen.attest.bundle import Bundle
from nixgen.attest.keys import PublicKey


class Fault(Enum):
    """Why a bundle does not count."""

    WRONG_SIGNER = "wrong-signer"
    BAD = "bad"
    CANT_TELL = "cant-tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A bundle that does not count, and why."""

    fault: Fault
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """Who signed: a key, or an identity that an issuer vouched for.

    `entry` tells which of those named it was counted as. `time` is when, where something that is
    trusted tells. `source_repository` is what the issuer
    says the signing workflow belongs to, where it says so.
    """

    entry: str
    key: str | None = None
    fingerprint: str | None = None
    identity: str | None = None
    issuer: str | None = None
    source_repository: str | None = None
    time: datetime | None = None

    def __str__(self) -> str:
        if self.fingerprint is not None:
            return f"key {self.key} ({self.fingerprint})"
        return f"{self.identity}, vouched for by {self.issuer}"

    def as_json(self) -> dict[str, Any]:
        """The signer as `--json` prints it."""
        return {
            "key": self.key,
            "fingerprint": self.fingerprint,
            "identity": self.identity,
            "issuer": self.issuer,
            "source_repository": self.source_repository,
            "time": None if self.time is None else self.time.isoformat(),
        }


class Judge(Protocol):
    """Says who signed a bundle."""

    def judge(self, bundle: Bundle) -> Signatory | Refused:
        """The signer, where the signature holds and the signer's word counts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyJudge:
    """Accepts what one of several keys has signed: the old one and the new, while keys change."""

    keys: Sequence[PublicKey]

    def judge(self, bundle: Bundle) -> Signatory | Refused:
        """See `Judge`. What a bundle says of its key is a hint: every key is tried."""
        for key in self.keys:
            if key.verifies(bundle.envelope.signed, bundle.envelope.signature):
                return Signatory(entry=key.fingerprint, key=key.name, fingerprint=key.fingerprint)
        named = [key for key in self.keys if key.hint == bundle.key_hint]
        if named:
            reason = f"the signature is not that of the key {named[0].name} over what it says"
            return Refused(fault=Fault.BAD, reason=reason)
        return Refused(
            fault=Fault.WRONG_SIGNER, reason=f"signed by another key (hint {bundle.key_hint!r:.80})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """Keys for bundles that keys signed, identities for those with a certificate; either may be no
    one.
    """

    keys: Judge | None = None
    certificates: Judge | None = None

    def judge(self, bundle: Bundle) -> Signatory | Refused:
        """See `Judge`."""
        by_key = bundle.certificate is None
        judge = self.keys if by_key else self.certificates
        if judge is None:
            what = "a key, and no key" if by_key else "a certificate, and no identity"
            return Refused(
                fault=Fault.WRONG_SIGNER, reason=f"signed by {what} was named to verify by"
            )
        return judge.judge(bundle)
