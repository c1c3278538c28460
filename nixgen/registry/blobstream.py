"""A blob of a registry as a stream that outlives broken connections."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nixgen.oci.image import Descriptor
from nixgen.registry.auth import pull_scope
from nixgen.registry.client import Registry
from nixgen.registry.errors import MalformedAnswerError, UnavailableError
from nixgen.registry.faults import Broken
from nixgen.registry.request import Call

if TYPE_CHECKING:
    import requests

_GOOD = frozenset({200, 206})
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-\d{1,19}/(?:\d{1,19}|\*)")


class BlobStream:
    """The bytes of a blob, not checked; after a break it goes on where it broke (RFC 9110, 14).

    Registries that know no ranges send it anew, and what has been read is left out.
    """

    def __init__(self, registry: Registry, descriptor: Descriptor) -> None:
        self._transport = registry.transport
        self._limits = registry.limits
        self._size_bytes = descriptor.size_bytes
        self._call = Call(
            method="GET",
            url=registry.url(f"blobs/{descriptor.digest}"),
            what=f"get the blob {descriptor.digest} of {registry.reference.name}",
            scope=pull_scope(registry.reference.repository),
            good=_GOOD,
        )
        self._deadline_s = time.monotonic() + self._limits.total_s
        self._response: requests.Response | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._buffer = b""
        self._count = 0
        self._failures = 0

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes as they come, none at the end; raises NetworkError."""
        if not self._buffer:
            self._buffer = self._next()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def close(self) -> None:
        """End the transfer."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def _next(self) -> bytes:
        while True:
            try:
                if self._response is None:
                    self._connect()
                chunk = next(self._chunks, b"")
            except Broken as broken:
                self.close()
                if self._count >= self._size_bytes:
                    return b""
                self._transport.pause_or_give_up(broken, self._call, self._failures)
                self._failures += 1
            else:
                self._count += len(chunk)
                # why: a connection that brought something is not one try after another.
                self._failures = 0 if chunk else self._failures
                return chunk

    def _connect(self) -> None:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise UnavailableError(
                f"can't {self._call.what}: {self._transport.host} sent {self._count} bytes in "
                f"{self._limits.total_s:g} s",
                hint="try again later",
            )
        headers = {"Range": f"bytes={self._count}-"} if self._count else {}
        call = Call(
            method=self._call.method,
            url=self._call.url,
            what=self._call.what,
            scope=self._call.scope,
            good=self._call.good,
            headers=headers,
        )
        response = self._transport.open(call)
        self._response = response
        start = self._start(response)
        most = max(0, self._size_bytes - start)
        self._chunks = self._transport.body(response, most, left_s, call)
        self._leave_out(self._count - start)

    def _start(self, response: requests.Response) -> int:
        if response.status_code == 200:
            return 0
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if match is None or int(match[1]) != self._count:
            self.close()
            raise MalformedAnswerError(
                f"can't {self._call.what}: {self._transport.host} sends another part than asked for"
            )
        return self._count

    def _leave_out(self, count: int) -> None:
        """Skip what has been read already."""
        chunks = self._chunks
        while count > 0 and (chunk := next(chunks, b"")):
            if len(chunk) > count:
                self._chunks = _chain(chunk[count:], chunks)
            count -= len(chunk)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
