"""Signing an image wherever it is, and attaching what was signed there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nixgen.attest.attaching import attach_to_layout, attach_to_registry, write_to_folder
from nixgen.attest.certificates import Identity
from nixgen.attest.predicates import make_foreign_statement
from nixgen.attest.referring import Attached, Referrer, read_attached
from nixgen.attest.signing import (
    SIGNATURE_TYPE,
    Signer,
    attest_image,
    manifests_of,
    sign_image,
    signed_by,
)
from nixgen.attest.statement import Statement
from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.oci.image import Descriptor
from nixgen.oci.opening import ImageSource, manifest_descriptor
from nixgen.pipeline.copying import open_image
from nixgen.pipeline.publish import RegistryAccess
from nixgen.pipeline.state import State
from nixgen.platforms import Platform
from nixgen.registry import RegistryImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What was signed: `subjects` are the manifests, `referrers` what was attached to them."""

    where: str
    digest: Digest
    signer: str
    subjects: tuple[Digest, ...]
    referrers: tuple[Referrer, ...]
    bundles: tuple[Path, ...]

    @property
    def statement_types(self) -> tuple[str, ...]:
        """The types of what was attached besides signatures, each once."""
        kinds = [each.bundle.statement().predicate_type for each in self.referrers]
        return tuple(dict.fromkeys(kind for kind in kinds if kind != SIGNATURE_TYPE))

    def as_json(self) -> dict[str, Any]:
        """The document of `nixgen sign --json`."""
        return {
            "image": self.where,
            "digest": str(self.digest),
            "signer": self.signer,
            "subjects": [str(digest) for digest in self.subjects],
            "attached": [
                {
                    "referrer": str(each.entry.digest),
                    "subject": str(each.subject.digest),
                    "predicate_type": each.bundle.statement().predicate_type,
                }
                for each in self.referrers
            ],
            "bundles": [str(path) for path in self.bundles],
        }


def sign(
    name: str,
    signer: Signer,
    access: RegistryAccess,
    *,
    now: datetime,
    records: State | None,
    expected: Identity | None = None,
    statements: Sequence[Statement] = (),
    describe: Callable[[Any], Sequence[Statement]] | None = None,
    folder: Path | None = None,
) -> Signed:
    """Sign the image `name`, attach the signatures to it, and keep them in `folder` too.

    With `records`, only what one of its build records tells of is signed, and `describe` makes
    further statements to sign of that record. An identity signs only as the description says:
    `expected`, or whom the record names. Raises UsageError for an
    image that nothing can be attached to, that no record tells of, or that by its description
    another identity signs; NetworkError, MachineError, and what the signer raises.
    """
    with open_image(name, access) as source:
        _check_place(source)
        if records is not None:
            record = _find_record(source, records)
            if expected is None and record.get("signer") is not None:
                expected = Identity.named(**record["signer"])
            statements = [*statements, *(() if describe is None else describe(record))]
        if expected is not None:
            signer.expect(expected)
        earlier = signed_by(signer, read_attached(source))
        referrers = sign_image(source, signer, now=now, statements=statements, earlier=earlier)
        kept = _keep(folder, referrers, earlier)
        return _attach(source, signer, manifests_of(source), referrers, kept)


def attest(
    name: str,
    signer: Signer,
    access: RegistryAccess,
    *,
    now: datetime,
    predicate_type: str,
    predicate: Mapping[str, Any],
    platform: Platform | None = None,
    folder: Path | None = None,
) -> Signed:
    """Sign what somebody says of the image `name`, of all of it or of one platform, and attach it.

    The image itself is not signed. Raises UsageError for an image that nothing can be attached to
    or that has no such platform; NetworkError, MachineError, and what the signer raises.
    """
    with open_image(name, access) as source:
        _check_place(source)
        about = _of_platform(source, platform) if platform is not None else manifests_of(source)
        statement = make_foreign_statement(
            [each.digest for each in about], predicate_type, predicate
        )
        earlier = signed_by(signer, read_attached(source))
        referrers = attest_image(source, signer, [statement], now=now, earlier=earlier)
        kept = _keep(folder, referrers, earlier)
        return _attach(source, signer, about, referrers, kept)


def _of_platform(source: ImageSource, platform: Platform) -> tuple[Descriptor, ...]:
    found = [each for each in source.images if each.platform == platform]
    if not found:
        names = ", ".join(str(each.platform) for each in source.images)
        raise UsageError(f"{source.where} has no image for {platform}", hint=f"it has {names}")
    return tuple(manifest_descriptor(each) for each in found)


def _keep(
    folder: Path | None, new: Sequence[Referrer], earlier: Sequence[Attached]
) -> tuple[Path, ...]:
    """Keep what was signed now, and by the same signer before, in a folder if there is one."""
    if folder is None:
        return ()
    bundles = [(each.subject.digest, each.bundle.data) for each in new]
    bundles += [(each.subject, each.data) for each in earlier if each.subject is not None]
    return write_to_folder(folder, bundles)


def _attach(
    source: ImageSource,
    signer: Signer,
    about: Sequence[Descriptor],
    referrers: tuple[Referrer, ...],
    kept: tuple[Path, ...],
) -> Signed:
    if isinstance(source, RegistryImage):
        attach_to_registry(source.registry, referrers)
    else:
        attach_to_layout(_path(source), referrers)
    return Signed(
        where=source.where,
        digest=source.top.digest,
        signer=signer.name,
        subjects=tuple(each.digest for each in about),
        referrers=referrers,
        bundles=kept,
    )


def _check_place(source: ImageSource) -> None:
    if source.format in ("oci", "registry"):
        return
    raise UsageError(
        f"{source.where}: no signature can be attached to the form {source.format}",
        hint=f"nixgen copy {source.where} LAYOUT.oci, and sign that",
    )


def _find_record(source: ImageSource, records: State) -> Any:
    """The record of an image; raises UsageError where it was not built here."""
    record = records.record_of(source.top.digest)
    if record is None:
        raise UsageError(
            f"no build record of this machine tells of {source.where} ({source.top.digest})",
            hint="build it here with nixgen image, or sign it without saying where it comes from: "
            "--only-signature",
        )
    return record


def _path(source: ImageSource) -> Path:
    files = getattr(source, "files", None)
    if files is None:
        raise AssertionError(f"{source.where} is on no disk")
    return Path(files.path)
