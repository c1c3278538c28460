"""Manifests and indexes as registries give them: small views of foreign JSON, shapes checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nixgen.digest import Digest
from nixgen.oci.image import (
    DOCKER_LIST_TYPE,
    DOCKER_MANIFEST_TYPE,
    IMAGE_TYPES,
    INDEX_TYPE,
    INDEX_TYPES,
    MANIFEST_TYPE,
    Descriptor,
)
from nixgen.platforms import Platform
from nixgen.registry.errors import MalformedAnswerError, bounded
from nixgen.registry.foreign import load_json

MANIFEST_TYPES = (MANIFEST_TYPE, INDEX_TYPE, DOCKER_MANIFEST_TYPE, DOCKER_LIST_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest or index: the bytes that have the digest, and how they are to be read."""

    media_type: str
    digest: Digest
    data: bytes

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests of platforms."""
        return self.media_type in INDEX_TYPES

    @property
    def descriptor(self) -> Descriptor:
        """What an index says of it."""
        return Descriptor(media_type=self.media_type, digest=self.digest, size_bytes=len(self.data))

    def manifests(self) -> tuple[Descriptor, ...]:
        """The manifests that an index lists; raises MalformedAnswerError."""
        return parse_descriptors(self._document(), "manifests", self.digest)

    def images(self) -> tuple[Descriptor, ...]:
        """Of what an index lists, the images: not what builders put beside them.

        https://docs.docker.com/build/metadata/attestations/attestation-storage/
        """
        return tuple(
            entry
            for entry in self.manifests()
            if entry.media_type in IMAGE_TYPES
            and entry.artifact_type is None
            and (entry.platform is None or entry.platform.os != "unknown")
        )

    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers of a manifest; raises MalformedAnswerError."""
        document = self._document()
        config = parse_descriptors({"config": [document.get("config")]}, "config", self.digest)
        return (*config, *parse_descriptors(document, "layers", self.digest))

    def subject(self) -> Digest | None:
        """What it refers to, where it is a referrer; raises MalformedAnswerError."""
        subject = self._document().get("subject")
        if subject is None:
            return None
        return parse_descriptors({"subject": [subject]}, "subject", self.digest)[0].digest

    def as_referrer(self) -> Descriptor:
        """Its entry in a list of referrers, as the distribution specification makes it."""
        document = self._document()
        kind = document.get("artifactType")
        if not kind and isinstance(document.get("config"), Mapping):
            kind = document["config"].get("mediaType")
        return Descriptor(
            media_type=self.media_type,
            digest=self.digest,
            size_bytes=len(self.data),
            annotations=_texts(document.get("annotations") or {}) or None,
            artifact_type=kind if isinstance(kind, str) else None,
        )

    def _document(self) -> dict[str, Any]:
        return parse_object(self.data, f"the manifest {self.digest}")


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object; raises MalformedAnswerError saying `what` is none."""
    try:
        document = load_json(data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise MalformedAnswerError(f"{what} is not a JSON object")
    return document


def media_type_of(data: bytes, header: str) -> str:
    """A manifest's media type: its own word, else the header's, else what its shape tells.

    Raises MalformedAnswerError for other types, and where the two disagree or the document could
    be read as both a manifest and an index, so that no two readers can see two images in it.
    """
    document = parse_object(data, "the manifest")
    own, told = document.get("mediaType"), header.partition(";")[0].strip()
    if "manifests" in document and ("layers" in document or "config" in document):
        raise MalformedAnswerError("not a manifest that can be read: it is an index as well")
    if own is None and told in MANIFEST_TYPES:
        return told
    if own is None and document.get("schemaVersion") == 2:
        return INDEX_TYPE if "manifests" in document else MANIFEST_TYPE
    if own not in MANIFEST_TYPES:
        raise MalformedAnswerError(f"not a manifest that can be read: {bounded(repr(own or told))}")
    if told in MANIFEST_TYPES and told != own:
        raise MalformedAnswerError(f"a manifest that calls itself {own} is sent as {told}")
    return str(own)


def parse_descriptors(document: Mapping[str, Any], key: str, of: object) -> tuple[Descriptor, ...]:
    """The descriptors of a list; raises MalformedAnswerError."""
    entries = document.get(key)
    if not isinstance(entries, list):
        raise MalformedAnswerError(f"{of} has no list of {key}")
    try:
        return tuple(_parse_descriptor(entry) for entry in entries)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        wrong = bounded(f"{type(error).__name__}: {error}")
        raise MalformedAnswerError(f"{of} has a malformed descriptor in {key}: {wrong}") from error


def _parse_descriptor(entry: Any) -> Descriptor:
    size_bytes = entry["size"]
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or size_bytes < 0:
        raise ValueError(f"not a size: {size_bytes!r}")
    media_type, kind = entry["mediaType"], entry.get("artifactType")
    if not isinstance(media_type, str) or not isinstance(kind, str | None):
        raise TypeError("not a media type")
    return Descriptor(
        media_type=media_type,
        digest=Digest.parse(entry["digest"]),
        size_bytes=size_bytes,
        platform=_platform(entry.get("platform")),
        annotations=_texts(entry.get("annotations") or {}) or None,
        artifact_type=kind,
    )


def _platform(document: Any) -> Platform | None:
    """A platform, be it one that nixgen does not build for; None where none is told."""
    if not isinstance(document, dict):
        return None
    parts = [document.get(key) for key in ("os", "architecture", "variant")]
    names = [str(part) for part in parts if part]
    try:
        return Platform.parse("/".join(names))
    except ValueError:
        return Platform(*names) if len(names) > 1 else None


def _texts(document: Mapping[Any, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in document.items()}
