"""Judging bundles signed keylessly: a short-lived certificate for an identity, and a log entry.

The cryptography is `sigstore`'s; whose word counts is decided here, after it.
https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cryptography import x509

from nixgen.attest.bundle import Bundle
from nixgen.attest.errors import CantTellError
from nixgen.attest.judging import Fault, Refused, Signatory
from nixgen.attest.trust import Trust
from nixgen.attest.validity import valid_at
from nixgen.errors import UsageError
from nixgen.regexes import check_regex
from nixgen.strictjson import load_object

if TYPE_CHECKING:
    from sigstore.models import Bundle as SigstoreBundle
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier

    from nixgen.spec.model import Sign

_ISSUER_OLD = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_REPOSITORY = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.12")
_OTHER_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
_UTF8_STRING = 0x0C


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A text, exactly, or with `pattern` a regular expression for all of it."""

    text: str
    pattern: bool = False

    def __post_init__(self) -> None:
        if self.pattern:
            try:
                check_regex(self.text)
            except ValueError as error:
                raise UsageError(f"{self.text!r} is no regular expression: {error}") from error

    def matches(self, value: str | None) -> bool:
        """Whether a value is what is wanted."""
        if value is None:
            return False
        return bool(re.fullmatch(self.text, value)) if self.pattern else value == self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who may sign: an identity, and the issuer that has to vouch for it."""

    identity: Wanted
    issuer: Wanted

    @classmethod
    def exactly(cls, *, identity: str, issuer: str) -> Identity:
        """The one identity of that name."""
        return cls.named(identity=identity, issuer=issuer)

    @classmethod
    def named(cls, *, identity: str, issuer: str, pattern: bool = False) -> Identity:
        """The identity of that name, or those that match it, of one issuer."""
        return cls(identity=Wanted(text=identity, pattern=pattern), issuer=Wanted(text=issuer))

    def __str__(self) -> str:
        return f"{self.issuer.text} {self.identity.text}"


def identity_of(sign: Sign) -> Identity | None:
    """The identity that signs an app by its description, None where none is named."""
    text = sign.identity or sign.identity_pattern
    if text is None or sign.issuer is None:
        return None
    return Identity.named(identity=text, issuer=sign.issuer, pattern=sign.identity is None)


class CertificateJudge:
    """Accepts what one of several identities has signed; see `Judge`."""

    def __init__(self, trust: Trust, identities: Sequence[Identity]) -> None:
        self._trust = trust
        # why in this order: one who is named is counted as that, a pattern is left for the others.
        self._identities = sorted(identities, key=_is_pattern)

    @cached_property
    def _root(self) -> TrustedRoot | Refused:
        # why a refusal is kept too: what can't be had is not asked for with each bundle.
        try:
            return self._trust.trusted_root()
        except CantTellError as error:
            return Refused(fault=Fault.CANT_TELL, reason=error.message)

    @cached_property
    def _verifier(self) -> Verifier | Refused:
        from sigstore.errors import Error
        from sigstore.verify import Verifier

        if isinstance(self._root, Refused):
            return self._root
        try:
            return Verifier(trusted_root=self._root)
        except Error as error:
            return Refused(fault=Fault.CANT_TELL, reason=f"the trusted root lacks a part: {error}")

    def judge(self, bundle: Bundle) -> Signatory | Refused:
        """See `Judge`; raises UsageError for a wrong file."""
        verifier, root = self._verifier, self._root
        if isinstance(verifier, Refused):
            return verifier
        if isinstance(root, Refused):
            return root
        try:
            signatory = _verify(root, verifier, bundle)
        except Exception as error:
            # why all: what a stranger's certificate or proof does to a parser is his doing.
            return Refused(fault=Fault.BAD, reason=f"{type(error).__name__}: {error}"[:500])
        for wanted in self._identities:
            if wanted.identity.matches(signatory.identity) and wanted.issuer.matches(
                signatory.issuer
            ):
                return replace(signatory, entry=str(wanted))
        return Refused(fault=Fault.WRONG_SIGNER, reason=f"signed by {signatory}"[:500])


def _is_pattern(identity: Identity) -> bool:
    return identity.identity.pattern or identity.issuer.pattern


class _AnyIdentity:
    """The policy that `sigstore` asks of a certificate: none, whose word counts comes after it."""

    def verify(self, cert: x509.Certificate) -> None:
        """Let it pass."""


def _verify(root: TrustedRoot, verifier: Verifier, bundle: Bundle) -> Signatory:
    """Who signed; raises whatever is raised where it does not hold.

    `verifier` is the one by all of the root.
    """
    from sigstore.models import Bundle as SigstoreBundle

    read = SigstoreBundle.from_json(bundle.data)
    times = _times(bundle, read)
    # why all times that are told: of those that prove nothing, more can only leave less valid.
    verifier = _verifier_at(root, verifier, times)
    kind, payload = verifier.verify_dsse(read, _AnyIdentity())
    if (kind, payload) != (bundle.envelope.payload_type, bundle.envelope.payload):
        raise ValueError("two readers of the bundle see two payloads")
    certificate = read.signing_certificate
    extensions = {each.oid: each.value for each in certificate.extensions}
    identity, issuer = read_subject(certificate)
    return Signatory(
        entry="",
        identity=identity,
        issuer=issuer,
        source_repository=_text(extensions.get(_REPOSITORY)),
        # why the earliest: one that the verifier passed over could only make it older.
        time=min(times, default=None),
    )


def read_subject(certificate: x509.Certificate) -> tuple[str, str | None]:
    """Whom a certificate names, and the issuer that vouched; raises ValueError."""
    extensions = {each.oid: each.value for each in certificate.extensions}
    issuer = _text(extensions.get(_ISSUER)) or _raw(extensions.get(_ISSUER_OLD))
    return _subject(certificate), issuer


def _verifier_at(root: TrustedRoot, verifier: Verifier, times: Sequence[datetime]) -> Verifier:
    """A verifier by what of the root was valid at these times."""
    from sigstore.errors import Error
    from sigstore.verify import Verifier

    then = valid_at(root, times)
    try:
        return verifier if then is root else Verifier(trusted_root=then)
    except Error as error:
        raise ValueError(f"no longer or not yet trusted when it was signed: {error}") from error


def _subject(certificate: x509.Certificate) -> str:
    """The one name of a certificate; raises ValueError where there is not exactly one."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found: list[str] = []
    for name in names:
        if isinstance(name, x509.RFC822Name | x509.UniformResourceIdentifier):
            found.append(name.value)
        elif isinstance(name, x509.OtherName) and name.type_id == _OTHER_NAME:
            found.append(_utf8(name.value))
        else:
            raise ValueError("the certificate names its subject in an unknown way")
    if len(found) != 1:
        raise ValueError("the certificate does not have exactly one subject")
    return found[0]


