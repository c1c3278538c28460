"""Whatever a registry answers, the client ends with a result or an error of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nixgen.errors import NetworkError
from nixgen.registry import Manifest, Registry, list_referrers, put_referrer
from tests.fakes.registry import FakeRegistry, Handler, serving
from tests.unit.registry.actions import DATA, DIGEST, send
from tests.unit.registry.conftest import LIMITS, LOGIN, open_registry
from tests.unit.registry.images import describe, make_referrer

REFERRER: Manifest = make_referrer(describe("application/x", b"subject"))
WORK: list[Callable[[Registry], object]] = [
    lambda registry: registry.head_manifest("v1"),
    lambda registry: registry.get_manifest(DIGEST),
    lambda registry: registry.list_tags(),
    lambda registry: registry.has_blob(DIGEST),
    lambda registry: registry.read_blob(describe("x", DATA), lambda _data, _offset: None),
    lambda registry: list_referrers(registry, DIGEST),
    lambda registry: put_referrer(registry, REFERRER),
    lambda registry: send(registry, DATA, "other/app"),
]

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)
NUMBER = st.sampled_from(["0", "-1", "1100", "9" * 30, "9" * 5000, "1e9", "٣", "²"])
PLACE = st.sampled_from(
    ["/", "//", "/v2/x?y", "http://[", "http://127.0.0.1:1/x", "ftp://x", "?", ""]
)
CHALLENGE = st.sampled_from(
    ["Basic", "Bearer", 'Bearer realm="http://127.0.0.1:1/t"', 'Bearer realm="x"', 'Basic realm="']
)
RANGE = st.sampled_from(["0-0", "0-99", "bytes 0-1/2", "bytes 1-2/*", "bytes=0-10", "5-1", "0-"])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Length": NUMBER | TEXT,
        "Content-Range": RANGE | TEXT,
        "Content-Type": TEXT | st.just("application/vnd.oci.image.index.v1+json"),
        "Content-Encoding": st.sampled_from(["gzip", "br", "identity", "x"]),
        "Docker-Content-Digest": TEXT | st.just(str(DIGEST)) | st.just("sha256:x"),
        "Link": TEXT | st.sampled_from(['</x>; rel="next"', "<http://[>; rel=next", "<>;rel=next"]),
        "Location": PLACE | TEXT,
        "OCI-Chunk-Min-Length": NUMBER | TEXT,
        "OCI-Subject": TEXT,
        "Range": RANGE | TEXT,
        "Retry-After": st.sampled_from(
            ["0", "soon", "Mon, 01 Jan 2001 00:00:00 GMT", "-", "9" * 400]
        ),
        "Set-Cookie": TEXT,
        "Transfer-Encoding": st.sampled_from(["chunked", "x"]),
        "Warning": TEXT | st.just('299 - "x"'),
        "WWW-Authenticate": CHALLENGE | TEXT,
    },
)
BODY = st.binary(max_size=60) | st.sampled_from(
    [b"{}", b"[]", b"null", b'{"tags":null}', b'{"manifests":[{}]}', b'{"errors":[1]}', b"[" * 999]
)
# why some more often: others end the work at once.
STATUS = st.sampled_from(
    [*(200, 201, 202, 204) * 6, *(206, 401) * 3, 301, 307, 400, 403, 404, 405, 416, 429, 500]
)
ANSWER = st.tuples(STATUS, HEADERS, BODY)


@pytest.fixture(scope="module")
def wild() -> Iterator[FakeRegistry]:
    with serving() as fake:
        yield fake


@settings(max_examples=150)
@given(work=st.integers(0, len(WORK) - 1), answers=st.lists(ANSWER, min_size=1, max_size=4))
def test_every_answer_ends_in_a_result_or_an_error(
    wild: FakeRegistry, work: int, answers: list[tuple[int, dict[str, str], bytes]]
) -> None:
    waiting = list(answers)

    def answer(handler: Handler) -> None:
        code, headers, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        handler.close_connection = True
        handler.read_body()
        lines = [f"HTTP/1.1 {code} X", *(f"{name}: {value}" for name, value in headers.items())]
        head = "\r\n".join([*lines, "", ""]).encode("utf-8")
        with contextlib.suppress(OSError):
            handler.wfile.write(head + (b"" if handler.command == "HEAD" else body))

    wild.rules.clear()
    wild.seen.clear()
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        wild.misbehave(method, "", answer, times=10_000)
    limits = replace(LIMITS, tries=2, pages=5, connect_s=1, read_s=2, small_s=2, total_s=2)
    with (
        open_registry(wild, credentials=LOGIN, limits=limits) as registry,
        contextlib.suppress(NetworkError),
    ):
        WORK[work](registry)
    assert len(wild.seen) < 200
