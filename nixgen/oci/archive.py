"""Images as one tar file: what `docker load` and `podman load` take, and an OCI layout as a tar.

Both are deterministic: entries in a fixed order, owned by 0:0, with the image's own time. A
docker-archive holds uncompressed layers and no OCI manifest, so what names the image there is
its config's digest.
Formats: https://github.com/moby/docker-image-spec/blob/main/v1.2.md (combined image JSON and
file system changesets), https://github.com/opencontainers/image-spec/blob/main/image-layout.md.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from nixgen.aside import aside
from nixgen.digest import Digest
from nixgen.errors import BuildError, UsageError
from nixgen.oci import faults
from nixgen.oci.blob import Summing
from nixgen.oci.image import BuiltImage, canonical_json
from nixgen.oci.layer import BuiltLayer
from nixgen.oci.layout import MARKER, LayoutContent, layout_content, layout_index
from nixgen.oci.tarheader import BLOCK_BYTES, HeaderEncoder, Ownership, padding, trailer

# why: what the archives of other tools begin with, too: those are images.
_FIRST_NAME = re.compile(rb"(\./)?(oci-layout|index\.json|manifest\.json|blobs/|[0-9a-f]{64}[./])")
_COPY_BYTES = 1 << 20


def write_docker_archive(image: BuiltImage, dest: Path, *, repo_tags: Sequence[str]) -> Digest:
    """Write one image as a docker-archive, replacing the file `dest`; gives the image id.

    `repo_tags` are `NAME:TAG`. Compressed layers are made anew from the store. Raises UsageError
    where `dest` is no file, MachineError where it can't be written, BuildError where the store
    no longer gives the same layer.
    """
    with open_archive(dest, image.mtime) as archive:
        add_docker_image(archive, image, repo_tags=repo_tags)
    return image.config_digest


def add_docker_image(archive: Archive, image: BuiltImage, *, repo_tags: Sequence[str]) -> None:
    """Write what `write_docker_archive` writes into an archive that is open."""
    # why: a layer that occurs twice is one entry.
    layers = {layer.diff_id: layer for layer in image.layers}
    for diff_id, layer in sorted(layers.items()):
        archive.add_layer(docker_layer_name(diff_id), layer)
    diff_ids = [layer.diff_id for layer in image.layers]
    archive.add_docker_index(image.config, diff_ids, repo_tags=repo_tags)


def docker_layer_name(diff_id: Digest) -> str:
    """What a layer's tar is called in a docker-archive."""
    return f"{diff_id.hex}/layer.tar"


def write_oci_archive(images: Sequence[BuiltImage], dest: Path, *, tags: Sequence[str]) -> Digest:
    """Write an OCI layout of the images, one per platform, as a tar; gives the image's digest.

    Raises UsageError where `dest` is no file, MachineError where it can't be written.
    """
    content = layout_content(images)
    write_archive_content(content, dest, tags=tags, mtime=images[0].mtime)
    return content.top.digest


def write_archive_content(
    content: LayoutContent, dest: Path, *, tags: Sequence[str], mtime: int
) -> None:
    """Write a layout of which all is known as a tar, as `write_oci_archive` does."""
    with open_archive(dest, mtime) as archive:
        archive.add_layout(content, tags=tags)
        for digest, path in sorted(content.layers.items()):
            archive.add_file(f"blobs/sha256/{digest.hex}", path)


