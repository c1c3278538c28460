"""Reading an OCI image layout: small views, each checked against the digest that names it.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.oci.files import Files
from nixgen.oci.image import (
    IMAGE_TYPES,
    INDEX_TYPES,
    REF_NAME,
    Descriptor,
    parse_store_paths,
)
from nixgen.platforms import Platform

# why: a manifest or config larger than this is no image but an attack on memory.
_SMALL_BLOB_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutLayer:
    """A layer of an image in a layout; `store_paths` is empty where the image does not tell."""

    descriptor: Descriptor
    diff_id: Digest
    store_paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutImage:
    """One platform's image in a layout. `manifest` and `config` are the bytes as stored."""

    platform: Platform
    digest: Digest
    manifest: bytes
    config: bytes
    config_digest: Digest
    layers: tuple[LayoutLayer, ...]
    annotations: Mapping[str, str]

    @property
    def runtime(self) -> Mapping[str, Any]:
        """The runtime configuration (`Entrypoint`, `Env`, …), as the image holds it."""
        config = json.loads(self.config).get("config") or {}
        return config if isinstance(config, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a layout, in whatever form, holds of one image; `tags` are those that name it."""

    tags: tuple[str, ...]
    top: Descriptor
    images: tuple[LayoutImage, ...]
    referrers: tuple[Descriptor, ...]


def read_content(files: Files, index: Mapping[str, Any], tag: str | None) -> Content:
    """The image of that tag in the layout of which `index` is the `index.json`.

    Raises UsageError for an unknown tag; what else is wrong comes as the exception it causes.
    """
    reader = _Reader(files)
    entries = [parse_descriptor(entry) for entry in index["manifests"]]
    top = _choose(files.path, entries, tag)
    named = [entry for entry in entries if entry.digest == top.digest]
    images = tuple(reader.images(top))
    subjects = {top.digest, *(image.digest for image in images)}
    return Content(
        tags=tuple(found for entry in named if (found := _tag(entry)) and tag in (None, found)),
        top=top,
        images=images,
        referrers=tuple(
            _referrers(reader, [entry for entry in entries if not _tag(entry)], subjects)
        ),
    )


def _referrers(
    reader: _Reader, entries: Sequence[Descriptor], subjects: set[Digest]
) -> list[Descriptor]:
    """The entries that refer to one of the subjects, or to one that does."""
    waiting = [(entry, reader.subject(entry)) for entry in entries if entry.digest not in subjects]
    known, found = set(subjects), []
    while True:
        more = [(entry, subject) for entry, subject in waiting if subject in known]
        if not more:
            # why in the order of the entries: a copy's index is then the same.
            return [entry for entry in entries if entry in found]
        waiting = [pair for pair in waiting if pair not in more]
        found += [entry for entry, _ in more]
        known |= {entry.digest for entry in found}


class _Reader:
    def __init__(self, files: Files) -> None:
        self._files = files

    def images(self, top: Descriptor) -> list[LayoutImage]:
        if top.media_type in INDEX_TYPES:
            index = _object(read_small(self._files, top))
            manifests = [parse_descriptor(entry) for entry in index["manifests"] if is_image(entry)]
            if not manifests:
                raise ValueError(f"the index {top.digest} lists no image")
            return [self._image(manifest) for manifest in manifests]
        return [self._image(top)]

    def _image(self, descriptor: Descriptor) -> LayoutImage:
        if descriptor.media_type not in IMAGE_TYPES:
            raise ValueError(f"{descriptor.digest} is a {descriptor.media_type}, no image")
        manifest = read_small(self._files, descriptor)
        config = read_small(self._files, parse_descriptor(_object(manifest)["config"]))
        return parse_image(manifest, config)

    def subject(self, entry: Descriptor) -> Digest | None:
        subject = _object(read_small(self._files, entry)).get("subject")
        return None if subject is None else Digest.parse(subject["digest"])


def is_image(entry: Mapping[str, Any]) -> bool:
    """Whether an index's entry is an image: builders put statements beside them.

    https://docs.docker.com/build/metadata/attestations/attestation-storage/
    """
    known = entry["mediaType"] in IMAGE_TYPES and "artifactType" not in entry
    return known and entry.get("platform", {}).get("os") != "unknown"


def parse_image(manifest: bytes, config: bytes) -> LayoutImage:
    """An image from its two documents; what is wrong comes as the exception it causes."""
    document = _object(manifest)
    return LayoutImage(
        platform=_platform(_object(config)),
        digest=Digest.of_bytes(manifest),
        manifest=manifest,
        config=config,
        config_digest=Digest.of_bytes(config),
        layers=_layers(document, _object(config)),
        annotations=_texts(document.get("annotations", {})),
    )


def read_small(files: Files, descriptor: Descriptor) -> bytes:
    """A manifest or config; raises ValueError where it is too large or not what it should be."""
    if descriptor.size_bytes > _SMALL_BLOB_BYTES:
        raise ValueError(f"{descriptor.digest} is said to have {descriptor.size_bytes} bytes")
    with files.open(f"blobs/sha256/{descriptor.digest.hex}") as file:
        data = file.read(descriptor.size_bytes + 1)
    if len(data) != descriptor.size_bytes or Digest.of_bytes(data) != descriptor.digest:
        raise ValueError(f"the blob {descriptor.digest} does not have that digest and size")
    return data


def _choose(path: Path, entries: list[Descriptor], tag: str | None) -> Descriptor:
    tagged = [entry for entry in entries if _tag(entry) is not None]
    if tag is not None:
        found = [entry for entry in tagged if _tag(entry) == tag]
    else:
        # why: an image may be written without a tag; it then stands first, referrers after it.
        found = tagged or entries[:1]
    if found and len({entry.digest for entry in found}) == 1:
        return found[0]
    known = ", ".join(str(_tag(entry)) for entry in tagged) or "none"
    wanted = "one image" if tag is None else f"the tag {tag!r}"
    raise UsageError(
        f"{path} does not hold {wanted}; its tags: {known}",
        hint="name one: PATH:TAG" if tagged else None,
    )


def _layers(manifest: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[LayoutLayer, ...]:
    descriptors = [parse_descriptor(entry) for entry in manifest["layers"]]
    diff_ids = [Digest.parse(text) for text in config["rootfs"]["diff_ids"]]
    if len(descriptors) != len(diff_ids):
        raise ValueError(f"{len(descriptors)} layers, but {len(diff_ids)} diffIDs")
    history = [entry for entry in config.get("history", []) if not entry.get("empty_layer")]
    comments = [str(entry.get("comment", "")) for entry in history]
    if len(comments) != len(descriptors):
        comments = [""] * len(descriptors)
    return tuple(
        LayoutLayer(descriptor=descriptor, diff_id=diff_id, store_paths=parse_store_paths(comment))
        for descriptor, diff_id, comment in zip(descriptors, diff_ids, comments, strict=True)
    )


def _tag(entry: Descriptor) -> str | None:
    return (entry.annotations or {}).get(REF_NAME)


def _object(data: bytes) -> dict[str, Any]:
    document = json.loads(data)
    if not isinstance(document, dict):
        raise TypeError("not a JSON object")
    return document


def parse_descriptor(document: Any) -> Descriptor:
    """A descriptor; what is wrong comes as the exception it causes."""
    size_bytes = document["size"]
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or size_bytes < 0:
        raise ValueError(f"not a size: {size_bytes!r}")
    return Descriptor(
        media_type=str(document["mediaType"]),
        digest=Digest.parse(document["digest"]),
        size_bytes=size_bytes,
        annotations=_texts(document.get("annotations", {})),
        artifact_type=document.get("artifactType"),
    )


def _platform(config: Mapping[str, Any]) -> Platform:
    parts = [str(config["os"]), str(config["architecture"])]
    parts += [str(config["variant"])] if config.get("variant") else []
    try:
        return Platform.parse("/".join(parts))
    except ValueError:
        # why: images of others may be for what nixgen does not build for.
        return Platform(*parts)


def _texts(document: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in document.items()}
