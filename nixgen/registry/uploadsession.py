"""One upload of a blob, request by request: begun or mounted, chunks, status, closed, cancelled.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
"""

from __future__ import annotations

import contextlib
from urllib.parse import urlencode

from nixgen.digest import Digest
from nixgen.errors import InterruptedByUserError, NetworkError
from nixgen.registry.auth import pull_scope
from nixgen.registry.body import FileBody
from nixgen.registry.client import Registry, told_digest
from nixgen.registry.errors import (
    CredentialsError,
    DeniedError,
    MalformedAnswerError,
    RefusedError,
    UnavailableError,
    UnreachableError,
    WrongDigestError,
)
from nixgen.registry.headers import parse_number, parse_uploaded
from nixgen.registry.request import Answer, Call

_LARGEST_CHUNK_BYTES = 1 << 30
_LOST = frozenset({404, 416})
_CANCELLED = frozenset({200, 202, 204, 400, 404, 405})
_BYTES = {"Content-Type": "application/octet-stream"}


class LostError(Exception):
    """The session is lost; another one may go better. `error` is why."""

    def __init__(self, error: NetworkError) -> None:
        super().__init__(str(error))
        self.error = error


class UploadSession:
    """A session in which a registry takes a blob in; its methods raise NetworkError.

    `chunk_bytes` is how much to send at a time: what the limits say, or more where the registry
    wants more.
    """

    def __init__(self, registry: Registry, digest: Digest, size_bytes: int) -> None:
        self._registry = registry
        self._transport = registry.transport
        self._digest = digest
        self._size_bytes = size_bytes
        self._what = f"send the blob {digest} to {registry.reference.name}"
        self._location: str | None = None
        self.chunk_bytes = registry.limits.chunk_bytes

    def mount(self, repository: str) -> bool:
        """Ask for the blob from another repository; where that fails, a session may be open."""
        query = urlencode({"mount": str(self._digest), "from": repository}, safe=":/")
        scope = (*self._registry.push_scope, *pull_scope(repository))
        url = self._registry.url(f"blobs/uploads/?{query}")
        # why: one may not see the other repository; then the blob is sent.
        good = frozenset({201, 202, 401, 403, 404, 405})
        call = Call(method="POST", url=url, what=self._what, scope=scope, good=good, body=b"")
        try:
            answer = self._transport.call(call)
        except CredentialsError:
            # why: there may be no token for both; if there is none at all, sending says so.
            return False
        self.cancel()
        if answer.status == 202:
            self._began(answer)
        return answer.status == 201

    def begin(self) -> None:
        """Open a session where none is open."""
        if self._location is None:
            url = self._registry.url("blobs/uploads/")
            self._began(self._call("POST", url, good=frozenset({202}), body=b"", again=True))

    def cancel(self) -> None:
        """End a session that is of no use any more, if the registry will."""
        if self._location is not None:
            with contextlib.suppress(NetworkError, InterruptedByUserError):
                self._call("DELETE", self._location, good=_CANCELLED, body=b"")
            self._location = None

    def forget(self) -> None:
        """The session is gone."""
        self._location = None

    def patch(self, body: bytes | FileBody, offset: int) -> int:
        """Send a chunk; gives how far the registry has got then. Raises LostError too."""
        end = offset + len(body)
        headers = {**_BYTES, "Content-Range": f"{offset}-{end - 1}"}
        good = frozenset({202, *_LOST})
        answer = self._call("PATCH", self._here(), good=good, body=body, headers=headers)
        if answer.status == 404:
            raise LostError(RefusedError(self._said("has lost the upload")))
        if answer.status == 416:
            # why: it stands elsewhere than it told, and says where when it is asked.
            raise UnavailableError(self._said("wants another part of it"))
        self._take_location(answer)
        reached = self._told_position(answer, default=end)
        if reached <= offset:
            raise UnavailableError(self._said("does not take in what it gets"))
        return reached

    def position(self, error: NetworkError) -> int:
        """How far the registry has got, after a request that failed by `error`.

        Raises LostError where it does not say.
        """
        try:
            answer = self._call("GET", self._here(), good=frozenset({204}), again=True)
        except NetworkError as lost:
            raise LostError(error) from lost
        if "location" in answer.headers:
            self._take_location(answer)
        return self._told_position(answer, default=0)

    def finish(self, body: bytes | FileBody) -> None:
        """Close the session, with the last bytes if any. Raises LostError too."""
        separator = "&" if "?" in self._here() else "?"
        url = f"{self._here()}{separator}{urlencode({'digest': str(self._digest)}, safe=':')}"
        good = frozenset({201, *_LOST})
        answer = self._call("PUT", url, good=good, body=body, headers=_BYTES)
        if answer.status in _LOST:
            raise LostError(RefusedError(self._said(f"answers {answer.status}")))
        if told_digest(answer) not in (None, self._digest):
            raise WrongDigestError(self._said("has stored another digest"))

    def _began(self, answer: Answer) -> None:
        self._take_location(answer)
        least = parse_number(answer.headers.get("oci-chunk-min-length")) or 0
        self.chunk_bytes = min(max(self.chunk_bytes, least), _LARGEST_CHUNK_BYTES)

    def _told_position(self, answer: Answer, *, default: int) -> int:
        told = answer.headers.get("range")
        position = default if told is None else parse_uploaded(told)
        if position is None or position > self._size_bytes:
            raise MalformedAnswerError(self._said("tells a wrong range of bytes"))
        return position

    def _call(
        self,
        method: str,
        url: str,
        *,
        good: frozenset[int],
        body: bytes | FileBody | None = None,
        headers: dict[str, str] | None = None,
        again: bool = False,
    ) -> Answer:
        call = Call(
            method=method,
            url=url,
            what=self._what,
            scope=self._registry.push_scope,
            good=good,
            headers=headers or {},
            body=body,
            again=again,
        )
        return self._transport.call(call)

    def _said(self, what: str) -> str:
        return f"can't {self._what}: {self._transport.host} {what}"

    def _take_location(self, answer: Answer) -> None:
        location = answer.headers.get("location")
        if not location:
            raise MalformedAnswerError(self._said("does not say where to send it"))
        self._location = self._transport.resolve(answer.url, location, self._what)

    def _here(self) -> str:
        if self._location is None:
            raise AssertionError("the upload has begun")
        return self._location


def may_go_on(error: NetworkError) -> bool:
    """Whether a request that failed with its body under way is worth another one."""
    # why credentials: the upload has begun with them, so it is a token that has run out.
    if isinstance(error, CredentialsError):
        return not isinstance(error, DeniedError)
    return isinstance(error, UnreachableError | UnavailableError)
