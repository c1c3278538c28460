"""Images for reading, whatever form they are in: layout folder, OCI archive, docker-archive.

A docker-archive holds no manifest: the one that its config and layers would have in a layout, with
the layers as the tars they are, stands for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from nixgen.digest import Digest
from nixgen.errors import BuildError, UsageError
from nixgen.oci.files import Files, FolderFiles, TarFiles
from nixgen.oci.image import (
    CONFIG_TYPE,
    MANIFEST_TYPE,
    Descriptor,
    canonical_json,
)
from nixgen.oci.layer import MEDIA_TYPES
from nixgen.oci.reading import LayoutImage, parse_image, read_content, read_small
from nixgen.oci.verified import Verified
from nixgen.platforms import Platform

SourceFormat = Literal["oci", "oci-archive", "docker-archive"]
_SMALL_BYTES = 16 << 20
_WORDS: dict[SourceFormat, str] = {
    "oci": "an OCI image layout",
    "oci-archive": "an OCI archive",
    "docker-archive": "a docker-archive",
}
_HEX = re.compile(r"[0-9a-f]{64}")


class ImageSource(Protocol):
    """An image that can be read, for one or several platforms.

    `top` is the manifest's descriptor, or that of the index over several platforms; `name` and
    `tags` are what the source calls the image.
    """

    @property
    def where(self) -> str:
        """The image as the user named it."""
        ...

    @property
    def format(self) -> str:
        """The form it is in."""
        ...

    @property
    def name(self) -> str | None:
        """The repository's name, where the source knows one."""
        ...

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags as far as the source tells them, or the one that it was named by."""
        ...

    @property
    def top(self) -> Descriptor:
        """What names the image."""
        ...

    @property
    def images(self) -> tuple[LayoutImage, ...]:
        """The image for each platform."""
        ...

    @property
    def referrers(self) -> tuple[Descriptor, ...]:
        """What refers to the image or to one of its platforms'."""
        ...

    def open_blob(self, descriptor: Descriptor) -> Verified:
        """The bytes of a config or layer, checked while they are read; raises NixgenError.

        Several may be read at a time, each by one thread.
        """
        ...

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """The bytes of a manifest or index, checked; raises NixgenError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """An `ImageSource` on this machine. `blobs` says which file holds which blob."""

    where: str
    format: SourceFormat
    name: str | None
    tags: tuple[str, ...]
    top: Descriptor
    images: tuple[LayoutImage, ...]
    referrers: tuple[Descriptor, ...]
    files: Files
    blobs: Mapping[Digest, str] | None = None

    def open_blob(self, descriptor: Descriptor) -> Verified:
        """See `ImageSource`."""
        plain = f"blobs/sha256/{descriptor.digest.hex}"
        place = plain if self.blobs is None else self.blobs.get(descriptor.digest, plain)
        return Verified(lambda: self.files.open(place), descriptor, self.where)

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """See `ImageSource`."""
        for image in self.images:
            if image.digest == descriptor.digest:
                return image.manifest
        try:
            return read_small(self.files, descriptor)
        except (OSError, ValueError) as error:
            raise BuildError(f"{self.where}: {error}") from error


def choose_image(source: ImageSource, platform: Platform | None) -> LayoutImage:
    """The image for a platform, or the only one; raises UsageError naming those there are."""
    known = ", ".join(str(image.platform) for image in source.images)
    found = [image for image in source.images if platform in (None, image.platform)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{source.where} holds an image for {known}", hint="choose one with --platform"
        )
    raise UsageError(f"{source.where} holds no image for {platform}, but for {known}")


def open_stored(
    path: Path, *, form: SourceFormat | None = None, tag: str | None = None
) -> StoredImage:
    """Open an image on disk; its manifests and configs are read and checked, layers are not.

    `form` None finds out what it is. `tag` chooses among several images (`NAME:TAG` or TAG for a
    docker-archive). Raises UsageError for what is not there or no image, BuildError for what is
    damaged.
    """
    if not path.exists():
        raise UsageError(f"no image at {path}: there is no such file or folder")
    files: Files = FolderFiles(path=path) if path.is_dir() else TarFiles(path)
    found = _find_form(files)
    if found is None or (form is not None and form not in found):
        wanted = _WORDS[form] if form else "an OCI layout, an OCI archive or a docker-archive"
        raise UsageError(f"{path} is not {wanted}")
    where = str(path) if tag is None else f"{path}:{tag}"
    try:
        if (form or found[0]) == "docker-archive":
            return _open_docker(files, where, tag)
        return _open_oci(files, where, found[0], tag)
    except OSError as error:
        raise BuildError(
            f"{path} is damaged: {error.filename or ''}: {error.strerror or error}"
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, EOFError, RecursionError) as error:
        raise BuildError(f"the image {path} is damaged: {error}") from error


def _find_form(files: Files) -> tuple[SourceFormat, ...] | None:
    """The forms that it can be read as, the best first: docker makes archives that are both."""
    forms: list[SourceFormat] = []
    if files.has("oci-layout"):
        forms.append("oci" if files.path.is_dir() else "oci-archive")
    if files.has("manifest.json") and _is_list(files, "manifest.json"):
        forms.append("docker-archive")
    return tuple(forms) or None


def _is_list(files: Files, name: str) -> bool:
    # why: skopeo's own form of a folder has a file of that name too, which holds an object.
    with files.open(name) as file:
        return file.read(64).lstrip()[:1] == b"["


def _open_oci(files: Files, where: str, form: SourceFormat, tag: str | None) -> StoredImage:
    version = _read_json(files, "oci-layout").get("imageLayoutVersion")
    if version != "1.0.0":
        raise ValueError(f"the layout version is {version!r}, this reads 1.0.0")
    content = read_content(files, _read_json(files, "index.json"), tag)
    top = content.top
    if top.media_type == MANIFEST_TYPE:
        top = manifest_descriptor(content.images[0])
    return StoredImage(
        where=where,
        format=form,
        name=None,
        tags=content.tags,
        top=top,
        images=content.images,
        referrers=content.referrers,
        files=files,
    )


def manifest_descriptor(image: LayoutImage) -> Descriptor:
    """What an index says of an image's manifest."""
    return Descriptor(
        media_type=json.loads(image.manifest).get("mediaType") or MANIFEST_TYPE,
        digest=image.digest,
        size_bytes=len(image.manifest),
        platform=image.platform,
    )


