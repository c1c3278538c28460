"""Sending blobs: whole, in chunks, mounted; broken off and gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.errors import MachineError, NetworkError
from nixgen.registry import Blob, Registry, Sent, send_blob
from nixgen.registry.errors import (
    MalformedAnswerError,
    RefusedError,
    UnavailableError,
    UnreachableError,
    WrongDigestError,
)
from tests.fakes.registry import FakeRegistry, Handler, serving
from tests.unit.registry.actions import DATA, DIGEST, Action, cut_at, held, send, status, whole
from tests.unit.registry.conftest import LIMITS, LOGIN, open_registry

LONG = bytes(range(256)) * 20
CHUNKS = replace(LIMITS, chunk_bytes=1000)


@pytest.fixture
def chunked(fake: FakeRegistry) -> Iterator[Registry]:
    with open_registry(fake, limits=CHUNKS) as registry:
        yield registry


def ranges(fake: FakeRegistry) -> list[str]:
    return [seen.headers["Content-Range"] for seen in fake.requests("PATCH")]


def session_of(handler: Handler) -> str:
    return handler.path.rpartition("/")[2].partition("?")[0]


@pytest.mark.parametrize("size_bytes", [0, 1, 999, 1000, 1001, 2000])
def test_blobs_of_every_size_arrive(fake: FakeRegistry, chunked: Registry, size_bytes: int) -> None:
    assert send(chunked, LONG[:size_bytes]) is Sent.UPLOADED
    assert held(fake, LONG[:size_bytes])
    assert all("Content-Length" in seen.headers for seen in fake.requests("PUT"))


def test_large_blobs_go_in_chunks(fake: FakeRegistry, chunked: Registry) -> None:
    send(chunked, LONG)
    assert ranges(fake) == [
        "0-999",
        "1000-1999",
        "2000-2999",
        "3000-3999",
        "4000-4999",
        "5000-5119",
    ]
    assert held(fake, LONG)


def test_chunks_are_as_large_as_the_registry_wants_them(
    fake: FakeRegistry, chunked: Registry
) -> None:
    fake.least_chunk_bytes = 3000
    send(chunked, LONG)
    assert ranges(fake) == ["0-2999", "3000-5119"]


@pytest.mark.parametrize("least", ["9" * 5000, "-1", "x", "²"])
def test_a_malformed_size_of_chunks_is_none(
    fake: FakeRegistry, chunked: Registry, least: str
) -> None:
    def begin(handler: Handler) -> None:
        fake.uploads["own"] = bytearray()
        place = "/v2/team/app/blobs/uploads/own"
        handler.reply(202, Location=place, OCI_Chunk_Min_Length=least)

    fake.misbehave("POST", "/uploads/", begin)
    send(chunked, LONG)
    assert len(ranges(fake)) == 6


def test_a_chunk_that_broke_is_resumed_from_where_it_broke(
    fake: FakeRegistry, chunked: Registry
) -> None:
    def half(handler: Handler) -> None:
        fake.uploads[session_of(handler)].extend(handler.read_body(400))
        handler.drop()

    fake.misbehave("PATCH", "session", half)
    send(chunked, LONG)
    assert ranges(fake)[:3] == ["0-999", "400-1399", "1400-2399"]
    assert held(fake, LONG)


@pytest.mark.parametrize("code", [408, 416, 429, 500, 503])
def test_a_chunk_that_is_not_taken_goes_again_from_where_the_upload_stands(
    fake: FakeRegistry, chunked: Registry, code: int
) -> None:
    def taken_and_denied(handler: Handler) -> None:
        fake.uploads[session_of(handler)].extend(handler.read_body())
        handler.refuse(code, "BUSY")

    fake.misbehave("PATCH", "session", taken_and_denied)
    send(chunked, LONG)
    assert ranges(fake)[:2] == ["0-999", "1000-1999"]
    assert len(fake.requests("POST")) == 1
    assert held(fake, LONG)


def test_an_upload_waits_as_long_as_it_is_asked_to(fake: FakeRegistry, chunked: Registry) -> None:
    fake.misbehave("PATCH", "session", status(429, Retry_After="999999"))
    with pytest.raises(UnavailableError, match="429"):
        send(chunked, LONG)
    assert len(fake.requests("PATCH")) == 1


def test_a_registry_that_takes_nothing_in_is_given_up(
    fake: FakeRegistry, chunked: Registry
) -> None:
    def forget(handler: Handler) -> None:
        handler.read_body()
        handler.reply(202, Location=handler.path, Range="0-0")

    fake.misbehave("PATCH", "session", forget, times=1000)
    with pytest.raises(UnavailableError, match="take in"):
        send(chunked, LONG)
    assert len(fake.requests("PATCH")) <= LIMITS.tries


def test_a_registry_that_forgets_again_and_again_is_given_up(
    fake: FakeRegistry, chunked: Registry
) -> None:
    def lose(handler: Handler) -> None:
        fake.uploads[session_of(handler)].clear()
        handler.drop()

    fake.misbehave("PATCH", "session", Handler.behave)
    for _ in range(50):
        fake.misbehave("PATCH", "session", lose)
        fake.misbehave("PATCH", "session", Handler.behave)
    with pytest.raises(UnreachableError):
        send(chunked, LONG)
    assert len(fake.requests("PATCH")) <= 2 * LIMITS.tries


def test_a_lost_session_starts_anew(fake: FakeRegistry, chunked: Registry) -> None:
    def forget(handler: Handler) -> None:
        fake.uploads.clear()
        handler.behave()

    fake.misbehave("PATCH", "session", forget)
    send(chunked, LONG)
    assert len(fake.requests("POST")) == 2
    assert held(fake, LONG)


@pytest.mark.parametrize("code", [404, 416])
def test_a_session_that_can_not_be_closed_starts_anew(
    fake: FakeRegistry, registry: Registry, code: int
) -> None:
    fake.misbehave("PUT", "/uploads/", status(code))
    send(registry)
    assert len(fake.requests("POST")) == 2


@pytest.mark.parametrize("action", [Handler.drop, status(500), status(503, Retry_After="0")])
def test_the_close_of_an_upload_in_chunks_is_tried_again(
    fake: FakeRegistry, chunked: Registry, action: Action
) -> None:
    fake.misbehave("PUT", "/uploads/", action)
    send(chunked, LONG)
    assert len(ranges(fake)) == 6
    assert held(fake, LONG)


def test_a_close_whose_answer_was_lost_is_found_to_have_worked(
    fake: FakeRegistry, chunked: Registry
) -> None:
    def deaf(handler: Handler) -> None:
        fake.blobs["team/app", str(Digest.of_bytes(LONG))] = LONG
        handler.drop()

    fake.misbehave("PUT", "/uploads/", deaf)
    send(chunked, LONG)
    assert len(fake.requests("PUT")) == 1


@pytest.mark.parametrize("code", [301, 302, 307, 308])
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_uploads_follow_redirects_with_their_bytes(
    fake: FakeRegistry, chunked: Registry, method: str, code: int
) -> None:
    def moved(handler: Handler) -> None:
        handler.read_body()
        path, _, query = handler.path.partition("?")
        handler.reply(code, Location=f"{path}?{query}&moved=1")

    fake.misbehave(method, "/uploads/", moved)
    send(chunked, LONG)
    assert held(fake, LONG)


def test_bytes_that_go_to_another_host_go_without_the_login() -> None:
    with serving() as storage, serving(auth="bearer") as fake:
        place = f"http://{storage.host}/v2/team/app/blobs/uploads/other?sig=a%2Fb"
        storage.uploads["other"] = bytearray()

        def begin(handler: Handler) -> None:
            handler.reply(202, Location=place, Set_Cookie="session=secret; Path=/")

        with open_registry(fake, credentials=LOGIN) as registry:
            registry.has_blob(DIGEST, scope=registry.push_scope)
            fake.misbehave("POST", "/uploads/", begin)
            send(registry)
        assert held(storage)
        for seen in storage.seen:
            assert "Authorization" not in seen.headers
            assert "Cookie" not in seen.headers
        # why: a signed address is good only as it was given.
        assert storage.seen[0].path.startswith(place.removeprefix(f"http://{storage.host}"))


@pytest.mark.parametrize("location", [None, "", "ftp://x/y", "http://["])
def test_an_upload_without_a_place_is_told(
    fake: FakeRegistry, registry: Registry, location: str | None
) -> None:
    headers = {} if location is None else {"Location": location}
    fake.misbehave("POST", "/uploads/", whole(b"", 202, **headers))
    with pytest.raises(MalformedAnswerError, match="send"):
        send(registry)


@pytest.mark.parametrize("told", ["0-99999", "5-10", "x", "0-" + "9" * 5000])
def test_a_range_that_can_not_be_is_told(fake: FakeRegistry, chunked: Registry, told: str) -> None:
    def lie(handler: Handler) -> None:
        handler.read_body()
        handler.reply(202, Location=handler.path, Range=told)

    fake.misbehave("PATCH", "session", lie)
    with pytest.raises(MalformedAnswerError, match="wrong range"):
        send(chunked, LONG)


@pytest.mark.parametrize("action", [Handler.drop, status(500)])
def test_an_upload_that_broke_is_made_again(
    fake: FakeRegistry, registry: Registry, action: Action
) -> None:
    fake.misbehave("PUT", "/uploads/", action)
    send(registry)
    assert fake.blobs["team/app", str(DIGEST)] == DATA


def test_an_upload_that_always_breaks_ends(fake: FakeRegistry, registry: Registry) -> None:
    fake.misbehave("PUT", "/uploads/", Handler.drop, times=100)
    with pytest.raises(UnreachableError, match="send the blob"):
        send(registry)
    assert len(fake.requests("PUT")) == LIMITS.tries


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_an_upload_comes_whole_wherever_an_answer_is_cut_off(
    fake: FakeRegistry, chunked: Registry, method: str
) -> None:
    for count in range(0, 400, 7):
        fake.seen.clear()
        fake.blobs.clear()
        fake.misbehave(method, "/uploads/", cut_at(count))
        send(chunked, LONG[:2500])
        assert held(fake, LONG[:2500]) or method == "POST"
        if len(fake.seen) == 6:
            return
    pytest.fail("every answer was cut off")


@pytest.mark.parametrize("code", [400, 403, 413])
def test_an_upload_that_is_refused_is_cancelled(
    fake: FakeRegistry, registry: Registry, code: int
) -> None:
    fake.misbehave("PUT", "/uploads/", status(code))
    with pytest.raises(NetworkError, match=str(code)):
        send(registry)
    assert len(fake.requests("DELETE")) == 1
    assert fake.uploads == {}


@pytest.mark.parametrize("action", [Handler.drop, status(500), status(405)])
def test_a_cancellation_that_fails_hides_nothing(
    fake: FakeRegistry, registry: Registry, action: Action
) -> None:
    fake.misbehave("PUT", "/uploads/", status(413))
    fake.misbehave("DELETE", "/uploads/", action, times=100)
    with pytest.raises(RefusedError, match="413"):
        send(registry)
    assert len(fake.requests("DELETE")) == 1


def test_a_blob_that_was_damaged_on_its_way_is_refused_by_the_registry(
    fake: FakeRegistry, registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "blob").write_bytes(b"X" + DATA[1:])
    blob = Blob(digest=DIGEST, size_bytes=len(DATA), content=tmp_path / "blob")
    with pytest.raises(RefusedError, match="DIGEST_INVALID"):
        send_blob(registry, blob)


def test_a_file_of_another_size_is_not_sent(
    fake: FakeRegistry, registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "blob").write_bytes(DATA[1:])
    blob = Blob(digest=DIGEST, size_bytes=len(DATA), content=tmp_path / "blob")
    with pytest.raises(MachineError, match="1099 bytes, not 1100"):
        send_blob(registry, blob)
    assert fake.requests("PUT") == []


@pytest.mark.parametrize(
    ("told", "refused"),
    [("sha256:" + "0" * 64, True), ("sha512:" + "0" * 128, False), (str(DIGEST), False)],
)
def test_a_blob_stored_as_something_else_is_told(
    fake: FakeRegistry, registry: Registry, told: str, refused: bool
) -> None:
    fake.misbehave("PUT", "/uploads/", whole(b"", 201, Docker_Content_Digest=told))
    if refused:
        with pytest.raises(WrongDigestError, match="stored another"):
            send(registry)
    else:
        assert send(registry) is Sent.UPLOADED


def test_a_mount_that_fails_becomes_an_upload_in_the_session_it_opened(
    fake: FakeRegistry, registry: Registry
) -> None:
    assert send(registry, DATA, "not/there", "nor/there") is Sent.UPLOADED
    assert len(fake.requests("POST")) == 2
    assert held(fake)


@pytest.mark.parametrize("code", [401, 403, 404, 405])
def test_a_mount_that_is_refused_becomes_an_upload(
    fake: FakeRegistry, registry: Registry, code: int
) -> None:
    fake.misbehave("POST", "mount=", status(code))
    assert send(registry, DATA, "other/app") is Sent.UPLOADED
    assert held(fake)


def test_a_mount_that_gets_no_token_becomes_an_upload() -> None:
    with serving(auth="bearer") as fake:
        fake.misbehave("GET", "/token.*secret", lambda handler: handler.refuse(403, "DENIED"))
        with open_registry(fake, credentials=LOGIN) as registry:
            assert send(registry, DATA, "secret/app") is Sent.UPLOADED


@pytest.mark.parametrize(("method", "chunk_bytes"), [("PATCH", 500), ("PUT", 5000)])
def test_a_token_that_runs_out_during_an_upload_is_got_anew(method: str, chunk_bytes: int) -> None:
    def run_out(handler: Handler) -> None:
        for scopes in handler.registry.tokens.values():
            scopes.clear()
        handler.behave()

    limits = replace(LIMITS, chunk_bytes=chunk_bytes)
    with serving(auth="bearer") as fake:
        fake.misbehave(method, "/uploads/", run_out)
        with open_registry(fake, credentials=LOGIN, limits=limits) as registry:
            send(registry)
        assert held(fake)


def test_what_was_sent_twice_is_told_as_moved(fake: FakeRegistry, registry: Registry) -> None:
    moved: list[int] = []
    fake.misbehave("PUT", "/uploads/", status(500))
    blob = Blob(digest=DIGEST, size_bytes=len(DATA), content=DATA)
    send_blob(registry, blob, moved=moved.append)
    assert sum(moved) == 2 * len(DATA)
