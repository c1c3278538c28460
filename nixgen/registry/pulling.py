"""Pulling an image into an OCI layout, which appears only when all of it has been checked."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nixgen.aside import aside
from nixgen.digest import Digest
from nixgen.errors import MachineError, UsageError
from nixgen.oci.blob import new_blob
from nixgen.oci.image import Descriptor
from nixgen.oci.layout import LayoutContent, write_content
from nixgen.oci.moved import Moved
from nixgen.platforms import Platform
from nixgen.progress import PhaseStarted
from nixgen.registry.client import Registry
from nixgen.registry.documents import Manifest
from nixgen.registry.errors import MalformedAnswerError, WrongDigestError
from nixgen.registry.reference import DEFAULT_TAG, ImageReference
from nixgen.registry.referrers import find_referrers
from nixgen.registry.transfer import run_all


@dataclass(frozen=True, slots=True, kw_only=True)
class PullResult:
    """What a pull wrote. `digest` is of the manifest, or of the index with all its platforms."""

    reference: ImageReference
    path: Path
    tags: tuple[str, ...]
    digest: Digest
    downloaded_bytes: int
    downloaded_blobs: int
    skipped_blobs: int
    referrers: tuple[Digest, ...]

    def as_json(self) -> dict[str, Any]:
        """The pull as `--json` prints it."""
        return {
            "reference": str(self.reference),
            "path": str(self.path),
            "tags": list(self.tags),
            "digest": str(self.digest),
            "downloaded_bytes": self.downloaded_bytes,
            "downloaded_blobs": self.downloaded_blobs,
            "skipped_blobs": self.skipped_blobs,
            "referrers": [str(digest) for digest in self.referrers],
        }


def pull(
    registry: Registry,
    dest: Path,
    *,
    platform: Platform | None = None,
    tags: Sequence[str] = (),
    with_referrers: bool = True,
    only_referrers: Collection[Digest] | None = None,
) -> PullResult:
    """Write what the registry's reference names as the OCI layout `dest`, replacing one there.

    It is named by `tags`, beside what is there under other tags, or else by the reference's tag,
    by `latest` where that has none.
    `platform` takes that one manifest out of an index; None takes everything. Blobs that an old
    layout at `dest` has are not downloaded again. Of what refers to it, `only_referrers` leaves out
    all others. Raises NetworkError, UsageError where the
    platform is not there or `dest` is something else, MachineError where it can't be written.
    """
    reference = registry.reference
    tag = reference.tag or (DEFAULT_TAG if reference.digest is None else None)
    names = tuple(tags) or (() if tag is None else (tag,))
    registry.reporter.report(PhaseStarted(name=f"pull {reference}"))
    top = registry.get_manifest(reference.target)
    if platform is not None and top.is_index:
        top = registry.get_manifest(_choose(top, platform, reference).digest)
    manifests = _with_parts(registry, top)
    found = find_referrers(registry, manifests) if with_referrers else ()
    referrers = [
        manifest
        for _, manifest in found
        if only_referrers is None or manifest.digest in only_referrers
    ]
    for referrer in referrers:
        manifests |= _with_parts(registry, referrer)
    # why: not resolved: a link to a layout stays a link.
    dest = Path(os.path.abspath(dest))  # noqa: PTH100
    try:
        dest.parent.mkdir(parents=True, exist_ok=True)
        with aside(dest, folder=True) as work:
            blobs = _blobs(registry, manifests.values())
            kept, got = _download(registry, blobs, dest, work)
            content = LayoutContent(
                top=top.descriptor,
                small={digest: each.data for digest, each in manifests.items()},
                layers={**kept, **got},
                referrers=tuple(each.as_referrer() for each in referrers),
            )
            write_content(content, dest, tags=names, beside=bool(tags))
    except OSError as error:
        place = error.filename or dest
        raise MachineError(f"can't write the image {place}: {error.strerror}") from error
    return PullResult(
        reference=reference.with_digest(top.digest),
        path=dest,
        tags=names,
        digest=top.digest,
        downloaded_bytes=sum(blobs[digest].size_bytes for digest in got),
        downloaded_blobs=len(got),
        skipped_blobs=len(kept),
        referrers=tuple(each.digest for each in referrers),
    )


def _choose(index: Manifest, platform: Platform, reference: ImageReference) -> Descriptor:
    entries = [entry for entry in index.images() if entry.platform is not None]
    for entry in entries:
        if entry.platform == platform:
            return entry
    known = ", ".join(sorted(str(entry.platform) for entry in entries)) or "none that is known"
    raise UsageError(f"{reference} has no image for {platform}; it has: {known}")


def _with_parts(registry: Registry, top: Manifest) -> dict[Digest, Manifest]:
    """A manifest or index, after all that it lists."""
    found: dict[Digest, Manifest] = {}
    _visit(registry, top, found, depth=0)
    return found


def _visit(
    registry: Registry, manifest: Manifest, found: dict[Digest, Manifest], *, depth: int
) -> None:
    if depth > registry.limits.depth:
        raise MalformedAnswerError(f"{registry.reference} has indexes in indexes, too many levels")
    for entry in manifest.manifests() if manifest.is_index else ():
        if entry.digest not in found:
            _visit(registry, registry.get_manifest(entry.digest), found, depth=depth + 1)
    found[manifest.digest] = manifest


def _blobs(registry: Registry, manifests: Iterable[Manifest]) -> dict[Digest, Descriptor]:
    blobs: dict[Digest, Descriptor] = {}
    for manifest in manifests:
        for descriptor in () if manifest.is_index else manifest.blobs():
            known = blobs.setdefault(descriptor.digest, descriptor)
            if known.size_bytes != descriptor.size_bytes:
                raise WrongDigestError(
                    f"{registry.reference} gives the blob {descriptor.digest} two sizes"
                )
    return blobs


def _download(
    registry: Registry, blobs: dict[Digest, Descriptor], dest: Path, work: Path
) -> tuple[dict[Digest, Path], dict[Digest, Path]]:
    """The blobs that were there and those that have come, each checked, as files."""
    kept: dict[Digest, Path] = {}
    for digest, descriptor in blobs.items():
        place = dest / "blobs" / "sha256" / digest.hex
        if _is_whole(place, descriptor):
            kept[digest] = place
    wanted = [blobs[digest] for digest in sorted(blobs) if digest not in kept]
    moved = Moved(registry.reporter, "received", [each.size_bytes for each in wanted])
    fetches = {
        descriptor.digest: partial(_fetch, registry, descriptor, work, moved)
        for descriptor in wanted
    }
    return kept, run_all(registry, fetches)


def _is_whole(place: Path, descriptor: Descriptor) -> bool:
    if place.is_symlink() or not place.is_file():
        return False
    right_size = place.stat().st_size == descriptor.size_bytes
    return right_size and Digest.of_file(place) == descriptor.digest


def _fetch(registry: Registry, descriptor: Descriptor, work: Path, moved: Moved) -> Path:
    # why: a file of a blob's own mode becomes part of the layout without a copy.
    handle, place = new_blob(work, "blob-")
    with os.fdopen(handle, "wb") as file:

        def write(data: bytes, offset: int) -> None:
            if offset == 0:
                file.seek(0)
                file.truncate()
            file.write(data)
            moved.add(len(data))

        registry.read_blob(descriptor, write)
    moved.add(0, blobs=1)
    return place
