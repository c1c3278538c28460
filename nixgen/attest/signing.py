"""Signing images: the statement that is an image's signature, and who can sign statements.

The signature of an image is what cosign makes in its bundle format: a statement that says nothing
but which manifest it is about.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nixgen.attest.bundle import Bundle, parse_bundle, sign_statement
from nixgen.attest.certificates import Identity
from nixgen.attest.keys import PrivateKey
from nixgen.attest.referring import Attached, Referrer, make_referrer
from nixgen.attest.statement import Statement, Subject, make_statement
from nixgen.digest import Digest
from nixgen.oci.image import Descriptor
from nixgen.oci.opening import ImageSource, manifest_descriptor

SIGNATURE_TYPE = "https://sigstore.dev/cosign/sign/v1"


class Signer(Protocol):
    """Someone who can sign a statement."""

    @property
    def name(self) -> str:
        """Who it is, for people."""
        ...

    def expect(self, identity: Identity) -> None:
        """Have signatures only of that identity; raises UsageError where they would be another's.

        A key, which whoever calls has named, is nobody's identity.
        """
        ...

    def has_signed(self, bundle: Bundle) -> bool:
        """Whether a bundle is this signer's own, so that its statement need not be signed again."""
        ...

    def sign(self, statement: Statement) -> Bundle:
        """A bundle of the statement; raises NixgenError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySigner:
    """Signs with a key; needs no network."""

    key: PrivateKey

    @property
    def name(self) -> str:
        """See `Signer`."""
        return f"the key {self.key.public.fingerprint}"

    def expect(self, identity: Identity) -> None:
        """See `Signer`."""

    def has_signed(self, bundle: Bundle) -> bool:
        """See `Signer`."""
        return self.key.public.verifies(bundle.envelope.signed, bundle.envelope.signature)

    def sign(self, statement: Statement) -> Bundle:
        """See `Signer`."""
        return sign_statement(statement, self.key)


def manifests_of(source: ImageSource) -> tuple[Descriptor, ...]:
    """What of an image is signed: its index, and the manifest of each platform."""
    found: dict[Digest, Descriptor] = {source.top.digest: source.top}
    for image in source.images:
        found.setdefault(image.digest, manifest_descriptor(image))
    return tuple(found.values())


def signature_of(digest: Digest) -> Statement:
    """The statement that is the signature of a manifest or index."""
    return make_statement([Subject(name="", digest=digest)], SIGNATURE_TYPE, {})


def sign_image(
    source: ImageSource,
    signer: Signer,
    *,
    now: datetime,
    statements: Sequence[Statement] = (),
    earlier: Sequence[Attached] = (),
) -> tuple[Referrer, ...]:
    """Sign an image, for all its platforms, and further statements about it.

    Raises what the signer raises; see `attest_image`.
    """
    signatures = [signature_of(each.digest) for each in manifests_of(source)]
    return attest_image(source, signer, [*signatures, *statements], now=now, earlier=earlier)


def attest_image(
    source: ImageSource,
    signer: Signer,
    statements: Sequence[Statement],
    *,
    now: datetime,
    earlier: Sequence[Attached] = (),
) -> tuple[Referrer, ...]:
    """Sign statements about an image.

    Each is attached to every manifest of the image that it is about. What the signer has
    signed before, `earlier`, is not signed again, and attached only where it is missing:
    what was interrupted is finished. Raises what the signer raises.
    """
    known = [(parse_bundle(each.data), each.subject) for each in earlier]
    bundles = {bundle.envelope.payload: bundle for bundle, _ in known}
    there = {(bundle.envelope.payload, subject) for bundle, subject in known}
    done: list[Referrer] = []
    for statement in statements:
        about = [each for each in manifests_of(source) if statement.is_about(each.digest)]
        missing = [each for each in about if (statement.data, each.digest) not in there]
        if missing:
            bundle = bundles.get(statement.data) or signer.sign(statement)
            done += [make_referrer(each, bundle, now=now) for each in missing]
    return tuple(done)


def signed_by(signer: Signer, attached: Sequence[Attached]) -> tuple[Attached, ...]:
    """What a signer has signed before."""
    found: list[Attached] = []
    for each in attached:
        with contextlib.suppress(ValueError):
            if signer.has_signed(parse_bundle(each.data)):
                found.append(each)
    return tuple(found)
