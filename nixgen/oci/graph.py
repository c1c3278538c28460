"""Everything that an image consists of: what a copy of it has to hold."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from nixgen.digest import Digest
from nixgen.errors import BuildError
from nixgen.oci.image import INDEX_TYPES, Descriptor
from nixgen.oci.opening import ImageSource, manifest_descriptor
from nixgen.oci.reading import LayoutImage, parse_descriptor

_DEEPEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A manifest or index, with the bytes that have the digest."""

    descriptor: Descriptor
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """An image from its top down.

    `manifests` holds each after those that it names, `top` last; `referrers` each after what it
    refers to, and `entries` their descriptors in the source's order; `blobs` configs and layers;
    `small` those of them that are known already.
    """

    top: Descriptor
    manifests: tuple[Node, ...]
    referrers: tuple[Node, ...]
    blobs: dict[Digest, Descriptor]
    small: dict[Digest, bytes]
    entries: tuple[Descriptor, ...]


def read_graph(
    source: ImageSource, *, only: LayoutImage | None = None, with_referrers: bool = True
) -> Graph:
    """The graph of a whole source, or of `only` one of its images; layers are not read.

    Referrers of referrers are among the referrers; those of what is left out are not. Raises
    BuildError where a document is damaged, and what the source raises.
    """
    walk = _Walk(source=source)
    top = source.top if only is None else manifest_descriptor(only)
    images = source.images if only is None else (only,)
    try:
        walk.manifest(top, walk.manifests, depth=0)
        if with_referrers:
            walk.all_referrers()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BuildError(f"the image {source.where} is damaged: {error}") from error
    return Graph(
        top=top,
        manifests=tuple(walk.manifests.values()),
        referrers=tuple(walk.referrers.values()),
        blobs=walk.blobs,
        small={image.config_digest: image.config for image in images},
        entries=tuple(entry for entry in source.referrers if entry.digest in walk.referrers)
        if with_referrers
        else (),
    )


@dataclass(slots=True, kw_only=True)
class _Walk:
    source: ImageSource
    manifests: dict[Digest, Node] = field(default_factory=dict)
    referrers: dict[Digest, Node] = field(default_factory=dict)
    blobs: dict[Digest, Descriptor] = field(default_factory=dict)

    def manifest(self, descriptor: Descriptor, into: dict[Digest, Node], *, depth: int) -> None:
        if descriptor.digest in self.manifests or descriptor.digest in self.referrers:
            return
        if depth > _DEEPEST:
            raise ValueError("indexes are nested too deeply")
        data = self.source.read_manifest(descriptor)
        document = json.loads(data)
        if descriptor.media_type in INDEX_TYPES:
            for entry in map(parse_descriptor, document["manifests"]):
                self.manifest(entry, into, depth=depth + 1)
        else:
            for blob in _blobs(document):
                known = self.blobs.setdefault(blob.digest, blob)
                if known.size_bytes != blob.size_bytes:
                    raise ValueError(f"the blob {blob.digest} is given two sizes")
        into[descriptor.digest] = Node(descriptor=descriptor, data=data)

    def all_referrers(self) -> None:
        """Take in what refers to the image, then what refers to that, until there is no more."""
        waiting = {entry.digest: entry for entry in self.source.referrers}
        found = True
        while found:
            found = False
            for digest, entry in list(waiting.items()):
                subject = json.loads(self.source.read_manifest(entry)).get("subject")
                # why: a registry may list what refers to nothing.
                digest_of = None if subject is None else Digest.parse(subject["digest"])
                if digest_of in self.manifests or digest_of in self.referrers:
                    self.manifest(entry, self.referrers, depth=0)
                    del waiting[digest]
                    found = True


def _blobs(document: dict[str, Any]) -> list[Descriptor]:
    parts = [document["config"], *document.get("layers", [])]
    return [replace(parse_descriptor(part), annotations=None) for part in parts]
