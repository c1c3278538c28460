"""Things that a registry, or the network before it, may do instead of answering well."""

from __future__ import annotations

from collections.abc import Callable

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


def send(registry: Registry, data: bytes = DATA, *mount_from: str) -> Sent:
    blob = Blob(digest=Digest.of_bytes(data), size_bytes=len(data), content=data)
    return send_blob(registry, blob, mount_from=mount_from)


def held(fake: FakeRegistry, data: bytes = DATA) -> bool:
    """Whether the repository has these bytes, and no upload is left open."""
    return fake.blobs.get(("team/app", str(Digest.of_bytes(data)))) == data and not fake.uploads
