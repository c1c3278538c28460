"""One repository of a registry: its manifests, blobs, tags and referrers.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md (1.1).
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.oci.image import Descriptor
from nixgen.progress import Notice, Reporter, Silent
from nixgen.registry.addresses import is_loopback
from nixgen.registry.auth import Scope, pull_scope, push_scope
from nixgen.registry.blobstream import BlobStream
from nixgen.registry.credentials import Credentials
from nixgen.registry.documents import (
    MANIFEST_TYPES,
    Manifest,
    media_type_of,
    parse_object,
)
from nixgen.registry.errors import MalformedAnswerError, WrongDigestError
from nixgen.registry.headers import parse_next_link
from nixgen.registry.reference import ImageReference
from nixgen.registry.request import Answer, Call, Limits
from nixgen.registry.transport import Transport

_OK = frozenset({200})
_MAYBE = frozenset({200, 404})
_LONGEST_TAG = 128
_READ_BYTES = 1 << 20


class Registry:
    """A repository in a registry. Use it as a context manager: connections are closed then.

    `plain_http` None means HTTP for this machine's own addresses without a `ca_file`, else HTTPS.
    `stopped` ends the work soon after it is set. Every method raises NetworkError; the constructor
    UsageError where `ca_file` is not there, and what `Credentials.find` raises.
    """

    def __init__(
        self,
        reference: ImageReference,
        *,
        credentials: Credentials | None = None,
        plain_http: bool | None = None,
        ca_file: Path | None = None,
        limits: Limits | None = None,
        reporter: Reporter | None = None,
        stopped: threading.Event | None = None,
    ) -> None:
        if ca_file is not None and not ca_file.is_file():
            raise UsageError(f"the file of certificates {ca_file} is not there")
        if plain_http is None:
            plain_http = ca_file is None and is_loopback(reference.host)
        login = (credentials or Credentials()).find(reference.host, reference.repository)
        self.reference = reference
        self.limits = limits or Limits()
        self.reporter: Reporter = reporter or Silent()
        self.stopped = stopped or threading.Event()
        self.transport = Transport(
            reference.host,
            login=login,
            plain_http=plain_http,
            ca_file=ca_file,
            limits=self.limits,
            stopped=self.stopped,
            warn=lambda text: self.reporter.report(Notice(text=text)),
        )
        self._pull = pull_scope(reference.repository)
        self.push_scope = push_scope(reference.repository)

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.transport.close()

    def url(self, path: str) -> str:
        """The address of something in the repository."""
        return f"{self.transport.base}{self.reference.repository}/{path}"

    def head_manifest(self, target: Digest | str, *, scope: Scope | None = None) -> Digest | None:
        """The digest of what a tag or digest names, as the registry says it; None where nothing.

        Registries that do not say it are asked for the manifest.
        """
        call = self._manifest_call("HEAD", target, scope or self._pull, good=_MAYBE)
        answer = self.transport.call(call)
        if answer.status == 404:
            return None
        told = told_digest(answer)
        if told is None:
            return self.get_manifest(target, scope=scope).digest
        if isinstance(target, Digest) and told != target:
            raise WrongDigestError(f"{self.transport.host} has {told} in the place of {target}")
        return told

    def get_manifest(self, target: Digest | str, *, scope: Scope | None = None) -> Manifest:
        """A manifest or index, checked against the digest asked for and the one told."""
        found = self.find_manifest(target, scope=scope, good=_OK)
        if found is None:
            raise AssertionError("404 is a refusal here")
        return found

    def find_manifest(
        self, target: Digest | str, *, scope: Scope | None = None, good: frozenset[int] = _MAYBE
    ) -> Manifest | None:
        """The same; None where there is none."""
        call = self._manifest_call("GET", target, scope or self._pull, good=good)
        answer = self.transport.call(call)
        if answer.status == 404:
            return None
        digest = Digest.of_bytes(answer.body)
        wanted = target if isinstance(target, Digest) else told_digest(answer)
        if wanted is not None and digest != wanted:
            raise WrongDigestError(
                f"can't {call.what}: {self.transport.host} sent {digest}, not {wanted}"
            )
        media_type = media_type_of(answer.body, answer.headers.get("content-type", ""))
        return Manifest(media_type=media_type, digest=digest, data=answer.body)

    def put_manifest(self, target: Digest | str, manifest: Manifest) -> bool:
        """Store a manifest's bytes as they are, under a tag or its own digest.

        Answers whether the registry has taken in its `subject` (OCI-Subject).
        """
        call = Call(
            method="PUT",
            url=self.url(f"manifests/{target}"),
            what=f"put the manifest {target} into {self.reference.name}",
            scope=self.push_scope,
            good=frozenset({201}),
            headers={"Content-Type": manifest.media_type},
            body=manifest.data,
        )
        answer = self.transport.call(call)
        stored = told_digest(answer)
        if stored is not None and stored != manifest.digest:
            raise WrongDigestError(
                f"{self.transport.host} stored {stored}, not {manifest.digest}, as {target}"
            )
        return "oci-subject" in answer.headers

    def has_blob(self, digest: Digest, *, scope: Scope | None = None) -> bool:
        """Whether the repository has a blob."""
        call = self._blob_call("HEAD", digest, scope or self._pull, good=_MAYBE)
        return self.transport.call(call).status == 200

    def open_blob(self, descriptor: Descriptor) -> BlobStream:
        """A blob's bytes as a stream, which checks nothing; raises NetworkError when read."""
        call = self._blob_call("GET", descriptor.digest, self._pull, good=_OK)
        return BlobStream(self.transport, call, descriptor.size_bytes)

    def read_blob(self, descriptor: Descriptor, write: Callable[[bytes, int], None]) -> None:
        """Stream a blob, checked by size and digest; `write` gets bytes and their offset.

        A connection that broke goes on where it broke. One transfer that went on and came out
        wrong starts anew from offset 0. Nothing may be believed before the return.
        """
        if not self._read_once(descriptor, write, again=True):
            self._read_once(descriptor, write, again=False)

    def _read_once(
        self, descriptor: Descriptor, write: Callable[[bytes, int], None], *, again: bool
    ) -> bool:
        """Whether it went well; with `again`, False where one more transfer may go better."""
        state, count = hashlib.sha256(), 0
        stream = self.open_blob(descriptor)
        with contextlib.closing(stream):
            while chunk := stream.read(_READ_BYTES):
                state.update(chunk)
                write(chunk, count)
                count += len(chunk)
        digest = Digest(state.hexdigest())
        if (digest, count) == (descriptor.digest, descriptor.size_bytes):
            return True
        if again and stream.resumed:
            return False
        raise WrongDigestError(
            f"can't get the blob {descriptor.digest} of {self.reference.name}: "
            f"{self.transport.host} sent {count} bytes with the digest {digest}, "
            f"not {descriptor.size_bytes} with {descriptor.digest}"
        )

    def list_tags(self) -> tuple[str, ...]:
        """All tags of the repository, sorted."""
        tags: set[str] = set()
        url: str | None = self.url("tags/list")
        what = f"list the tags of {self.reference.name}"
        for _ in range(self.limits.pages):
            if url is None:
                return tuple(sorted(tags))
            answer = self.get_json_page(url, what, good=_OK)
            page = parse_object(answer.body, "the list of tags").get("tags") or []
            if not isinstance(page, list) or not all(_is_tag(tag) for tag in page):
                raise MalformedAnswerError(f"{self.transport.host} sends a malformed list of tags")
            tags.update(page)
            url = self.next_page(answer, what)
        raise MalformedAnswerError(f"can't {what}: the list does not end")

    def get_json_page(self, url: str, what: str, *, good: frozenset[int]) -> Answer:
        """One page of a list."""
        return self.transport.call(
            Call(
                method="GET",
                url=url,
                what=what,
                scope=self._pull,
                good=good,
                max_bytes=self.limits.answer_bytes,
            )
        )

    def next_page(self, answer: Answer, what: str) -> str | None:
        """The address of the next page (RFC 8288); None after the last."""
        link = parse_next_link(answer.headers.get("link"))
        return None if link is None else self.transport.resolve(answer.url, link, what)

    def _manifest_call(
        self, method: str, target: Digest | str, scope: Scope, *, good: frozenset[int]
    ) -> Call:
        return Call(
            method=method,
            url=self.url(f"manifests/{quote(str(target), safe=':')}"),
            what=f"get the manifest {target} of {self.reference.name}",
            scope=scope,
            good=good,
            headers={"Accept": ", ".join(MANIFEST_TYPES)},
            max_bytes=self.limits.manifest_bytes,
        )

    def _blob_call(
        self, method: str, digest: Digest, scope: Scope, *, good: frozenset[int]
    ) -> Call:
        return Call(
            method=method,
            url=self.url(f"blobs/{digest}"),
            what=f"get the blob {digest} of {self.reference.name}",
            scope=scope,
            good=good,
        )


def told_digest(answer: Answer) -> Digest | None:
    """The SHA-256 that the registry tells; None where it tells none, or one of another kind.

    Raises MalformedAnswerError.
    """
    text = answer.headers.get("docker-content-digest")
    if not text or not text.startswith("sha256:"):
        return None
    try:
        return Digest.parse(text)
    except ValueError as error:
        raise MalformedAnswerError(f"{answer.url} tells a malformed digest") from error


def _is_tag(tag: object) -> bool:
    return isinstance(tag, str) and 0 < len(tag) <= _LONGEST_TAG and tag.isprintable()
