"""What refers to a manifest: signatures, statements and the like.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers. Registries
without that interface keep an index under the tag `sha256-<hex>` of the subject.
"""

from __future__ import annotations

from nixgen.digest import Digest
from nixgen.oci.image import INDEX_TYPE, Descriptor, make_index
from nixgen.registry.client import Registry
from nixgen.registry.documents import Manifest, parse_descriptors, parse_object
from nixgen.registry.errors import MalformedAnswerError

_MAYBE = frozenset({200, 400, 404, 405})


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


def put_referrer(registry: Registry, referrer: Manifest) -> None:
    """Store a manifest that has a `subject`, and make the registry list it; raises NetworkError.

    Its blobs must be there. Two writers at once to a registry without the interface can lose one
    of the two entries: the specification gives no way to prevent that.
    """
    subject = referrer.subject()
    if subject is None:
        raise MalformedAnswerError(f"{referrer.digest} refers to nothing")
    if registry.put_manifest(referrer.digest, referrer):
        return
    if _by_interface(registry, subject) is not None:
        return
    entries = {entry.digest: entry for entry in _by_tag(registry, subject)}
    entry = referrer.as_referrer()
    if entries.get(entry.digest) == entry:
        return
    entries[entry.digest] = entry
    data = make_index([entries[digest] for digest in sorted(entries)])
    index = Manifest(media_type=INDEX_TYPE, digest=Digest.of_bytes(data), data=data)
    registry.put_manifest(fallback_tag(subject), index)


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
        url = registry.next_page(answer, what)
    raise MalformedAnswerError(f"can't {what}: the list does not end")


def _by_tag(registry: Registry, subject: Digest) -> list[Descriptor]:
    index = registry.find_manifest(fallback_tag(subject))
    if index is None:
        return []
    return list(index.manifests()) if index.is_index else []
