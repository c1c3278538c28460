"""What the client makes of a registry, or a network, that does not keep to the rules."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.errors import InterruptedByUserError, NetworkError
from nixgen.oci import Descriptor
from nixgen.registry import Manifest, Registry, list_referrers, pull, push
from nixgen.registry.errors import (
    DeniedError,
    MalformedAnswerError,
    RefusedError,
    UnavailableError,
    UnreachableError,
    WrongDigestError,
)
from tests.fakes.registry import INDEX, FakeRegistry, Handler, serving
from tests.layouts import read_layout
from tests.unit.registry.actions import DATA, DIGEST, cut_at, drip_head, redirect, status, whole
from tests.unit.registry.conftest import LIMITS, LOGIN, open_registry
from tests.unit.registry.images import LAYER_TYPE, describe, make_layout, make_manifest, stored


def fetch(registry: Registry, descriptor: Descriptor | None = None) -> bytes:
    got = bytearray()

    def write(data: bytes, offset: int) -> None:
        del got[offset:]
        got.extend(data)

    registry.read_blob(descriptor or describe(LAYER_TYPE, DATA), write)
    return bytes(got)


@pytest.fixture
def holder(fake: FakeRegistry) -> FakeRegistry:
    """A registry that has one blob and one manifest, v1."""
    fake.blobs["team/app", str(DIGEST)] = DATA
    manifest = make_manifest(DATA, [DATA])
    digest = str(Digest.of_bytes(manifest))
    fake.manifests["team/app", digest] = (json.loads(manifest)["mediaType"], manifest)
    fake.tags["team/app", "v1"] = digest
    return fake


def cut(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(DATA)))
    handler.end_headers()
    handler.wfile.write(DATA[:100])
    handler.drop()


def stall(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(DATA)))
    handler.end_headers()
    handler.wfile.write(DATA[:100])
    handler.wfile.flush()
    handler.connection.settimeout(5)
    with contextlib.suppress(OSError):
        handler.connection.recv(1)
    handler.close_connection = True


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b"x" * 65536)


def drip(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(DATA)))
    handler.end_headers()
    handler.close_connection = True
    with contextlib.suppress(OSError):
        for byte in DATA:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(0.02)


def wrong(handler: Handler) -> None:
    handler.reply(200, b"X" + DATA[1:])


@pytest.mark.parametrize("action", [cut, status(500), status(503), status(429), Handler.drop])
def test_a_blob_comes_whole_after_some_failures(
    holder: FakeRegistry, registry: Registry, action: Callable[[Handler], None]
) -> None:
    holder.misbehave("GET", "/blobs/", action, times=2)
    assert fetch(registry) == DATA
    assert len(holder.requests("GET")) == 3


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (cut, UnreachableError),
        (Handler.drop, UnreachableError),
        (endless, MalformedAnswerError),
        (wrong, WrongDigestError),
        (status(502), UnavailableError),
        (status(429), UnavailableError),
        (status(403), DeniedError),
        (status(418), RefusedError),
        (lambda handler: handler.reply(200, DATA[:5]), WrongDigestError),
    ],
)
def test_what_stays_wrong_ends_in_an_error(
    holder: FakeRegistry,
    registry: Registry,
    action: Callable[[Handler], None],
    error: type[NetworkError],
) -> None:
    holder.misbehave("GET", "/blobs/", action, times=100)
    with pytest.raises(error, match="get the blob"):
        fetch(registry)
    assert len(holder.requests("GET")) <= LIMITS.tries


def test_a_blob_comes_whole_after_a_silence(holder: FakeRegistry) -> None:
    holder.misbehave("GET", "/blobs/", stall)
    with open_registry(holder, limits=replace(LIMITS, read_s=0.3)) as registry:
        assert fetch(registry) == DATA


def test_a_body_that_drips_ends_at_the_limit(holder: FakeRegistry) -> None:
    holder.misbehave("GET", "/blobs/", drip)
    limits = replace(LIMITS, total_s=0.2)
    slow = pytest.raises(UnavailableError, match=r"in 0\.2 s")
    with open_registry(holder, limits=limits) as registry, slow:
        fetch(registry)


@pytest.mark.parametrize(
    "kind", ["HEAD /blobs/", "HEAD /manifests/", "GET /manifests/", "GET /blobs/"]
)
def test_an_answer_that_is_cut_off_anywhere_is_asked_for_again(
    holder: FakeRegistry, registry: Registry, kind: str
) -> None:
    method, pattern = kind.split()
    digest = Digest.parse(holder.tags["team/app", "v1"])
    for count in range(0, 2000, 3):
        holder.misbehave(method, pattern, cut_at(count))
        if pattern == "/blobs/" and method == "HEAD":
            assert registry.has_blob(DIGEST)
        elif pattern == "/blobs/":
            assert fetch(registry) == DATA
        elif method == "HEAD":
            assert registry.head_manifest("v1") == digest
        else:
            assert registry.get_manifest("v1").digest == digest
        if len(holder.seen) == 1:
            return
        holder.seen.clear()
    pytest.fail("every answer was cut off")


def test_a_head_that_drips_is_broken_off(holder: FakeRegistry) -> None:
    holder.misbehave("GET", "/blobs/", drip_head)
    with open_registry(holder, limits=replace(LIMITS, small_s=0.3)) as registry:
        assert fetch(registry) == DATA
    assert len(holder.requests("GET")) >= 2


def test_a_manifest_without_end_is_not_read_to_the_end(
    holder: FakeRegistry, registry: Registry
) -> None:
    holder.misbehave("GET", "/manifests/", endless)
    with pytest.raises(MalformedAnswerError, match="more than 4194304 bytes"):
        registry.get_manifest("v1")


@pytest.mark.parametrize("path", ["/tags/", "/referrers/", "/token"])
def test_lists_and_tokens_without_end_are_not_read_to_the_end(path: str) -> None:
    def endless_list(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", INDEX)
        handler.end_headers()
        handler.close_connection = True
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b" " * 65536)

    with serving(auth="bearer") as fake, open_registry(fake, credentials=LOGIN) as registry:
        fake.misbehave("GET", path, endless_list)
        with pytest.raises(MalformedAnswerError, match=r"more than \d+ bytes"):
            if path == "/tags/":
                registry.list_tags()
            else:
                list_referrers(registry, DIGEST)


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_an_image_gets_there_and_back_through_a_storm(tmp_path: Path, code: int) -> None:
    chance = random.Random(code)

    def now_and_then(handler: Handler) -> None:
        if chance.random() < 0.25:
            status(code, Retry_After="0")(handler)
        else:
            handler.behave()

    layout = make_layout(tmp_path / "made", platforms=("linux/amd64", "linux/arm64"), refer=True)
    # why so many: that all of them fail must not happen in any number of runs.
    limits = replace(LIMITS, tries=15, chunk_bytes=500)
    with serving(auth="bearer") as fake:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH"):
            fake.misbehave(method, "/", now_and_then, times=10_000)
        with open_registry(fake, credentials=LOGIN, limits=limits) as registry:
            push(stored(layout), registry)
            pulled = pull(registry, tmp_path / "pulled")
    assert pulled.digest == layout.digest
    assert pulled.referrers == (layout.referrers[0].digest,)
    read_layout(tmp_path / "pulled").verify_layers()


def test_a_manifest_that_is_not_what_the_registry_says_it_is_is_refused(
    holder: FakeRegistry, registry: Registry
) -> None:
    data = next(iter(holder.manifests.values()))[1]
    lie = whole(data, Docker_Content_Digest="sha256:" + "0" * 64)
    holder.misbehave("GET", "/manifests/", lie)
    with pytest.raises(WrongDigestError, match="not sha256:0000"):
        registry.get_manifest("v1")


@pytest.mark.parametrize("told", ["sha512:" + "0" * 128, "", "md5:x"])
def test_a_digest_of_another_kind_says_nothing(
    holder: FakeRegistry, registry: Registry, told: str
) -> None:
    digest = Digest.parse(holder.tags["team/app", "v1"])
    data = holder.manifests["team/app", str(digest)][1]
    for method in ("HEAD", "GET"):
        holder.misbehave(method, "/manifests/", whole(data, Docker_Content_Digest=told))
    assert registry.head_manifest("v1") == digest


def test_a_manifest_with_another_digest_is_refused(
    holder: FakeRegistry, registry: Registry
) -> None:
    digest = Digest(next(iter(holder.tags.values())).removeprefix("sha256:"))
    holder.misbehave("GET", "/manifests/", lambda handler: handler.reply(200, b"{}"), times=100)
    with pytest.raises(WrongDigestError, match="not sha256:"):
        registry.get_manifest(digest)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"schemaVersion":2', b"[" * 10000, b"\xff"])
def test_a_manifest_that_is_none_is_told(
    holder: FakeRegistry, registry: Registry, body: bytes
) -> None:
    holder.misbehave("GET", "/manifests/", lambda handler: handler.reply(200, body))
    with pytest.raises(MalformedAnswerError):
        registry.get_manifest("v1")


@pytest.mark.parametrize("layers", [None, {}, [1], [{"digest": "x"}], [{"size": -1}]])
def test_a_manifest_with_malformed_descriptors_is_told(layers: object) -> None:
    data = json.dumps({"config": describe("x", b"").as_json(), "layers": layers}).encode()
    manifest = Manifest(media_type="x", digest=Digest.of_bytes(data), data=data)
    with pytest.raises(MalformedAnswerError, match="layers"):
        manifest.blobs()


def test_the_registry_gets_the_wait_it_asks_for(holder: FakeRegistry, registry: Registry) -> None:
    holder.misbehave("GET", "/blobs/", status(429, Retry_After="1"))
    started_s = time.monotonic()
    assert fetch(registry) == DATA
    assert time.monotonic() - started_s >= 1


@pytest.mark.parametrize("wait", ["999999999", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_wait_that_is_too_long_is_not_waited(
    holder: FakeRegistry, registry: Registry, wait: str
) -> None:
    holder.misbehave("GET", "/blobs/", status(503, Retry_After=wait))
    with pytest.raises(UnavailableError, match="503") as caught:
        fetch(registry)
    assert len(holder.requests("GET")) == 1
    assert (caught.value.hint or "").startswith("try again in ")


@pytest.mark.parametrize("wait", ["0", "soon", "-5", "Mon, 01 Jan 2001 00:00:00 GMT", "²"])
def test_a_wait_that_is_past_or_no_time_is_none(
    holder: FakeRegistry, registry: Registry, wait: str
) -> None:
    def busy(handler: Handler) -> None:
        handler.reply(503, Retry_After=wait)

    holder.misbehave("GET", "/blobs/", busy)
    assert fetch(registry) == DATA


def test_redirects_in_a_circle_end(holder: FakeRegistry, registry: Registry) -> None:
    holder.misbehave("GET", "/blobs/", redirect(f"/v2/team/app/blobs/{DIGEST}"), times=100)
    with pytest.raises(MalformedAnswerError, match="more than 5 redirects"):
        fetch(registry)


def test_the_body_of_a_redirect_is_not_read(holder: FakeRegistry, registry: Registry) -> None:
    def moved(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", handler.path)
        handler.send_header("Content-Length", str(1 << 40))
        handler.end_headers()
        handler.close_connection = True
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b"x" * 65536)

    holder.misbehave("GET", "/blobs/", moved)
    assert fetch(registry) == DATA


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://["])
def test_redirects_to_nowhere_are_told(holder: FakeRegistry, registry: Registry, url: str) -> None:
    holder.misbehave("GET", "/blobs/", redirect(url))
    with pytest.raises(MalformedAnswerError, match="points to an address"):
        fetch(registry)


def test_an_address_that_was_signed_is_not_told(fake: FakeRegistry, registry: Registry) -> None:
    with serving() as storage:
        gone = f"http://{storage.host}/stored?sig=top-secret"
    fake.misbehave("GET", "/blobs/", redirect(gone), times=100)
    with pytest.raises(UnreachableError) as caught:
        fetch(registry)
    assert "top-secret" not in str(caught.value)


def test_a_registry_that_stores_something_else_is_told(
    fake: FakeRegistry, registry: Registry
) -> None:
    other = str(Digest.of_bytes(b"other"))
    stored: Callable[[Handler], None] = lambda handler: handler.reply(  # noqa: E731
        201, Docker_Content_Digest=other
    )
    manifest = make_manifest(DATA, [])
    fake.misbehave("PUT", "/manifests/", stored)
    with pytest.raises(WrongDigestError, match="stored"):
        document = Manifest(media_type="x", digest=Digest.of_bytes(manifest), data=manifest)
        registry.put_manifest("v1", document)


def test_lists_without_end_and_lists_of_other_things_are_told(
    fake: FakeRegistry,
) -> None:
    def again(handler: Handler) -> None:
        handler.reply(200, b'{"tags":["a"]}', Link='</v2/team/app/tags/list?x>; rel="next"')

    with open_registry(fake, limits=replace(LIMITS, pages=3)) as registry:
        fake.misbehave("GET", "/tags/", again, times=3)
        with pytest.raises(MalformedAnswerError, match="does not end"):
            registry.list_tags()
        fake.misbehave("GET", "/tags/", lambda handler: handler.reply(200, b'{"tags":[1]}'))
        with pytest.raises(MalformedAnswerError, match="malformed list"):
            registry.list_tags()


@pytest.fixture
def free_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_nobody_there_is_told_with_the_name(free_port: int) -> None:
    fake = FakeRegistry(host=f"127.0.0.1:{free_port}")
    refused = pytest.raises(UnreachableError, match="refused")
    with open_registry(fake) as registry, refused as caught:
        registry.get_manifest("v1")
    assert fake.host in (caught.value.hint or "")


def test_work_ends_when_it_is_stopped(holder: FakeRegistry, registry: Registry) -> None:
    registry.stopped.set()
    with pytest.raises(InterruptedByUserError):
        fetch(registry)
    assert holder.seen == []
