"""Copies of images between the forms on disk: the bytes that have digests stay as they are."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.oci import faults
from nixgen.oci.archive import write_archive_content, write_docker_tars
from nixgen.oci.blob import new_blob
from nixgen.oci.image import INDEX_TYPE, Descriptor
from nixgen.oci.layout import LayoutContent, write_content
from nixgen.oci.opening import (
    SourceFormat,
    StoredImage,
    choose_image,
    manifest_descriptor,
)
from nixgen.oci.reading import LayoutImage, parse_descriptor, read_small
from nixgen.oci.unpacking import LayerTar, open_tar
from nixgen.oci.writing import work_folder
from nixgen.platforms import Platform

_READ_BYTES = 1 << 20
_TITLE = "org.opencontainers.image.title"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A copy. `digest` is the manifest's or index's, for a docker-archive the image id."""

    path: Path
    format: SourceFormat
    tag: str | None
    digest: Digest
    referrers: int

    def as_json(self) -> dict[str, Any]:
        """The document of `nixgen copy --json`."""
        return {
            "path": str(self.path),
            "format": self.format,
            "tag": self.tag,
            "digest": str(self.digest),
            "referrers": self.referrers,
        }


def copy_image(
    source: StoredImage,
    destination: Path,
    *,
    form: SourceFormat,
    tag: str | None = None,
    platform: Platform | None = None,
) -> Copied:
    """Copy an image, with what refers to it where the form holds that; every digest is checked.

    `tag` None keeps the source's. With `platform`, or to a docker-archive, one platform is copied.
    Raises UsageError (nothing fits, `destination` taken), BuildError (the source is damaged),
    MachineError (no space, zstd missing).
    """
    one = platform is not None or form == "docker-archive" or len(source.images) == 1
    images = (choose_image(source, platform),) if one else source.images
    with work_folder(destination) as work, faults.writing("the image", destination):
        if form == "docker-archive":
            return _to_docker(source, images[0], destination, work, tag)
        content = _content(source, images, work)
        tag = tag or source.tag
        if form == "oci-archive":
            write_archive_content(content, destination, tag=tag, mtime=_created(images[0]))
        else:
            write_content(content, destination, tag=tag)
    return Copied(
        path=destination,
        format=form,
        tag=tag,
        digest=content.top.digest,
        referrers=len(content.referrers),
    )


def _content(source: StoredImage, images: Sequence[LayoutImage], work: Path) -> LayoutContent:
    top = source.top if len(images) == len(source.images) else manifest_descriptor(images[0])
    small: dict[Digest, bytes] = {}
    layers: dict[Digest, Path] = {}
    if top.media_type == INDEX_TYPE:
        small[top.digest] = read_small(source.files, top)
    for image in images:
        small |= {image.digest: image.manifest, image.config_digest: image.config}
        for layer in image.layers:
            _extract(source, layer.descriptor, work, layers)
    referrers = []
    for referrer in source.referrers:
        manifest = source.read_manifest(referrer)
        document = json.loads(manifest)
        if Digest.parse(document["subject"]["digest"]) not in small:
            continue
        referrers.append(referrer)
        small[referrer.digest] = manifest
        parts = [document["config"], *document.get("layers", [])]
        for part in map(parse_descriptor, parts):
            _extract(source, part, work, layers)
    return LayoutContent(top=top, small=small, layers=layers, referrers=tuple(referrers))


def _extract(
    source: StoredImage, descriptor: Descriptor, work: Path, done: dict[Digest, Path]
) -> None:
    """Put a blob into the work folder, checked."""
    if descriptor.digest in done:
        return
    file, place = new_blob(work, "blob-")
    with source.open_blob(descriptor) as blob, os.fdopen(file, "wb") as out:
        while data := blob.read(_READ_BYTES):
            out.write(data)
    # why: equal size and time are what tells one copy from another later.
    os.utime(place, (1, 1))
    done[descriptor.digest] = place


def _to_docker(
    source: StoredImage, image: LayoutImage, destination: Path, work: Path, tag: str | None
) -> Copied:
    tars: list[tuple[Digest, Path]] = []
    for layer in image.layers:
        place = work / layer.diff_id.hex
        if not place.exists():
            with open_tar(source, layer) as tar:
                _store(tar, place)
        tars.append((layer.diff_id, place))
    name = _repo_tag(source, image, destination, tag)
    digest = write_docker_tars(
        image.config, tars, destination, repo_tags=[name], mtime=_created(image)
    )
    return Copied(path=destination, format="docker-archive", tag=name, digest=digest, referrers=0)


def _store(tar: LayerTar, place: Path) -> None:
    with place.open("xb") as file:
        while data := tar.read():
            file.write(data)


def _repo_tag(source: StoredImage, image: LayoutImage, destination: Path, tag: str | None) -> str:
    """`NAME:TAG` as engines want it, from what is known of the image."""
    if tag and ":" in tag:
        return tag
    title = image.annotations.get(_TITLE, "") or destination.name.partition(".")[0]
    name = source.name or re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "image"
    return f"{name}:{tag or source.tag or 'latest'}"


def _created(image: LayoutImage) -> int:
    """The image's own time in POSIX seconds, which archives give their entries."""
    text = json.loads(image.config).get("created")
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return 0
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return max(0, int(time.timestamp()))


def check_destination(form: SourceFormat | None, path: Path) -> SourceFormat:
    """The form of a copy, by its prefix or its name; raises UsageError for a bad tag or place."""
    if form is not None:
        return form
    if path.is_dir():
        return "oci"
    name = path.name
    if name.endswith((".docker.tar", ".docker-archive", ".docker")):
        return "docker-archive"
    if name.endswith((".tar", ".oci-archive")):
        return "oci-archive"
    if path.exists():
        raise UsageError(
            f"{path} is a file, and its name does not say what the copy should be",
            hint="write oci-archive: or docker-archive: before it",
        )
    return "oci"
