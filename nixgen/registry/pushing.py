"""Pushing an image: what is missing travels, and nothing is named before it is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nixgen.digest import Digest
from nixgen.oci.graph import Node, read_graph
from nixgen.oci.moved import Moved
from nixgen.oci.opening import ImageSource, choose_image
from nixgen.platforms import Platform
from nixgen.progress import PhaseStarted
from nixgen.registry.client import Registry
from nixgen.registry.documents import Manifest, media_type_of
from nixgen.registry.errors import ImmutableTagError, RefusedError
from nixgen.registry.reference import DEFAULT_TAG, ImageReference, parse_tag
from nixgen.registry.referrers import put_referrer
from nixgen.registry.transfer import run_all
from nixgen.registry.upload import Blob, Sent, send_blob


@dataclass(frozen=True, slots=True, kw_only=True)
class PushResult:
    """What a push did. `digest` names the image in the registry; sizes in bytes."""

    reference: ImageReference
    digest: Digest
    tags: tuple[str, ...]
    uploaded_bytes: int
    uploaded_blobs: int
    mounted_blobs: int
    skipped_blobs: int
    referrers: tuple[Digest, ...]

    def as_json(self) -> dict[str, Any]:
        """The push as `--json` prints it."""
        return {
            "reference": str(self.reference),
            "digest": str(self.digest),
            "tags": list(self.tags),
            "uploaded_bytes": self.uploaded_bytes,
            "uploaded_blobs": self.uploaded_blobs,
            "mounted_blobs": self.mounted_blobs,
            "skipped_blobs": self.skipped_blobs,
            "referrers": [str(digest) for digest in self.referrers],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What is pushed: blobs, then manifests with `top` as the last, then referrers.

    What an index that refers to something lists comes before it, among the referrers.
    """

    blobs: dict[Digest, Blob]
    manifests: tuple[Manifest, ...]
    referrers: tuple[Manifest, ...]

    @property
    def top(self) -> Manifest:
        return self.manifests[-1]


def push(
    source: ImageSource,
    registry: Registry,
    *,
    platform: Platform | None = None,
    tags: Sequence[str] = (),
    mount_from: Sequence[str] = (),
    with_referrers: bool = True,
) -> PushResult:
    """Push an image, for all its platforms, with its referrers.

    The registry's reference names the repository; its tag, or `tags` where there are any, name
    the image there, `latest` where neither does. Blobs go first and side by side, then manifests,
    the index, referrers, and the tags last of all. `mount_from` are repositories of the same
    registry that may have some blobs. With `platform` only the image for that is pushed. Raises
    NetworkError; UsageError for a malformed tag; BuildError, MachineError where the image can't
    be read.
    """
    names = _tags(registry.reference, tags)
    content = _of_source(source, platform, with_referrers=with_referrers)
    registry.reporter.report(PhaseStarted(name=f"push {registry.reference.name}"))
    sent = _send_blobs(registry, content, mount_from)
    for manifest in (*content.manifests, *content.referrers):
        _put(registry, manifest)
    for tag in names:
        _name(registry, tag, content.top)
    ways = list(sent.values())
    return PushResult(
        reference=registry.reference.with_digest(content.top.digest),
        digest=content.top.digest,
        tags=names,
        uploaded_bytes=sum(
            content.blobs[digest].size_bytes for digest, way in sent.items() if way is Sent.UPLOADED
        ),
        uploaded_blobs=ways.count(Sent.UPLOADED),
        mounted_blobs=ways.count(Sent.MOUNTED),
        skipped_blobs=ways.count(Sent.THERE),
        referrers=tuple(each.digest for each in content.referrers if each.subject() is not None),
    )


def _tags(reference: ImageReference, tags: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(tags)) or (reference.tag or DEFAULT_TAG,)
    return tuple(parse_tag(tag, within=tag) for tag in chosen)


def _put(registry: Registry, manifest: Manifest) -> None:
    if manifest.subject() is not None:
        put_referrer(registry, manifest)
    elif registry.head_manifest(manifest.digest, scope=registry.push_scope) is None:
        registry.put_manifest(manifest.digest, manifest)


def _name(registry: Registry, tag: str, manifest: Manifest) -> None:
    """Put a tag on what is there, unless it is on it: one that can't be moved stays where it is."""
    named = registry.head_manifest(tag, scope=registry.push_scope)
    if named == manifest.digest:
        return
    try:
        registry.put_manifest(tag, manifest)
    except RefusedError as error:
        # why: registries have no common word for it, but the manifest itself was taken before.
        if named is None:
            raise
        raise ImmutableTagError(
            f"{error.message}; the tag is there and names {named}",
            hint="push under a tag that is not taken yet, or let tags be moved there",
        ) from error


def _send_blobs(
    registry: Registry, content: _Content, mount_from: Sequence[str]
) -> dict[Digest, Sent]:
    """Send the blobs, the largest first, several at a time; the first failure ends the others."""
    order = sorted(content.blobs.values(), key=lambda blob: (-blob.size_bytes, blob.digest))
    moved = Moved(registry.reporter, "sent", [blob.size_bytes for blob in order])
    if not order:
        return {}
    # why first alone: one login is asked for then, not one for each thread.
    sent = {order[0].digest: _send(registry, order[0], mount_from, moved)}
    rest = {blob.digest: partial(_send, registry, blob, mount_from, moved) for blob in order[1:]}
    return {**sent, **run_all(registry, rest)}


def _send(registry: Registry, blob: Blob, mount_from: Sequence[str], moved: Moved) -> Sent:
    sent = send_blob(registry, blob, mount_from=mount_from, moved=moved.add)
    if sent is Sent.UPLOADED:
        moved.add(0, blobs=1)
    else:
        moved.leave_out(blob.size_bytes)
    return sent


def _of_source(source: ImageSource, platform: Platform | None, *, with_referrers: bool) -> _Content:
    only = None if platform is None else choose_image(source, platform)
    graph = read_graph(source, only=only, with_referrers=with_referrers)
    blobs = {
        digest: _in_memory(graph.small[digest])
        if digest in graph.small
        else Blob(
            digest=digest,
            size_bytes=descriptor.size_bytes,
            content=partial(source.open_blob, descriptor),
        )
        for digest, descriptor in graph.blobs.items()
    }
    return _Content(
        blobs=blobs,
        manifests=tuple(map(_of_node, graph.manifests)),
        referrers=tuple(map(_of_node, graph.referrers)),
    )


def _of_node(node: Node) -> Manifest:
    descriptor = node.descriptor
    return Manifest(
        media_type=media_type_of(node.data, descriptor.media_type),
        digest=descriptor.digest,
        data=node.data,
    )


def _in_memory(data: bytes) -> Blob:
    return Blob(digest=Digest.of_bytes(data), size_bytes=len(data), content=data)
