"""Things that a registry, or the network before it, may do instead of answering well."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, cast

from nixgen.digest import Digest
from nixgen.registry import Blob, Registry
from nixgen.registry.upload import Sent, send_blob
from tests.fakes.registry import FakeRegistry, Handler

DATA = b"some bytes of a layer " * 50
DIGEST = Digest.of_bytes(DATA)

Action = Callable[[Handler], None]


def status(code: int, **headers: str) -> Action:
    def act(handler: Handler) -> None:
        handler.read_body()
        handler.refuse(code, "BUSY", "come again", **headers)

    return act


def redirect(url: str, code: int = 307) -> Action:
    def act(handler: Handler) -> None:
        handler.read_body()
        handler.reply(code, Location=url)

    return act


def whole(body: bytes, code: int = 200, **headers: str) -> Action:
    return lambda handler: handler.reply(code, body, **headers)


class _Short:
    """A file that takes in so many bytes and forgets the rest."""

    def __init__(self, file: Any, count: int) -> None:
        self._file = file
        self._left = count

    def write(self, data: bytes) -> int:
        self._file.write(data[: self._left])
        self._left = max(0, self._left - len(data))
        return len(data)

    def flush(self) -> None:
        self._file.flush()


def cut_at(count: int) -> Action:
    """The right answer, of which only so many bytes come."""

    def act(handler: Handler) -> None:
        handler.wfile = cast(Any, _Short(handler.wfile, count))
        handler.behave()
        handler.wfile.flush()
        handler.drop()

    return act


def drip_head(handler: Handler) -> None:
    handler.close_connection = True
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(1000):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.02)


def send(registry: Registry, data: bytes = DATA, *mount_from: str) -> Sent:
    blob = Blob(digest=Digest.of_bytes(data), size_bytes=len(data), content=data)
    return send_blob(registry, blob, mount_from=mount_from)


def held(fake: FakeRegistry, data: bytes = DATA) -> bool:
    """Whether the repository has these bytes, and no upload is left open."""
    return fake.blobs.get(("team/app", str(Digest.of_bytes(data)))) == data and not fake.uploads
