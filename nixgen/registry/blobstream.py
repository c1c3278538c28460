"""A blob of a registry as a stream that outlives broken connections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from nixgen.registry.errors import MalformedAnswerError, UnavailableError
from nixgen.registry.faults import Broken
from nixgen.registry.headers import parse_part_start
from nixgen.registry.request import Call
from nixgen.registry.transport import Transport

if TYPE_CHECKING:
    import requests

_GOOD = frozenset({200, 206})


class BlobStream:
    """The bytes of a blob, not checked; after a break it goes on where it broke (RFC 9110, 14).

    Registries that know no ranges send it anew, and what has been read is left out. No condition
    is sent with a range: the digest in the address names the bytes, and the reader checks them.
    """

    def __init__(self, transport: Transport, call: Call, size_bytes: int) -> None:
        self._transport = transport
        self._call = replace(call, good=_GOOD)
        self._size_bytes = size_bytes
        self._deadline_s = time.monotonic() + transport.limits.total_s
        self._tries = transport.tries()
        self._response: requests.Response | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._buffer = b""
        self._count = 0
        self._further = transport.limits.least_bytes
        self.resumed = False

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
                if not chunk and self._may_be_cut():
                    raise Broken(f"{self._transport.host} broke off after {self._count} bytes")
            except Broken as broken:
                self.close()
                if self._count >= self._size_bytes:
                    return b""
                self._tries.failed(self._transport.unreachable(broken, self._call))
            else:
                self._went_on(len(chunk))
                return chunk

    def _went_on(self, count: int) -> None:
        self._count += count
        # why not for any byte: a server that breaks off after each would keep this busy.
        if self._count >= self._further:
            self._further = self._count + self._transport.limits.least_bytes
            self._tries.succeeded()

    def _may_be_cut(self) -> bool:
        """Whether an end may be a break: too early, and where no length was told."""
        length = self._response is not None and self._response.headers.get("Content-Length")
        return self._count < self._size_bytes and not length

    def _connect(self) -> None:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise UnavailableError(
                f"can't {self._call.what}: {self._transport.host} sent {self._count} bytes in "
                f"{self._transport.limits.total_s:g} s",
                hint="try again later",
            )
        call = self._call
        if self._count:
            self.resumed = True
            call = replace(call, headers={**call.headers, "Range": f"bytes={self._count}-"})
        response = self._transport.open(call, self._tries)
        self._response = response
        start = self._start(response)
        self._chunks = self._transport.body(response, self._size_bytes - start, left_s, call)
        self._leave_out(self._count - start)

    def _start(self, response: requests.Response) -> int:
        if response.status_code == 200:
            return 0
        start = parse_part_start(response.headers.get("Content-Range"))
        if start is None or start != self._count:
            self.close()
            raise MalformedAnswerError(
                f"can't {self._call.what}: {self._transport.host} sends another part than asked for"
            )
        return start

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