class Archive:
    """Writes entries to an open file, which may be a pipe. `finish` ends it."""

    def __init__(self, file: BinaryIO, mtime: int) -> None:
        """`mtime` in POSIX seconds is what every entry gets."""
        self._file = file
        self._count = 0
        self._headers = HeaderEncoder(Ownership(mtime=mtime, uid=0, gid=0, uname="", gname=""))

    def add_folder(self, name: str) -> None:
        """Add a folder."""
        self._write(self._headers.directory(name, mode=0o755))

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add a file that holds `data`."""
        self.add_stream(name, len(data), iter([data]))

    def add_file(self, name: str, path: Path) -> None:
        """Add a copy of a file; raises OSError."""
        with path.open("rb") as source:
            chunks = iter(lambda: source.read(_COPY_BYTES), b"")
            self.add_stream(name, path.stat().st_size, chunks)

    def add_stream(self, name: str, size_bytes: int, chunks: Iterable[bytes]) -> None:
        """Add a file of a size that is known; raises BuildError where the chunks have another."""
        self._write(self._headers.file(name, mode=0o644, size_bytes=size_bytes))
        start = self._count
        for chunk in chunks:
            self._write(chunk)
        if self._count - start != size_bytes:
            raise BuildError(f"{name} has {self._count - start} bytes, not {size_bytes}")
        self._write(padding(size_bytes))

    def add_layer(self, name: str, layer: BuiltLayer) -> None:
        """Add a layer's tar; raises BuildError where the store no longer gives the same."""
        if layer.compression == "none":
            self.add_file(name, layer.blob)
            return
        size_bytes = layer.unpacked_bytes
        self._write(self._headers.file(name, mode=0o644, size_bytes=size_bytes))
        self._file.flush()
        summing = Summing(self._file.fileno())
        layer.source.write(summing)
        self._count += size_bytes
        if summing.summed().digest != layer.diff_id:
            raise BuildError(
                f"a layer changed while the image was written: {', '.join(layer.store_paths)}",
                hint="nothing may write to a store path: run 'nix-store --verify --check-contents'",
            )
        self._write(padding(size_bytes))

    def add_layout(self, content: LayoutContent, *, tags: Sequence[str]) -> None:
        """Add all of an OCI layout but its layers, which are to follow."""
        self.add_bytes("oci-layout", MARKER)
        own = [entry.as_json() for entry in content.referrers]
        self.add_bytes("index.json", layout_index(content, tags=tags, referrers=own))
        for folder in ("blobs", "blobs/sha256"):
            self.add_folder(folder)
        for digest, data in sorted(content.small.items()):
            self.add_bytes(f"blobs/sha256/{digest.hex}", data)

    def add_docker_index(
        self, config: bytes, diff_ids: Sequence[Digest], *, repo_tags: Sequence[str]
    ) -> None:
        """Add the config and the index of a docker-archive, whose layers are there already."""
        name = f"{Digest.of_bytes(config).hex}.json"
        layers = [docker_layer_name(diff_id) for diff_id in diff_ids]
        self.add_bytes(name, config)
        entry = {"Config": name, "RepoTags": list(repo_tags), "Layers": layers}
        self.add_bytes("manifest.json", canonical_json([entry]))

    def finish(self) -> None:
        """Write the end."""
        self._write(trailer(self._count))
        self._file.flush()

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._count += len(data)


def _refuse_foreign(dest: Path) -> None:
    """Raise UsageError where a file is there that is no image: it may be what the image is of."""
    try:
        with dest.open("rb") as file:
            block = file.read(BLOCK_BYTES)
    except FileNotFoundError:
        return
    name = block[:100].rstrip(b"\0")
    if block and not (block[257:262] == b"ustar" and _FIRST_NAME.match(name)):
        raise UsageError(
            f"{dest} is there and is not an image: it is left alone",
            hint="name another place with -o, or remove it yourself",
        )


@contextlib.contextmanager
def open_archive(dest: Path, mtime: int) -> Iterator[Archive]:
    """An archive that appears as `dest` when it is whole, and leaves nothing when it fails.

    Raises UsageError where `dest` is no file, MachineError where it can't be written.
    """
    if dest.is_dir() or (dest.exists() and not dest.is_file()):
        raise UsageError(
            f"{dest} is there and is not a file: it is left alone",
            hint="name another place with -o",
        )
    # why: a link to an archive stays a link, as one to a layout does.
    dest = Path(os.path.realpath(dest))
    with faults.writing("the image", dest):
        _refuse_foreign(dest)
        faults.make_folder(dest.parent)
        with aside(dest, folder=False) as temporary:
            with temporary.open("wb", buffering=_COPY_BYTES) as file:
                archive = Archive(file, mtime)
                yield archive
                archive.finish()
                os.fsync(file.fileno())
            temporary.replace(dest)
