"""What refers to a manifest: signatures, statements and the like.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers. Registries
without that interface keep an index under the tag `sha256-<hex>` of the subject; clients write it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nixgen.digest import Digest
from nixgen.oci.image import INDEX_TYPE, Descriptor, canonical_json
from nixgen.registry.client import Registry
from nixgen.registry.documents import Manifest, parse_descriptors, parse_object
from nixgen.registry.errors import MalformedAnswerError, RefusedError, UnavailableError

_MAYBE = frozenset({200, 400, 404, 405, 501})


def list_referrers(
    registry: Registry, subject: Digest, *, artifact_type: str | None = None
) -> tuple[Descriptor, ...]:
    """The referrers of a manifest, sorted by digest; `artifact_type` leaves others out.

    Raises NetworkError.
    """
    found = _by_interface(registry, subject)
    if found is None:
        found = _by_tag(registry, subject)
    chosen = {
        entry.digest: entry
        for entry in found
        if artifact_type is None or entry.artifact_type == artifact_type
    }
    return tuple(chosen[digest] for digest in sorted(chosen))


def walk_referrers(registry: Registry, subjects: Iterable[Digest]) -> tuple[Descriptor, ...]:
    """What refers to the subjects, then what refers to that, and so on: a signature of a statement.

    Each is listed once and after what it refers to. What is listed is what the registry says,
    unchecked. Raises NetworkError, also where there is more than `Limits.referrers` and
    `Limits.depth` allow.
    """
    found: dict[Digest, Descriptor] = {}
    level, known = sorted(set(subjects)), set(subjects)
    for _ in range(registry.limits.depth + 1):
        listed = [entry for subject in level for entry in list_referrers(registry, subject)]
        new = {entry.digest: entry for entry in listed if entry.digest not in known}
        level = sorted(new)
        found |= {digest: new[digest] for digest in level}
        known |= new.keys()
        if not level:
            return tuple(found.values())
        if len(found) > registry.limits.referrers:
            raise _too_many(registry, f"more than {registry.limits.referrers} manifests refer to")
    raise _too_many(registry, f"more than {registry.limits.depth} levels of referrers are below")


def find_referrers(
    registry: Registry, subjects: Iterable[Digest]
) -> tuple[tuple[Descriptor, Manifest], ...]:
    """What `walk_referrers` lists, with the manifests, as far as they are there and say so too.

    An entry stays behind whose manifest is gone, or refers to something else. Raises NetworkError.
    """
    known = set(subjects)
    found: list[tuple[Descriptor, Manifest]] = []
    for entry in walk_referrers(registry, known):
        manifest = registry.find_manifest(entry.digest)
        if manifest is not None and manifest.subject() in known:
            known.add(manifest.digest)
            found.append((entry, manifest))
    return tuple(found)


def put_referrer(registry: Registry, referrer: Manifest) -> None:
    """Store a manifest that has a `subject`, and make the registry list it; raises NetworkError.

    Its blobs must be there. One that is there and listed is not sent again.
    """
    subject = referrer.subject()
    if subject is None:
        raise MalformedAnswerError(f"{referrer.digest} refers to nothing")
    there = registry.head_manifest(referrer.digest, scope=registry.push_scope) is not None
    if not there and registry.put_manifest(referrer.digest, referrer):
        return
    listed = _by_interface(registry, subject)
    if listed is None:
        _add_to_tag(registry, subject, referrer)
    elif there and all(entry.digest != referrer.digest for entry in listed):
        registry.put_manifest(referrer.digest, referrer)


def fallback_tag(subject: Digest) -> str:
    """The tag that stands for a manifest's referrers where there is no interface for them."""
    return f"sha256-{subject.hex}"


def _by_interface(registry: Registry, subject: Digest) -> list[Descriptor] | None:
    """None where the registry has no such interface."""
    found: list[Descriptor] = []
    url: str | None = registry.url(f"referrers/{subject}")
    what = f"list the referrers of {subject} in {registry.reference.name}"
    for _ in range(registry.limits.pages):
        if url is None:
            return found
        answer = registry.get_json_page(url, what, good=_MAYBE)
        if answer.status != 200:
            return None
        # why: a registry without the interface may answer with a page for people.
        if answer.headers.get("content-type", "").partition(";")[0].strip() != INDEX_TYPE:
            return None
        document = parse_object(answer.body, "the list of referrers")
        found.extend(parse_descriptors(document, "manifests", "the list of referrers"))
        if len(found) > registry.limits.referrers:
            raise _too_many(registry, f"more than {registry.limits.referrers} manifests refer to")
        url = registry.next_page(answer, what)
    raise MalformedAnswerError(f"can't {what}: the list does not end")


def _by_tag(registry: Registry, subject: Digest) -> list[Descriptor]:
    """What the tag lists; nothing where something else stands under it, as the spec says."""
    try:
        index = registry.find_manifest(fallback_tag(subject))
        return [] if index is None or index.media_type != INDEX_TYPE else [*index.manifests()]
    except MalformedAnswerError:
        return []


def _add_to_tag(registry: Registry, subject: Digest, referrer: Manifest) -> None:
    """Enter a referrer into the index under the tag, and read it back.

    The interface has no way to exclude other writers. Where one has written meanwhile, the entry
    is made again; only a write between another's reading back and its end can still be lost.
    """
    tag = fallback_tag(subject)
    tries = registry.transport.tries()
    while True:
        document = _read_index(registry, tag)
        entries = parse_descriptors(document, "manifests", f"the index under the tag {tag}")
        if any(entry.digest == referrer.digest for entry in entries):
            return
        document["manifests"].append(referrer.as_referrer().as_json())
        index = _put_index(registry, tag, document)
        if registry.head_manifest(tag, scope=registry.push_scope) == index.digest:
            return
        message = (
            f"can't enter {referrer.digest} under the tag {tag}: others change it all the time"
        )
        tries.failed(UnavailableError(message, hint="try again later"))


def _put_index(registry: Registry, tag: str, document: dict[str, Any]) -> Manifest:
    """Store an index of referrers, where need be without those that are gone."""
    index = _make_index(document)
    try:
        registry.put_manifest(tag, index)
    except RefusedError:
        entries = document["manifests"]
        there = [entry for entry in entries if _is_there(registry, entry)]
        if len(there) == len(entries):
            raise
        # why: registries take no index that names what they don't have, and referrers get deleted.
        index = _make_index({**document, "manifests": there})
        registry.put_manifest(tag, index)
    return index


def _make_index(document: dict[str, Any]) -> Manifest:
    data = canonical_json(document)
    return Manifest(media_type=INDEX_TYPE, digest=Digest.of_bytes(data), data=data)


def _is_there(registry: Registry, entry: dict[str, Any]) -> bool:
    digest = Digest.parse(entry["digest"])
    return registry.head_manifest(digest, scope=registry.push_scope) is not None


def _read_index(registry: Registry, tag: str) -> dict[str, Any]:
    """The index under a tag as it stands, with all that others wrote there; else an empty one."""
    index = registry.find_manifest(tag, scope=registry.push_scope)
    if index is None:
        return {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}
    if index.media_type != INDEX_TYPE:
        raise RefusedError(
            f"{registry.reference.name}:{tag} is no index of referrers, but a {index.media_type}",
            hint="remove the tag",
        )
    return parse_object(index.data, f"the index under the tag {tag}")


def _too_many(registry: Registry, why: str) -> MalformedAnswerError:
    return MalformedAnswerError(
        f"{why} {registry.reference}", hint="take the image alone: --no-referrers"
    )
