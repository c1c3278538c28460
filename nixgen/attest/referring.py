"""Bundles as OCI 1.1 referrers: the manifest that ties one to an image, and finding them again.

https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage,
in the shape that cosign gives it. Bundles are read through `ImageSource`, so that registries,
layouts and archives are one thing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nixgen.attest.bundle import BUNDLE_TYPE, LARGEST_BUNDLE_BYTES, Bundle
from nixgen.attest.errors import CantTellError
from nixgen.digest import Digest
from nixgen.errors import NixgenError
from nixgen.oci.image import MANIFEST_TYPE, Descriptor, canonical_json, format_time
from nixgen.oci.opening import ImageSource
from nixgen.oci.reading import parse_descriptor
from nixgen.strictjson import load_object

EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
_CONTENT = "dev.sigstore.bundle.content"
_PREDICATE = "dev.sigstore.bundle.predicateType"
_CREATED = "org.opencontainers.image.created"
_LARGEST_MANIFEST_BYTES = 4 << 20
MOST_BUNDLES = 200
"""Bundles of one image beyond this number are not read: anyone may attach some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrer:
    """A bundle tied to what it is about: the manifest, its entry in a list, all small blobs."""

    subject: Descriptor
    entry: Descriptor
    blobs: Mapping[Digest, bytes]
    bundle: Bundle

    @property
    def manifest(self) -> bytes:
        """The manifest's bytes."""
        return self.blobs[self.entry.digest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A bundle found: its bytes, the referrer's digest, and what that says it is about.

    `fault` says why the bytes could not be read; `data` is empty then.
    """

    referrer: Digest
    subject: Digest | None
    data: bytes
    fault: str | None = None


def make_referrer(subject: Descriptor, bundle: Bundle, *, now: datetime) -> Referrer:
    """Tie a bundle to the manifest or index `subject`; raises ValueError where it signs nothing."""
    layer = Descriptor(
        media_type=BUNDLE_TYPE, digest=Digest.of_bytes(bundle.data), size_bytes=len(bundle.data)
    )
    config = Descriptor(media_type=EMPTY_TYPE, digest=Digest.of_bytes(EMPTY), size_bytes=len(EMPTY))
    annotations = {
        _CONTENT: "dsse-envelope",
        _PREDICATE: bundle.statement().predicate_type,
        _CREATED: format_time(now.astimezone(UTC).replace(microsecond=0)),
    }
    named = Descriptor(
        media_type=subject.media_type, digest=subject.digest, size_bytes=subject.size_bytes
    )
    manifest = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": BUNDLE_TYPE,
            "config": config.as_json(),
            "layers": [layer.as_json()],
            "subject": named.as_json(),
            "annotations": annotations,
        }
    )
    entry = Descriptor(
        media_type=MANIFEST_TYPE,
        digest=Digest.of_bytes(manifest),
        size_bytes=len(manifest),
        artifact_type=BUNDLE_TYPE,
        annotations=annotations,
    )
    blobs = {config.digest: EMPTY, layer.digest: bundle.data, entry.digest: manifest}
    return Referrer(subject=named, entry=entry, blobs=blobs, bundle=bundle)


def read_attached(source: ImageSource) -> tuple[Attached, ...]:
    """The bundles attached to an image: to its index or to a platform's manifest.

    What is attached and can't be read is here with its fault; what is no bundle is not. Raises
    CantTellError where the list itself can't be had or is too long.
    """
    found: list[Attached] = []
    for entry in _list(source):
        try:
            manifest = load_object(
                source.read_manifest(entry), largest_bytes=_LARGEST_MANIFEST_BYTES
            )
        except (NixgenError, ValueError) as error:
            if entry.artifact_type == BUNDLE_TYPE:
                found.append(_faulty(entry, None, error))
            continue
        if manifest.get("artifactType") != BUNDLE_TYPE:
            continue
        if len(found) == MOST_BUNDLES:
            raise CantTellError(f"{source.where} has more than {MOST_BUNDLES} bundles attached")
        found.append(_read_bundle(source, entry, manifest))
    return tuple(found)


def _list(source: ImageSource) -> tuple[Descriptor, ...]:
    try:
        return source.referrers
    except NixgenError as error:
        raise CantTellError(
            f"what is attached to {source.where} can't be listed: {error.message}", hint=error.hint
        ) from error


def _read_bundle(source: ImageSource, entry: Descriptor, manifest: Mapping[str, Any]) -> Attached:
    subject = None
    try:
        subject = parse_descriptor(manifest["subject"]).digest
        layers = manifest["layers"]
        if not isinstance(layers, list) or len(layers) != 1:
            raise ValueError("it does not have exactly one layer")
        layer = parse_descriptor(layers[0])
        if layer.media_type != BUNDLE_TYPE:
            raise ValueError(f"its layer is a {layer.media_type[:80]}")
        if layer.size_bytes > LARGEST_BUNDLE_BYTES:
            raise ValueError(f"its bundle is said to have {layer.size_bytes} bytes")
        with source.open_blob(layer) as stream:
            data = stream.read()
    except (NixgenError, ValueError, TypeError, KeyError, AttributeError) as error:
        return _faulty(entry, subject, error)
    return Attached(referrer=entry.digest, subject=subject, data=data)


def _faulty(entry: Descriptor, subject: Digest | None, error: Exception) -> Attached:
    return Attached(
        referrer=entry.digest,
        subject=subject,
        data=b"",
        fault=f"the referrer can't be read: {error}",
    )
