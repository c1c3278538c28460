"""Verifying an image wherever it is, and pulling only what verifies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.attest.attaching import read_folder
from nixgen.attest.errors import BadSignatureError
from nixgen.attest.judging import Judge
from nixgen.attest.referring import read_attached
from nixgen.attest.verify import Findings, check_layers, demand_signature, examine
from nixgen.errors import BuildError, UsageError
from nixgen.oci.opening import ImageSource
from nixgen.pipeline.copying import open_image
from nixgen.pipeline.publish import RegistryAccess
from nixgen.platforms import Platform
from nixgen.registry import ImageReference, PullResult, RegistryImage, pull

Demand = Callable[[Findings], None]
"""Raises VerifyError where findings are not what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """An image that verified. `pinned` names it by digest: `HOST/REPOSITORY@sha256:…`.

    It is the path of a layout where the image is on disk.
    """

    pinned: str
    findings: Findings

    def as_json(self) -> dict[str, Any]:
        """The document of `nixgen verify --json`."""
        return {"verified": True, "reference": self.pinned, **self.findings.as_json()}


def verify(
    name: str,
    judge: Judge,
    access: RegistryAccess,
    *,
    demand: Demand = demand_signature,
    folder: Path | None = None,
) -> Verified:
    """Verify the image `name` by what is attached to it, and by what `folder` keeps of it.

    An image on disk is read whole. Raises VerifyError where it does not verify, NetworkError where
    the image itself can't be had, UsageError where there is none.
    """
    try:
        with open_image(name, access) as source:
            if source.format == "docker-archive":
                raise UsageError(
                    f"{source.where} is a docker-archive, which has no manifest that can be signed"
                )
            attached = read_attached(source)
            if folder is not None:
                subjects = dict.fromkeys([source.top.digest, *(i.digest for i in source.images)])
                attached += read_folder(folder, subjects)
            findings = examine(source, attached, judge)
            demand(findings)
            if not isinstance(source, RegistryImage):
                check_layers(source)
            return Verified(pinned=_pinned(source), findings=findings)
    except BuildError as error:
        # why: what is on disk is not what its digests say.
        raise BadSignatureError(error.message, hint=error.hint) from error


def _pinned(source: ImageSource) -> str:
    if isinstance(source, RegistryImage):
        reference = source.registry.reference
        return f"{reference.name}@{source.top.digest}"
    return source.where


def pull_verified(
    reference: ImageReference,
    place: Path,
    judge: Judge,
    access: RegistryAccess,
    *,
    demand: Demand = demand_signature,
    platform: Platform | None = None,
    with_referrers: bool = True,
) -> tuple[PullResult, Verified]:
    """Pull an image that verifies; nothing is written before it does.

    What is pulled is named by the digest that was verified, whatever the tag names by then; of what
    refers to it only comes what counts. Raises what `verify` and `pull` raise.
    """
    verified = verify(f"docker://{reference}", judge, access, demand=demand)
    found = verified.findings
    with access.open(reference.with_digest(found.top)) as registry:
        pulled = pull(
            registry,
            place,
            platform=platform,
            with_referrers=with_referrers,
            only_referrers={each.referrer for each in found.vouched},
        )
    return pulled, verified