def _open_docker(files: Files, where: str, tag: str | None) -> StoredImage:
    entries = json.loads(_read(files, "manifest.json"))
    entry = _choose_docker(entries, where, tag)
    config = _read(files, entry["Config"])
    stem = Path(entry["Config"]).name.removesuffix(".json")
    if _HEX.fullmatch(stem) and stem != Digest.of_bytes(config).hex:
        raise ValueError(f"the config {stem} does not have that digest")
    diff_ids = [Digest.parse(text) for text in json.loads(config)["rootfs"]["diff_ids"]]
    places = [str(name) for name in entry["Layers"]]
    if len(diff_ids) != len(places):
        raise ValueError(f"{len(places)} layers, but {len(diff_ids)} diffIDs")
    layers = [
        Descriptor(
            media_type=MEDIA_TYPES["none"], digest=diff_id, size_bytes=files.size_bytes(place)
        )
        for diff_id, place in zip(diff_ids, places, strict=True)
    ]
    image = parse_image(_stand_in(config, layers), config)
    name, tags = _docker_names(entry, tag)
    return StoredImage(
        where=where,
        format="docker-archive",
        name=name,
        tags=tags,
        top=manifest_descriptor(image),
        images=(image,),
        referrers=(),
        files=files,
        blobs={
            **dict(zip(diff_ids, places, strict=True)),
            image.config_digest: str(entry["Config"]),
        },
    )


def _docker_names(entry: dict[str, Any], chosen: str | None) -> tuple[str | None, tuple[str, ...]]:
    """The name, and the tags that it has under that name, or the one that was chosen."""
    pairs = [str(text).rpartition(":")[::2] for text in entry.get("RepoTags") or ()]
    if chosen is not None:
        pairs = [pair for pair in pairs if chosen in (pair[1], ":".join(pair))][:1]
    if not pairs:
        return None, ()
    name = pairs[0][0]
    return name, tuple(dict.fromkeys(tag for own, tag in pairs if own == name))


def _stand_in(config: bytes, layers: Sequence[Descriptor]) -> bytes:
    """The manifest that a docker-archive's image would have."""
    described = Descriptor(
        media_type=CONFIG_TYPE, digest=Digest.of_bytes(config), size_bytes=len(config)
    )
    return canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": described.as_json(),
            "layers": [layer.as_json() for layer in layers],
        }
    )


def _choose_docker(entries: Sequence[Any], where: str, tag: str | None) -> dict[str, Any]:
    known = [str(name) for entry in entries for name in entry.get("RepoTags") or ()]
    for entry in entries:
        tags = [str(name) for name in entry.get("RepoTags") or ()]
        if tag in tags or tag in [name.rpartition(":")[2] for name in tags]:
            return dict(entry)
    if tag is None and len(entries) == 1:
        return dict(entries[0])
    wanted = "one image" if tag is None else f"the tag {tag!r}"
    raise UsageError(
        f"{where} does not hold {wanted}; its tags: {', '.join(known) or 'none'}",
        hint="name one: PATH:TAG" if known else None,
    )


def _read(files: Files, name: str) -> bytes:
    if files.size_bytes(name) > _SMALL_BYTES:
        raise ValueError(f"{name} is larger than {_SMALL_BYTES} bytes")
    with files.open(name) as file:
        return file.read(_SMALL_BYTES)


def _read_json(files: Files, name: str) -> dict[str, Any]:
    document = json.loads(_read(files, name))
    if not isinstance(document, dict):
        raise TypeError(f"{name} is not a JSON object")
    return document
