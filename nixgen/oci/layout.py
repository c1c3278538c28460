"""Writing an OCI image layout to disk so that it is always whole.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md. A new layout is built
beside its place and renamed. In an existing one the blobs come first, then `index.json` by
rename, then the sweep of blobs that nothing names any more: at every moment `index.json` names
only what is there. The image is the entry with a tag, or has one for each of its tags;
entries without one are referrers, which stay as long as what they refer to stays.

Layers are not flushed to the disk: they carry digests and can be made again. `index.json`,
manifests and configs are, so that a layout on disk is never one that names nothing.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nixgen.aside import MARK, aside, locked
from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.oci import faults
from nixgen.oci.blob import place_blob, sync_folder, write_durably
from nixgen.oci.image import INDEX_TYPE, REF_NAME, BuiltImage, Descriptor, make_index
from nixgen.oci.keeping import Staying, entries_that_stay

MARKER = b'{"imageLayoutVersion":"1.0.0"}'
NEW_INDEX = f"{MARK}index.json"
_IN_PLACE = {errno.EBUSY, errno.EXDEV, errno.ENOTEMPTY, errno.EEXIST}
_BLOB_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutContent:
    """A layout before it is written: small blobs as bytes, layers as files.

    `top` is the descriptor of the image: the manifest, or the index over several platforms.
    `referrers` are the entries of what refers to it; their blobs are among the others.
    """

    top: Descriptor
    small: dict[Digest, bytes]
    layers: dict[Digest, Path]
    referrers: tuple[Descriptor, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutResult:
    """What `write_layout` wrote. `digest` is of the manifest, or of the index where several."""

    path: Path
    tags: tuple[str, ...]
    digest: Digest
    images: tuple[BuiltImage, ...]

    def as_json(self) -> dict[str, Any]:
        """The image's part of what `nixgen image --json` prints."""
        return {
            "tags": list(self.tags),
            "path": str(self.path),
            "digest": str(self.digest),
            "platforms": [image.as_json() for image in self.images],
        }


def layout_content(images: Sequence[BuiltImage]) -> LayoutContent:
    """Everything that a layout of these images, one per platform, has to hold.

    Raises UsageError where there is none, or two for one platform.
    """
    platforms = [str(image.platform) for image in images]
    if not images or len(set(platforms)) != len(platforms):
        raise UsageError(f"expected one image for each platform, got {', '.join(platforms) or '0'}")
    small: dict[Digest, bytes] = {}
    layers: dict[Digest, Path] = {}
    for image in images:
        small[image.digest] = image.manifest
        small[image.config_digest] = image.config
        for layer in image.layers:
            layers.setdefault(layer.digest, layer.blob)
    if len(images) == 1:
        return LayoutContent(top=images[0].descriptor, small=small, layers=layers)
    index = make_index([image.descriptor for image in images])
    top = Descriptor(media_type=INDEX_TYPE, digest=Digest.of_bytes(index), size_bytes=len(index))
    return LayoutContent(top=top, small={**small, top.digest: index}, layers=layers)


def layout_index(
    content: LayoutContent, *, tags: Sequence[str], referrers: Sequence[Any] = ()
) -> bytes:
    """The bytes of `index.json`: the image under each tag, then referrers as they stood."""
    names: list[dict[str, str] | None] = [{REF_NAME: tag} for tag in tags]
    document = json.loads(
        make_index([replace(content.top, annotations=name) for name in names or [None]])
    )
    document["manifests"].extend(referrers)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def write_layout(images: Sequence[BuiltImage], dest: Path, *, tags: Sequence[str]) -> LayoutResult:
    """Write images, one per platform, as the OCI layout `dest`, replacing a layout there.

    Raises UsageError where `dest` is something else than a layout or an empty folder, MachineError
    where it can't be written; what was there is whole then, and nothing is left behind.
    """
    content = layout_content(images)
    dest = write_content(content, dest, tags=tags)
    return LayoutResult(
        path=dest, tags=tuple(tags), digest=content.top.digest, images=tuple(images)
    )


def write_content(
    content: LayoutContent, dest: Path, *, tags: Sequence[str], beside: bool = False
) -> Path:
    """Write any image as the OCI layout `dest`, as `write_layout` does; its absolute path.

    With `beside`, images that are there under other tags stay. Raises what `write_layout` raises.
    """
    # why: not resolved: a link to a layout stays a link.
    dest = Path(os.path.abspath(dest))  # noqa: PTH100
    with faults.writing("the image", dest):
        faults.make_folder(dest.parent)
        if not _is_layout(dest):
            _write_new(content, dest, tags, beside=beside)
        else:
            _write_over(content, dest, tags, beside=beside)
    return dest


