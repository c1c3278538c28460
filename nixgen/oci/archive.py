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
import shutil
from collections.abc import Iterator, Sequence
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
from nixgen.oci.tarheader import HeaderEncoder, Ownership, padding, trailer

_COPY_BYTES = 1 << 20


def write_docker_archive(image: BuiltImage, dest: Path, *, repo_tags: Sequence[str]) -> Digest:
    """Write one image as a docker-archive, replacing the file `dest`; gives the image id.

    `repo_tags` are `NAME:TAG`. Compressed layers are made anew from the store. Raises UsageError
    where `dest` is no file, MachineError where it can't be written, BuildError where the store
    no longer gives the same layer.
    """
    config_name = f"{image.config_digest.hex}.json"
    names = [f"{layer.diff_id.hex}/layer.tar" for layer in image.layers]
    manifest = [{"Config": config_name, "RepoTags": list(repo_tags), "Layers": names}]
    with _archive(dest, image.mtime) as archive:
        # why: a layer that occurs twice is one entry.
        for name, layer in sorted(dict(zip(names, image.layers, strict=True)).items()):
            archive.add_layer(name, layer)
        archive.add_bytes(config_name, image.config)
        archive.add_bytes("manifest.json", canonical_json(manifest))
    return image.config_digest


def write_oci_archive(images: Sequence[BuiltImage], dest: Path, *, tag: str | None) -> Digest:
    """Write an OCI layout of the images, one per platform, as a tar; gives the image's digest.

    Raises UsageError where `dest` is no file, MachineError where it can't be written.
    """
    content = layout_content(images)
    write_archive_content(content, dest, tag=tag, mtime=images[0].mtime)
    return content.top.digest


def write_archive_content(
    content: LayoutContent, dest: Path, *, tag: str | None, mtime: int
) -> None:
    """Write a layout of which all is known as a tar, as `write_oci_archive` does."""
    with _archive(dest, mtime) as archive:
        archive.add_bytes("oci-layout", MARKER)
        own = [entry.as_json() for entry in content.referrers]
        archive.add_bytes("index.json", layout_index(content, tag=tag, referrers=own))
        for folder in ("blobs", "blobs/sha256"):
            archive.add_folder(folder)
        for digest, data in sorted(content.small.items()):
            archive.add_bytes(f"blobs/sha256/{digest.hex}", data)
        for digest, path in sorted(content.layers.items()):
            archive.add_file(f"blobs/sha256/{digest.hex}", path)


def write_docker_tars(
    config: bytes,
    tars: Sequence[tuple[Digest, Path]],
    dest: Path,
    *,
    repo_tags: Sequence[str],
    mtime: int,
) -> Digest:
    """Write a docker-archive of a config and layers that lie ready as tars; gives the image id.

    `tars` are the layers' diffIDs and files, lowest first. Raises as `write_docker_archive`.
    """
    digest = Digest.of_bytes(config)
    names = [f"{diff_id.hex}/layer.tar" for diff_id, _ in tars]
    manifest = [{"Config": f"{digest.hex}.json", "RepoTags": list(repo_tags), "Layers": names}]
    with _archive(dest, mtime) as archive:
        for diff_id, path in sorted(dict(tars).items()):
            archive.add_file(f"{diff_id.hex}/layer.tar", path)
        archive.add_bytes(f"{digest.hex}.json", config)
        archive.add_bytes("manifest.json", canonical_json(manifest))
    return digest


class _Archive:
    """Writes entries to an open file."""

    def __init__(self, file: BinaryIO, mtime: int) -> None:
        self._file = file
        self._headers = HeaderEncoder(Ownership(mtime=mtime, uid=0, gid=0, uname="", gname=""))

    def add_folder(self, name: str) -> None:
        self._file.write(self._headers.directory(name, mode=0o755))

    def add_bytes(self, name: str, data: bytes) -> None:
        self._file.write(self._headers.file(name, mode=0o644, size_bytes=len(data)))
        self._file.write(data)
        self._file.write(padding(len(data)))

    def add_file(self, name: str, path: Path) -> None:
        size_bytes = path.stat().st_size
        self._file.write(self._headers.file(name, mode=0o644, size_bytes=size_bytes))
        with path.open("rb") as source:
            shutil.copyfileobj(source, self._file, _COPY_BYTES)
        self._file.write(padding(size_bytes))

    def add_layer(self, name: str, layer: BuiltLayer) -> None:
        if layer.compression == "none":
            self.add_file(name, layer.blob)
            return
        size_bytes = layer.unpacked_bytes
        self._file.write(self._headers.file(name, mode=0o644, size_bytes=size_bytes))
        self._file.flush()
        summing = Summing(self._file.fileno())
        layer.source.write(summing)
        if summing.summed().digest != layer.diff_id:
            raise BuildError(
                f"a layer changed while the image was written: {', '.join(layer.store_paths)}",
                hint="nothing may write to a store path: run 'nix-store --verify --check-contents'",
            )
        self._file.write(padding(size_bytes))

    def finish(self) -> None:
        self._file.write(trailer(self._file.tell()))


@contextlib.contextmanager
def _archive(dest: Path, mtime: int) -> Iterator[_Archive]:
    """An archive that appears as `dest` when it is whole, and leaves nothing when it fails."""
    if dest.is_dir() or (dest.exists() and not dest.is_file()):
        raise UsageError(
            f"{dest} is there and is not a file: it is left alone",
            hint="name another place with -o",
        )
    # why: not resolved: see `write_layout`.
    dest = Path(os.path.abspath(dest))  # noqa: PTH100
    with faults.writing("the image", dest):
        dest.parent.mkdir(parents=True, exist_ok=True)
        with aside(dest, folder=False) as temporary:
            with temporary.open("wb", buffering=_COPY_BYTES) as file:
                archive = _Archive(file, mtime)
                yield archive
                archive.finish()
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(dest)
