"""Admission policies to test with, in few words."""

from __future__ import annotations

from typing import Any

from nixgen.attest.admission import Demands, make_admission_policy
from nixgen.attest.certificates import Identity, Wanted
from nixgen.attest.keys import PublicKey
from nixgen.attest.policy import Policy
from nixgen.digest import Digest
from nixgen.registry import ImageReference

TOP = Digest.of_bytes(b"top")
SHOP = ImageReference.parse("registry.example/team/shop:1.4.0")
IMAGE = f"{SHOP.name}:1.4.0@{TOP}"
GITHUB = "https://token.actions.githubusercontent.com"
RELEASE = "https://github.com/team/shop/.github/workflows/image.yml@refs/tags/v1"


def identity(who: str = RELEASE, issuer: str = GITHUB, *, pattern: bool = False) -> Identity:
    return Identity(identity=Wanted(text=who, pattern=pattern), issuer=Wanted(text=issuer))


def emit(
    *named: PublicKey | Identity,
    reference: ImageReference = SHOP,
    trusted_root: str | None = None,
    **policy: Any,
) -> Any:
    return make_admission_policy(
        reference,
        Demands(
            keys=[each for each in named if isinstance(each, PublicKey)],
            identities=[each for each in named if isinstance(each, Identity)],
            policy=Policy(**policy),
            trusted_root=trusted_root,
        ),
    )
