"""Attaching bundles to images: in a registry, in a layout, in a folder of bundles.

A folder holds them as `sha256-<hex of the image>/<hex of the bundle>.sigstore.json`, for sites that
hand over signatures beside images.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from nixgen.attest.bundle import LARGEST_BUNDLE_BYTES
from nixgen.attest.errors import CantTellError
from nixgen.attest.referring import MOST_BUNDLES, Attached, Referrer
from nixgen.digest import Digest
from nixgen.errors import MachineError, UsageError
from nixgen.oci import attaching
from nixgen.registry import Blob, Manifest, Registry, put_referrer, send_blob
from nixgen.registry.errors import RefusedError
from nixgen.wholefile import write_whole

_SUFFIX = ".sigstore.json"


def attach_to_registry(registry: Registry, referrers: Sequence[Referrer]) -> None:
    """Store referrers, their blobs first, and have them listed; raises NetworkError.

    The first of them, the signature of the whole image, is stored last: until all are there, it
    does not count as signed.
    """
    for referrer in reversed(referrers):
        for digest, data in sorted(referrer.blobs.items()):
            if digest != referrer.entry.digest:
                send_blob(registry, Blob(digest=digest, size_bytes=len(data), content=data))
        manifest = Manifest(
            media_type=referrer.entry.media_type,
            digest=referrer.entry.digest,
            data=referrer.manifest,
        )
        try:
            put_referrer(registry, manifest)
        except RefusedError as error:
            raise RefusedError(
                f"{registry.reference.host} does not take the signature: {error.message}",
                hint="where a registry takes no OCI artifacts, keep signatures in a folder: sign "
                "the layout with --bundles DIR, and verify with the same",
            ) from error


def attach_to_layout(layout: Path, referrers: Sequence[Referrer]) -> None:
    """Enter referrers into a layout; raises UsageError, MachineError where it can't be written."""
    if not referrers:
        return
    small: dict[Digest, bytes] = {}
    for referrer in referrers:
        small |= referrer.blobs
    try:
        attaching.attach(layout, [referrer.entry for referrer in referrers], small)
    except MachineError as error:
        raise MachineError(
            f"the signatures can't be attached: {error.message}",
            hint="copy it to where you may write: nixgen copy IMAGE DIR.oci; or keep them beside "
            "it: --bundles DIR",
        ) from error


def write_to_folder(folder: Path, bundles: Iterable[tuple[Digest, bytes]]) -> tuple[Path, ...]:
    """Keep bundles in a folder, each by the image that it is about; their places.

    Raises MachineError.
    """
    places = []
    for subject, data in bundles:
        place = _of_subject(folder, subject) / f"{Digest.of_bytes(data).hex}{_SUFFIX}"
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, data)
        except OSError as error:
            raise MachineError(f"{place} can't be written: {error.strerror or error}") from error
        places.append(place)
    return tuple(places)


def read_folder(folder: Path, subjects: Iterable[Digest]) -> tuple[Attached, ...]:
    """The bundles that a folder keeps of these images, in order of name.

    Raises UsageError where there is no such folder, CantTellError where it can't be read or holds
    too many.
    """
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder} of bundles",
            hint="nixgen sign IMAGE --bundles DIR  makes one",
        )
    found: list[Attached] = []
    try:
        for subject in subjects:
            place = _of_subject(folder, subject)
            names = sorted(place.glob(f"*{_SUFFIX}")) if place.is_dir() else []
            if len(found) + len(names) > MOST_BUNDLES:
                raise CantTellError(f"{folder} holds more than {MOST_BUNDLES} bundles of the image")
            found += [_read(name, subject) for name in names]
    except OSError as error:
        raise CantTellError(f"{folder} can't be read: {error.strerror or error}") from error
    return tuple(found)


def _read(place: Path, subject: Digest) -> Attached:
    with place.open("rb") as file:
        data = file.read(LARGEST_BUNDLE_BYTES + 1)
    return Attached(referrer=Digest.of_bytes(data), subject=subject, data=data)


def _of_subject(folder: Path, subject: Digest) -> Path:
    return folder / f"sha256-{subject.hex}"