def _is_layout(dest: Path) -> bool:
    """Whether `dest` is a layout; False where it is free. Raises UsageError else."""
    if not dest.is_symlink() and not dest.exists():
        return False
    if dest.is_dir():
        if (dest / "oci-layout").is_file() and (dest / "index.json").is_file():
            return True
        if _is_free(dest):
            return False
    raise UsageError(
        f"{dest} is there and is not an OCI image layout: it is left alone",
        hint="name another place with -o, or remove it yourself",
    )


def _is_free(folder: Path) -> bool:
    """Whether a folder is empty, or what a run left that was killed in `_start_in_place`."""
    names = {path.name for path in folder.iterdir()}
    if not names <= {"oci-layout", NEW_INDEX}:
        return False
    return not names or (folder / "oci-layout").read_bytes() in (b"", MARKER)


def _start_in_place(folder: Path) -> None:
    """Make an empty layout of a free folder that stays where it is."""
    (folder / "oci-layout").write_bytes(MARKER)
    write_durably(folder / NEW_INDEX, make_index([]))
    (folder / NEW_INDEX).replace(folder / "index.json")


def _write_new(content: LayoutContent, dest: Path, tags: Sequence[str], *, beside: bool) -> None:
    with aside(dest, folder=True) as temporary:
        blobs = temporary / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        add_blobs(content, blobs, added=[])
        (temporary / "oci-layout").write_bytes(MARKER)
        index = layout_index(content, tags=tags, referrers=_others(content))
        write_durably(temporary / "index.json", index)
        sync_folder(temporary)
        try:
            # why: renames onto an empty folder too, but not where a file system is mounted, nor
            # onto one that another run has filled.
            temporary.rename(dest)
        except OSError as error:
            if not _is_layout(dest):
                if error.errno not in _IN_PLACE:
                    raise
                _start_in_place(dest)
            _write_over(content, dest, tags, beside=beside)
        sync_folder(dest.parent)


def _write_over(content: LayoutContent, dest: Path, tags: Sequence[str], *, beside: bool) -> None:
    blobs = dest / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    with locked(dest):
        added: list[Path] = []
        temporary = dest / NEW_INDEX
        index = b""
        try:
            add_blobs(content, blobs, added=added)
            stay = entries_that_stay(dest, content.small, beside=tags if beside else None)
            index = layout_index(content, tags=tags, referrers=_others(content, stay))
            # why: a rerun with nothing new waits for no disk.
            if added or (dest / "index.json").read_bytes() != index:
                write_durably(temporary, index)
                temporary.replace(dest / "index.json")
                sync_folder(dest)
        except BaseException:
            # why: an interrupt may come just after the rename; the blobs are wanted then.
            if (dest / "index.json").read_bytes() != index:
                remove((*added, temporary))
            raise
        _sweep(blobs, {*content.small, *content.layers, *stay.blobs})


def _others(content: LayoutContent, stay: Staying | None = None) -> list[Any]:
    """The entries of an index that come after the image's own."""
    own = [entry.as_json() for entry in content.referrers]
    known = {entry["digest"] for entry in own}
    return own + [e for e in (stay.entries if stay else ()) if e["digest"] not in known]


def remove(paths: Sequence[Path]) -> None:
    """Remove what a write that failed has made; never raises."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def add_blobs(content: LayoutContent, blobs: Path, *, added: list[Path]) -> None:
    """Put every blob in place that is not there; each appears under its name only when whole."""
    for digest, data in sorted(content.small.items()):
        place = blobs / digest.hex
        if place.is_symlink() or not place.is_file() or place.read_bytes() != data:
            temporary = blobs / f"{MARK}{digest.hex}"
            temporary.unlink(missing_ok=True)
            added.extend((temporary, place))
            write_durably(temporary, data)
            temporary.replace(place)
    for digest, source in sorted(content.layers.items()):
        place = blobs / digest.hex
        if _is_copy(place, source):
            continue
        temporary = blobs / f"{MARK}{digest.hex}"
        temporary.unlink(missing_ok=True)
        added.append(temporary)
        if not place.exists():
            added.append(place)
        place_blob(source, temporary)
        temporary.replace(place)
    if added:
        sync_folder(blobs)


def _is_copy(place: Path, source: Path) -> bool:
    """Whether a blob there is this very file, or an unchanged copy of it."""
    if place.is_symlink() or not place.is_file():
        return False
    there, wanted = place.stat(), source.stat()
    return (there.st_size, there.st_mtime_ns) == (wanted.st_size, wanted.st_mtime_ns)


def _sweep(blobs: Path, keep: set[Digest]) -> None:
    names = {digest.hex for digest in keep}
    for path in sorted(blobs.iterdir()):
        ours = _BLOB_NAME.fullmatch(path.name) or path.name.startswith(MARK)
        if ours and path.name not in names:
            with contextlib.suppress(OSError):
                path.unlink()