def _times(bundle: Bundle, read: SigstoreBundle) -> list[datetime]:
    """When it was signed, by each log entry and timestamp that tells.

    The verifier checks those that count, and that there is at least one.
    """
    material: Any = load_object(bundle.data)["verificationMaterial"]
    times = [
        datetime.fromtimestamp(int(entry["integratedTime"]), tz=UTC)
        for entry in material.get("tlogEntries", [])
        if entry.get("inclusionPromise") and int(entry.get("integratedTime", 0))
    ]
    stamps = read.verification_material.timestamp_verification_data
    return times + [
        each.tst_info.gen_time for each in (stamps.rfc3161_timestamps if stamps else ())
    ]


def _text(value: x509.ExtensionType | None) -> str | None:
    return _utf8(value.value) if isinstance(value, x509.UnrecognizedExtension) else None


def _raw(value: x509.ExtensionType | None) -> str | None:
    return value.value.decode() if isinstance(value, x509.UnrecognizedExtension) else None


def _utf8(der: bytes) -> str:
    """A DER UTF8String of less than 64 KiB; raises ValueError."""
    if len(der) < 2 or der[0] != _UTF8_STRING:
        raise ValueError("an extension of the certificate is no text")
    start, length = 2, der[1]
    if length & 0x80:
        count = length & 0x7F
        start, length = 2 + count, int.from_bytes(der[2 : 2 + count], "big")
    if not der[1] <= 0x82 or len(der) != start + length:
        raise ValueError("an extension of the certificate has a wrong length")
    return der[start:].decode("utf-8")
