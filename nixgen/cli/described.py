"""Who signs an app by [sign] of its description, for those who sign and those who verify."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nixgen.cli.options import find_description
from nixgen.cli.signing import SignerOptions, Statements
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.attest.certificates import Identity
    from nixgen.pipeline.prepare import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedSigning:
    """Who signs, by a key or an identity or neither, and what besides the signature."""

    key: Path | None
    identity: Identity | None
    attach: tuple[Statements, ...]

    def choose(self, given: SignerOptions) -> SignerOptions:
        """What the command line says, or where that names no one, the description."""
        if given.keyless or given.key:
            return given
        return dataclasses.replace(given, key=self.key, keyless=self.identity is not None)


def described_signing(request: Request) -> DescribedSigning:
    """What [sign] says to the one who builds; raises DescriptionError."""
    from nixgen.attest.certificates import identity_of
    from nixgen.pipeline.prepare import resolve_all

    spec = resolve_all(request.read_description(), request)[0]
    return DescribedSigning(
        key=None if spec.sign.key is None else spec.project_dir / spec.sign.key,
        identity=identity_of(spec.sign),
        attach=tuple(Statements(word) for word in spec.sign.attach),
    )


def described_signer(app: Path, profile: str | None) -> Path | Identity:
    """The public key, or the identity, of who signs an app; raises DescriptionError, UsageError."""
    from nixgen.attest.certificates import identity_of
    from nixgen.spec import read_sign

    place = find_description(app)
    sign = read_sign(place, profile=profile)
    identity = identity_of(sign)
    if identity is not None:
        return identity
    if sign.key is None:
        raise UsageError(
            f"[sign] in {place} names nobody", hint="it has a key, or an identity with an issuer"
        )
    # why: as `nixgen key generate` names the two.
    public = place.parent / Path(sign.key).with_suffix(".pub")
    if not public.exists():
        raise UsageError(
            f"[sign] in {place} names the key {sign.key}, and {public} is not there to verify by",
            hint="name the public key where it is: --key FILE.pub",
        )
    return public
