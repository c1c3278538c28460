"""What an image holds, as one document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nixgen.digest import Digest
from nixgen.errors import BuildError
from nixgen.oci.image import Descriptor
from nixgen.oci.moved import Moved
from nixgen.oci.opening import ImageSource
from nixgen.oci.reading import LayoutImage, LayoutLayer
from nixgen.oci.unpacking import open_tar
from nixgen.progress import PhaseStarted, Reporter, Silent


def measure_layers(
    source: ImageSource, images: Sequence[LayoutImage], reporter: Reporter | None = None
) -> dict[Digest, int]:
    """The unpacked size of each layer by its diffID; reads all, and checks both digests.

    Raises BuildError for what is damaged, MachineError where zstd is missing.
    """
    layers = {layer.diff_id: layer for image in images for layer in image.layers}
    reporter = reporter or Silent()
    reporter.report(PhaseStarted(name=f"verify {source.where}"))
    moved = Moved(reporter, "read", [layer.descriptor.size_bytes for layer in layers.values()])
    found = {}
    for diff_id, layer in layers.items():
        with open_tar(source, layer, on_read=moved.add) as tar:
            found[diff_id] = tar.finish()
        moved.add(0, blobs=1)
    return found


def describe(
    source: ImageSource,
    images: Sequence[LayoutImage],
    *,
    unpacked_bytes: Mapping[Digest, int] | None = None,
) -> dict[str, Any]:
    """The document of `nixgen inspect --json`; see the reference of the commands.

    `unpacked_bytes` are sizes by diffID as far as they were measured. Raises what reading the
    referrers' manifests raises.
    """
    archived = source.format == "docker-archive"
    sizes = unpacked_bytes or {}
    return {
        "image": source.where,
        "format": source.format,
        "name": source.name,
        "tags": list(source.tags),
        "digest": str(source.images[0].config_digest if archived else source.top.digest),
        "platforms": [_describe_image(image, sizes, archived=archived) for image in images],
        "referrers": [_describe_referrer(source, entry) for entry in source.referrers],
    }


def _describe_image(
    image: LayoutImage, sizes: Mapping[Digest, int], *, archived: bool
) -> dict[str, Any]:
    layers = [_describe_layer(layer, sizes) for layer in image.layers]
    unpacked = [layer["unpacked_bytes"] for layer in layers]
    return {
        "platform": str(image.platform),
        "digest": None if archived else str(image.digest),
        "config_digest": str(image.config_digest),
        "size_bytes": sum(layer.descriptor.size_bytes for layer in image.layers),
        "unpacked_bytes": None if None in unpacked else sum(unpacked),
        "annotations": dict(sorted(image.annotations.items())),
        "config": json.loads(image.config),
        "layers": layers,
    }


def _describe_layer(layer: LayoutLayer, sizes: Mapping[Digest, int]) -> dict[str, Any]:
    stored = layer.descriptor
    known = stored.size_bytes if stored.digest == layer.diff_id else sizes.get(layer.diff_id)
    return {
        "digest": str(stored.digest),
        "diff_id": str(layer.diff_id),
        "media_type": stored.media_type,
        "size_bytes": stored.size_bytes,
        "unpacked_bytes": known,
        "store_paths": list(layer.store_paths),
    }


def _describe_referrer(source: ImageSource, entry: Descriptor) -> dict[str, Any]:
    try:
        manifest = json.loads(source.read_manifest(entry))
        subject = Digest.parse(manifest["subject"]["digest"])
        # why: lists of others leave out what the manifest says.
        kind = entry.artifact_type or manifest.get("artifactType")
        kind = kind or manifest.get("config", {}).get("mediaType")
        annotations = manifest.get("annotations") or {}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BuildError(f"{source.where}: the referrer {entry.digest} is damaged") from error
    return {
        "digest": str(entry.digest),
        "media_type": entry.media_type,
        "artifact_type": kind,
        "size_bytes": entry.size_bytes,
        "subject": str(subject),
        "annotations": dict(sorted(annotations.items())),
    }
