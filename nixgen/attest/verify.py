"""Whether an image is exactly what was signed by whom it should be.

What counts as signed is the top of the image, its index or its only manifest: all else is named by
digest below it. A bundle counts only where its signature holds, its signer is one of those named,
and its statement is about one of the image's own manifests. One that does not count can't undo one
that does: anyone may attach something to an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nixgen.attest.bundle import parse_bundle
from nixgen.attest.errors import (
    BadSignatureError,
    CantTellError,
    NotSignedError,
    VerifyError,
    WrongSignerError,
)
from nixgen.attest.judging import Fault, Judge, Refused, Signatory
from nixgen.attest.referring import Attached
from nixgen.attest.signing import SIGNATURE_TYPE
from nixgen.attest.statement import Statement
from nixgen.digest import Digest
from nixgen.errors import Problem
from nixgen.oci.opening import ImageSource
from nixgen.platforms import Platform
from nixgen.progress import printable

_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """A statement that counts: who made it, and the referrer that brought it."""

    statement: Statement
    signer: Signatory
    referrer: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A bundle that does not count."""

    referrer: Digest
    refused: Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that is known of an image's signatures, before anything is demanded.

    `platforms` are the manifests of the image, in its order.
    """

    where: str
    top: Digest
    platforms: tuple[tuple[Platform, Digest], ...]
    vouched: tuple[Vouched, ...]
    rejected: tuple[Rejected, ...]

    def about(self, digest: Digest, predicate_type: str | None = None) -> tuple[Vouched, ...]:
        """What counts about a manifest, of one kind or of any."""
        return tuple(
            each
            for each in self.vouched
            if each.statement.is_about(digest)
            and predicate_type in (None, each.statement.predicate_type)
        )

    @property
    def signatures(self) -> tuple[Vouched, ...]:
        """The image's signatures."""
        return self.about(self.top, SIGNATURE_TYPE)

    def as_json(self) -> dict[str, Any]:
        """The findings as `nixgen verify --json` prints them."""
        return {
            "digest": str(self.top),
            "signatures": [each.signer.as_json() for each in self.signatures],
            "platforms": [
                {
                    "platform": str(platform),
                    "digest": str(digest),
                    "signed_itself": bool(self.about(digest, SIGNATURE_TYPE)),
                }
                for platform, digest in self.platforms
            ],
            "statements": [
                {
                    "predicate_type": each.statement.predicate_type,
                    "subjects": [str(subject.digest) for subject in each.statement.subjects],
                    "signer": each.signer.as_json(),
                }
                for each in self.vouched
                if each.statement.predicate_type != SIGNATURE_TYPE
            ],
            "rejected": [
                {
                    "referrer": str(each.referrer),
                    "fault": each.refused.fault.value,
                    "reason": printable(each.refused.reason),
                }
                for each in self.rejected
            ],
        }


def examine(source: ImageSource, attached: Sequence[Attached], judge: Judge) -> Findings:
    """Hold each bundle against the judge and the image; demands nothing yet."""
    platforms = tuple((image.platform, image.digest) for image in source.images)
    subjects = {source.top.digest, *(digest for _, digest in platforms)}
    vouched: list[Vouched] = []
    rejected: list[Rejected] = []
    for each in attached:
        verdict = _examine_one(each, subjects, judge)
        if isinstance(verdict, Refused):
            rejected.append(Rejected(referrer=each.referrer, refused=verdict))
        else:
            vouched.append(verdict)
    return Findings(
        where=source.where,
        top=source.top.digest,
        platforms=platforms,
        vouched=tuple(vouched),
        rejected=tuple(rejected),
    )


def demand_signature(findings: Findings) -> None:
    """Raise the VerifyError that says why the image does not count as signed, if it does not."""
    if findings.signatures:
        return
    faults = {each.refused.fault for each in findings.rejected}
    name = f"{findings.where} ({findings.top})"
    error: type[VerifyError]
    if Fault.BAD in faults:
        error, message = BadSignatureError, f"no signature of {name} holds"
    elif Fault.CANT_TELL in faults:
        error, message = CantTellError, f"the signatures of {name} can't be judged"
    elif Fault.WRONG_SIGNER in faults:
        error, message = WrongSignerError, f"{name} is signed by none of those named"
    else:
        error, message = NotSignedError, f"{name} is not signed"
    raise error(message, hint=_hint(findings), problems=_problems(findings))


def check_layers(source: ImageSource) -> None:
    """Read every layer of an image on disk; raises what `ImageSource.open_blob` raises."""
    seen: set[Digest] = set()
    for image in source.images:
        for layer in image.layers:
            if layer.descriptor.digest not in seen:
                seen.add(layer.descriptor.digest)
                with source.open_blob(layer.descriptor) as stream:
                    stream.drain()


def _examine_one(attached: Attached, subjects: set[Digest], judge: Judge) -> Vouched | Refused:
    if attached.fault is not None:
        return Refused(fault=Fault.BAD, reason=attached.fault)
    try:
        bundle = parse_bundle(attached.data)
    except ValueError as error:
        return Refused(fault=Fault.BAD, reason=f"not a bundle that can be read: {error}")
    verdict = judge.judge(bundle)
    if isinstance(verdict, Refused):
        return verdict
    try:
        statement = bundle.statement()
    except ValueError as error:
        return Refused(fault=Fault.BAD, reason=f"what is signed can't be read: {error}")
    if not any(statement.is_about(digest) for digest in subjects):
        return Refused(fault=Fault.BAD, reason="what is signed is about another image")
    return Vouched(statement=statement, signer=verdict, referrer=attached.referrer)


def _problems(findings: Findings) -> list[Problem]:
    shown = [
        Problem(message=printable(f"{each.referrer}: {each.refused.reason}"))
        for each in findings.rejected[:_MOST_PROBLEMS]
    ]
    left = len(findings.rejected) - len(shown)
    return [*shown, Problem(message=f"and {left} more")] if left else shown


def _hint(findings: Findings) -> str | None:
    parts = [p for p, digest in findings.platforms if findings.about(digest, SIGNATURE_TYPE)]
    if parts:
        names = ", ".join(str(platform) for platform in parts)
        return f"the manifest for {names} is signed, the index over it is not"
    if findings.vouched:
        return "statements about it are signed by those named, the image itself is not"
    return None
