"""Connections by requests, without what it does of its own accord: redirects, cookies, logins."""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import threading
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

import nixgen

# why no more: each must go out within the time limit of the connection.
_SEND_BYTES = 1 << 16


class PlainSession(requests.Session):
    """Sends what it is given and follows nothing; the head of an answer must come in `head_s`."""

    def __init__(self, *, head_s: float) -> None:
        super().__init__()
        self.headers["User-Agent"] = f"nixgen/{nixgen.__version__}"
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # why: with an authentication set, requests takes none from ~/.netrc.
        self.auth = _unchanged
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(head_s))

    def resolve_redirects(self, *_arguments: Any, **_options: Any) -> Iterator[Any]:
        """None, even without following: requests would read the whole body of a redirect."""
        return iter(())


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Adapter(HTTPAdapter):
    """Makes connections that bound the time of an answer's head."""

    def __init__(self, head_s: float) -> None:
        self._head_s = head_s
        super().__init__()

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        kind = _HTTPSConnection if pool.scheme == "https" else _HTTPConnection
        pool.ConnectionCls = functools.partial(kind, head_s=self._head_s, blocksize=_SEND_BYTES)
        return pool


class _Head:
    """The lines of an answer's head; raises IncompleteRead where they end too early."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._begun = False

    def readline(self, limit: int) -> bytes:
        line: bytes = self._file.readline(limit)
        # why not the first: http.client tells by it that there is no answer at all.
        if self._begun and not line.endswith(b"\n") and len(line) < limit:
            raise http.client.IncompleteRead(line)
        self._begun = True
        return line

    def close(self) -> None:
        self._file.close()


class _Response(http.client.HTTPResponse):
    """An answer with a whole head: http.client takes a connection's end for the head's."""

    def begin(self) -> None:
        file = self.fp
        head: Any = _Head(file)
        self.fp = head
        try:
            super().begin()
        finally:
            # why: it is gone where there was no answer at all.
            if self.fp is head:
                self.fp = file


class _BoundedHead:
    """What both kinds of connection have in common: a bounded time for an answer's head."""

    sock: Any

    def __init__(self, *arguments: Any, head_s: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_s = head_s

    def getresponse(self) -> Any:
        with _bounded(self.sock, self._head_s):
            return super().getresponse()  # type: ignore[misc]


class _HTTPConnection(_BoundedHead, HTTPConnection):
    response_class = _Response


class _HTTPSConnection(_BoundedHead, HTTPSConnection):
    response_class = _Response


@contextlib.contextmanager
def _bounded(connection: Any, seconds: float) -> Iterator[None]:
    """End a connection that is still read from after some seconds.

    A socket's own time limit starts anew with each byte, and heads may have many.
    """

    def end() -> None:
        # why socket's own method: that of a TLS socket takes away what the reader uses.
        with contextlib.suppress(OSError, TypeError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
