"""Copies of images into the forms on disk: the bytes that have digests stay as they are."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.oci import faults
from nixgen.oci.archive import Archive, docker_layer_name, open_archive
from nixgen.oci.blob import new_blob
from nixgen.oci.graph import Graph, read_graph
from nixgen.oci.image import Descriptor
from nixgen.oci.layout import LayoutContent, write_content
from nixgen.oci.moved import Moved
from nixgen.oci.opening import ImageSource, SourceFormat, choose_image
from nixgen.oci.reading import LayoutImage
from nixgen.oci.unpacking import open_tar
from nixgen.oci.writing import work_folder
from nixgen.platforms import Platform
from nixgen.progress import Reporter, Silent

_READ_BYTES = 1 << 20
_TITLE = "org.opencontainers.image.title"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A copy. `digest` is the manifest's or index's, for a docker-archive the image id."""

    path: Path
    format: SourceFormat
    tags: tuple[str, ...]
    digest: Digest
    referrers: int


def copy_image(
    source: ImageSource,
    destination: Path,
    *,
    form: SourceFormat,
    tags: Sequence[str] = (),
    platform: Platform | None = None,
    with_referrers: bool = True,
    reporter: Reporter | None = None,
) -> Copied:
    """Copy an image, with what refers to it where the form holds that; every digest is checked.

    Without `tags` it keeps the source's; with them, a layout keeps what it has under other tags.
    With `platform`, or to a docker-archive, one platform is copied. Raises UsageError (nothing
    fits, `destination` taken), BuildError (the source is damaged), MachineError (no space, zstd
    missing), and what the source raises.
    """
    one = platform is not None or form == "docker-archive"
    image = choose_image(source, platform) if one else source.images[0]
    reporter = reporter or Silent()
    names = tuple(tags) or source.tags
    if form == "docker-archive":
        repo_tags = repo_tags_of(source, image, names, stem=destination.name)
        with (
            work_folder(destination) as work,
            open_archive(destination, created_of(image)) as archive,
        ):
            add_docker_copy(archive, source, image, work, repo_tags, reporter)
        return Copied(
            path=destination,
            format=form,
            tags=repo_tags,
            digest=image.config_digest,
            referrers=0,
        )
    only = None if platform is None else image
    graph = read_graph(source, only=only, with_referrers=with_referrers)
    if form == "oci-archive":
        with open_archive(destination, created_of(image)) as archive:
            add_oci_copy(archive, source, graph, names, reporter)
    else:
        _write_layout(source, graph, destination, names, reporter, beside=bool(tags))
    return Copied(
        path=destination,
        format=form,
        tags=names,
        digest=graph.top.digest,
        referrers=len(graph.referrers),
    )


def add_oci_copy(
    archive: Archive, source: ImageSource, graph: Graph, tags: Sequence[str], reporter: Reporter
) -> None:
    """Write an image as an OCI archive; its layers stream through. Raises as `copy_image`."""
    blobs = _large(graph)
    archive.add_layout(_content(graph, {}), tags=tags)
    moved = Moved(reporter, "copied", [blob.size_bytes for blob in blobs])
    for blob in blobs:
        name = f"blobs/sha256/{blob.digest.hex}"
        archive.add_stream(name, blob.size_bytes, _read(source, blob, moved))


def add_docker_copy(
    archive: Archive,
    source: ImageSource,
    image: LayoutImage,
    work: Path,
    repo_tags: Sequence[str],
    reporter: Reporter,
) -> None:
    """Write an image as a docker-archive; raises as `copy_image`.

    A compressed layer lies unpacked in `work` for a while: its size must be known first.
    """
    layers = {layer.diff_id: layer for layer in image.layers}
    sizes = [layer.descriptor.size_bytes for layer in layers.values()]
    moved = Moved(reporter, "copied", sizes)
    for diff_id, layer in sorted(layers.items()):
        name = docker_layer_name(diff_id)
        if layer.descriptor.digest == diff_id:
            chunks = _read(source, layer.descriptor, moved)
            archive.add_stream(name, layer.descriptor.size_bytes, chunks)
            continue
        place = work / diff_id.hex
        with open_tar(source, layer, on_read=moved.add) as tar, place.open("xb") as file:
            while data := tar.read():
                file.write(data)
        moved.add(0, blobs=1)
        archive.add_file(name, place)
        place.unlink()
    diff_ids = [layer.diff_id for layer in image.layers]
    archive.add_docker_index(image.config, diff_ids, repo_tags=repo_tags)


def _large(graph: Graph) -> list[Descriptor]:
    """The blobs that are not in memory, in the order of an archive."""
    return [graph.blobs[digest] for digest in sorted(graph.blobs) if digest not in graph.small]


def _content(graph: Graph, layers: dict[Digest, Path]) -> LayoutContent:
    nodes = (*graph.manifests, *graph.referrers)
    return LayoutContent(
        top=graph.top,
        small={**graph.small, **{node.descriptor.digest: node.data for node in nodes}},
        layers=layers,
        referrers=graph.entries,
    )


def _write_layout(
    source: ImageSource,
    graph: Graph,
    destination: Path,
    tags: Sequence[str],
    reporter: Reporter,
    *,
    beside: bool,
) -> None:
    blobs = _large(graph)
    moved = Moved(reporter, "copied", [blob.size_bytes for blob in blobs])
    with work_folder(destination) as work, faults.writing("the image", destination):
        layers: dict[Digest, Path] = {}
        for blob in blobs:
            descriptor, place = new_blob(work, "blob-")
            with os.fdopen(descriptor, "wb") as file:
                for data in _read(source, blob, moved):
                    file.write(data)
            layers[blob.digest] = place
            # why: equal size and time are what tells one copy from another later.
            os.utime(place, (1, 1))
        write_content(_content(graph, layers), destination, tags=tags, beside=beside)


def _read(source: ImageSource, blob: Descriptor, moved: Moved) -> Iterator[bytes]:
    with source.open_blob(blob) as stream:
        stream.on_read = moved.add
        while data := stream.read(_READ_BYTES):
            yield data
    moved.add(0, blobs=1)


def repo_tags_of(
    source: ImageSource, image: LayoutImage, tags: Sequence[str], *, stem: str
) -> tuple[str, ...]:
    """`NAME:TAG` as engines want it, from what is known of the image; `stem` where nothing is."""
    title = image.annotations.get(_TITLE, "") or stem.partition(".")[0]
    name = source.name or re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "image"
    return tuple(tag if ":" in tag else f"{name}:{tag}" for tag in tags or ("latest",))


def created_of(image: LayoutImage) -> int:
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
