"""Sending a blob: not at all where it is there, by a mount, whole, or in chunks that resume.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlencode

from nixgen.digest import Digest
from nixgen.errors import MachineError, NetworkError
from nixgen.registry.auth import pull_scope
from nixgen.registry.client import Registry
from nixgen.registry.errors import (
    CredentialsError,
    DeniedError,
    MalformedAnswerError,
    RefusedError,
    UnavailableError,
    UnreachableError,
    WrongDigestError,
)
from nixgen.registry.request import Answer, Call

_RANGE = re.compile(r"(?:bytes=)?0-(\d{1,19})")
_LARGEST_CHUNK_BYTES = 1 << 30
_PATCHED = frozenset({202, 404, 416})


class Sent(Enum):
    """How a blob came to be in the repository."""

    THERE = "there"
    MOUNTED = "mounted"
    UPLOADED = "uploaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A blob to send; `content` is its bytes or the file that holds them."""

    digest: Digest
    size_bytes: int
    content: bytes | Path


def send_blob(
    registry: Registry,
    blob: Blob,
    *,
    mount_from: Sequence[str] = (),
    moved: Callable[[int], None] = lambda _count: None,
) -> Sent:
    """Make the repository have a blob. `moved` is told of bytes as they go out.

    `mount_from` are repositories of the same registry that may have it. Raises NetworkError, and
    MachineError where the file can't be read or has another size.
    """
    if registry.has_blob(blob.digest, scope=registry.push_scope):
        return Sent.THERE
    upload = _Upload(registry, blob, moved)
    for repository in mount_from:
        if repository != registry.reference.repository and upload.mount(repository):
            return Sent.MOUNTED
    upload.send()
    return Sent.UPLOADED


class _Upload:
    def __init__(self, registry: Registry, blob: Blob, moved: Callable[[int], None]) -> None:
        self._registry = registry
        self._transport = registry.transport
        self._blob = blob
        self._moved = self._checked(moved)
        self._what = f"send the blob {blob.digest} to {registry.reference.name}"
        self._chunk_bytes = registry.limits.chunk_bytes
        self._location: str | None = None

    def _checked(self, moved: Callable[[int], None]) -> Callable[[int], None]:
        def tell(count: int) -> None:
            self._transport.check_stopped()
            moved(count)

        return tell

    def mount(self, repository: str) -> bool:
        query = urlencode({"mount": str(self._blob.digest), "from": repository}, safe=":/")
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
        if answer.status == 202:
            self._began(answer)
        return answer.status == 201

    def send(self) -> None:
        """Send the blob, from the start again where a session is lost; raises NetworkError."""
        try:
            with self._open() as file:
                self._send_file(file)
        except OSError as error:
            place = error.filename or self._blob.digest
            raise MachineError(f"can't read {place}: {error.strerror}") from error

    def _send_file(self, file: BinaryIO) -> None:
        tries = self._registry.limits.tries
        for number in range(tries):
            try:
                if self._location is None:
                    self._begin()
                self._send_once(file)
            except _LostError as lost:
                self._location = None
                if self._registry.has_blob(self._blob.digest, scope=self._registry.push_scope):
                    return
                if number + 1 == tries:
                    raise lost.error from lost
                self._registry.stopped.wait(self._registry.limits.back_off_s * 2**number)
            else:
                return

    def _open(self) -> BinaryIO:
        if isinstance(self._blob.content, bytes):
            import io

            return io.BytesIO(self._blob.content)
        file = self._blob.content.open("rb")
        size_bytes = file.seek(0, 2)
        if size_bytes != self._blob.size_bytes:
            file.close()
            raise MachineError(
                f"{self._blob.content} has {size_bytes} bytes, not {self._blob.size_bytes}"
            )
        return file

    def _begin(self) -> None:
        url = self._registry.url("blobs/uploads/")
        answer = self._call("POST", url, good=frozenset({202}), body=b"", again=True)
        self._began(answer)

    def _began(self, answer: Answer) -> None:
        self._take_location(answer)
        least = answer.headers.get("oci-chunk-min-length", "")
        if least.isdecimal():
            self._chunk_bytes = min(max(self._chunk_bytes, int(least)), _LARGEST_CHUNK_BYTES)

    def _send_once(self, file: BinaryIO) -> None:
        size_bytes = self._blob.size_bytes
        if size_bytes <= self._chunk_bytes:
            self._finish(_Slice(file, 0, size_bytes, self._moved))
            return
        offset, failures = 0, 0
        while offset < size_bytes:
            end = min(offset + self._chunk_bytes, size_bytes)
            try:
                offset = self._patch(file, offset, end)
                failures = 0
            except NetworkError as error:
                failures += 1
                if not _may_go_on(error) or failures >= self._registry.limits.tries:
                    raise
                self._registry.stopped.wait(self._registry.limits.back_off_s * 2 ** (failures - 1))
                offset = self._position(error)
        self._finish(None)

    def _patch(self, file: BinaryIO, offset: int, end: int) -> int:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"{offset}-{end - 1}",
        }
        body = _Slice(file, offset, end - offset, self._moved)
        answer = self._call("PATCH", self._here(), good=_PATCHED, body=body, headers=headers)
        if answer.status != 202:
            # why: 404 is a session that is gone, 416 one that stands elsewhere than it told.
            what = f"can't {self._what}: {self._transport.host} answers {answer.status}"
            raise _LostError(RefusedError(what))
        self._take_location(answer)
        return self._told_position(answer, default=end)

    def _position(self, error: NetworkError) -> int:
        """How far the registry has got, after a chunk that failed (GET of the upload's status)."""
        try:
            answer = self._call("GET", self._here(), good=frozenset({204}), again=True)
        except NetworkError as lost:
            raise _LostError(error) from lost
        if "location" in answer.headers:
            self._take_location(answer)
        return self._told_position(answer, default=0)

    def _told_position(self, answer: Answer, *, default: int) -> int:
        told = answer.headers.get("range")
        if told is None:
            return default
        match = _RANGE.fullmatch(told.strip())
        if match is None or int(match[1]) >= self._blob.size_bytes:
            raise MalformedAnswerError(
                f"can't {self._what}: {self._transport.host} tells a wrong range of bytes"
            )
        # why: "0-0" is also what some tell of an upload that has nothing yet; a byte sent twice
        # would be refused, so such a session is given up.
        return 0 if match[1] == "0" else int(match[1]) + 1

    def _finish(self, body: _Slice | None) -> None:
        separator = "&" if "?" in self._here() else "?"
        url = f"{self._here()}{separator}{urlencode({'digest': str(self._blob.digest)}, safe=':')}"
        headers = {"Content-Type": "application/octet-stream"}
        content: bytes | _Slice = b"" if body is None else body
        try:
            answer = self._call("PUT", url, good=frozenset({201}), body=content, headers=headers)
        except NetworkError as error:
            if not _may_go_on(error):
                raise
            raise _LostError(error) from error
        told = answer.headers.get("docker-content-digest")
        if told is not None and told != str(self._blob.digest):
            raise WrongDigestError(
                f"can't {self._what}: {self._transport.host} has stored another digest"
            )

    def _call(
        self,
        method: str,
        url: str,
        *,
        good: frozenset[int],
        body: bytes | _Slice | None = None,
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
            body=cast("bytes | BinaryIO | None", body),
            again=again,
        )
        return self._transport.call(call)

    def _take_location(self, answer: Answer) -> None:
        location = answer.headers.get("location")
        if not location:
            raise MalformedAnswerError(
                f"can't {self._what}: {self._transport.host} does not say where to send it"
            )
        self._location = self._transport.resolve(answer.url, location, self._what)

    def _here(self) -> str:
        if self._location is None:
            raise AssertionError("the upload has begun")
        return self._location


def _may_go_on(error: NetworkError) -> bool:
    """Whether a request that failed with its body under way is worth another one."""
    # why credentials: the upload has begun with them, so it is a token that has run out.
    if isinstance(error, CredentialsError):
        return not isinstance(error, DeniedError)
    return isinstance(error, UnreachableError | UnavailableError)


class _LostError(Exception):
    """The upload session is lost; another one may go better."""

    def __init__(self, error: NetworkError) -> None:
        super().__init__(str(error))
        self.error = error


class _Slice:
    """A part of a file as the body of a request; it tells of what has been read."""

    def __init__(
        self, file: BinaryIO, offset: int, size_bytes: int, moved: Callable[[int], None]
    ) -> None:
        file.seek(offset)
        self._file = file
        self._left = size_bytes
        self._moved = moved

    def __len__(self) -> int:
        return self._left

    def __iter__(self) -> _Slice:
        return self

    def __next__(self) -> bytes:
        data = self.read(1 << 16)
        if not data:
            raise StopIteration
        return data

    def read(self, count: int = -1) -> bytes:
        """The next bytes; empty at the end."""
        data = self._file.read(self._left if count < 0 else min(count, self._left))
        self._left -= len(data)
        self._moved(len(data))
        return data
