"""Getting blobs: broken off and gone on with, slow, damaged, too long."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

import pytest

from nixgen.oci import Descriptor
from nixgen.registry import Registry
from nixgen.registry.errors import UnreachableError, WrongDigestError
from tests.fakes.registry import FakeRegistry, Handler, serving
from tests.unit.registry.actions import Action, redirect
from tests.unit.registry.conftest import LIMITS, LOGIN, open_registry
from tests.unit.registry.images import LAYER_TYPE, describe

LONG = bytes(range(256)) * 1000
NAME = describe(LAYER_TYPE, LONG)


@pytest.fixture
def holder(fake: FakeRegistry) -> FakeRegistry:
    fake.blobs["team/app", str(NAME.digest)] = LONG
    return fake


class Received:
    """What a download wrote, and the order of offsets it wrote at."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.offsets: list[int] = []

    def __call__(self, data: bytes, offset: int) -> None:
        if offset == 0:
            self.data.clear()
        assert offset == len(self.data)
        self.offsets.append(offset)
        self.data.extend(data)


def fetch(registry: Registry, descriptor: Descriptor = NAME) -> Received:
    received = Received()
    registry.read_blob(descriptor, received)
    return received


def part(count: int, *, told: bool = True, damage: bool = False) -> Action:
    """So many bytes of what was asked for, and then the end of the connection."""

    def act(handler: Handler) -> None:
        asked = handler.headers.get("Range", "bytes=0-")
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(LONG) - 1}/{len(LONG)}")
        if told:
            handler.send_header("Content-Length", str(len(LONG) - start))
        handler.end_headers()
        data = LONG[start : start + count]
        handler.wfile.write(b"X" * len(data) if damage else data)
        handler.wfile.flush()
        handler.drop()

    return act


def ranges(fake: FakeRegistry) -> list[str | None]:
    return [seen.headers.get("Range") for seen in fake.requests("GET", "/blobs/")]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("count", [1, 100, 65_536, len(LONG) - 1])
def test_a_download_goes_on_at_the_byte_it_reached(
    holder: FakeRegistry, registry: Registry, count: int, told: bool
) -> None:
    holder.misbehave("GET", "/blobs/", part(count, told=told))
    received = fetch(registry)
    assert bytes(received.data) == LONG
    assert received.offsets.count(0) == 1
    assert ranges(holder) == [None, f"bytes={count}-"]


def test_a_connection_that_breaks_after_the_last_byte_is_whole(
    holder: FakeRegistry, registry: Registry
) -> None:
    holder.misbehave("GET", "/blobs/", part(len(LONG), told=False))
    assert bytes(fetch(registry).data) == LONG
    assert len(ranges(holder)) == 1


def test_a_registry_without_ranges_sends_it_anew_and_nothing_is_written_twice(
    holder: FakeRegistry, registry: Registry
) -> None:
    holder.ranges = False
    holder.misbehave("GET", "/blobs/", part(70_000))
    received = fetch(registry)
    assert bytes(received.data) == LONG
    assert received.offsets.count(0) == 1


def test_many_breaks_are_borne_as_long_as_each_try_brings_much(
    holder: FakeRegistry, registry: Registry
) -> None:
    holder.misbehave("GET", "/blobs/", part(70_000), times=100)
    limits = replace(LIMITS, tries=2)
    with open_registry(holder, limits=limits) as patient:
        assert bytes(fetch(patient).data) == LONG
    assert len(ranges(holder)) == 4


def test_many_breaks_after_a_few_bytes_each_are_not_borne(
    holder: FakeRegistry, registry: Registry
) -> None:
    holder.misbehave("GET", "/blobs/", part(1000), times=1000)
    with pytest.raises(UnreachableError, match="get the blob"):
        fetch(registry)
    assert len(ranges(holder)) == LIMITS.tries


def test_a_download_that_went_on_and_came_out_wrong_is_made_once_more(
    holder: FakeRegistry, registry: Registry
) -> None:
    holder.misbehave("GET", "/blobs/", part(1000, damage=True))
    received = fetch(registry)
    assert bytes(received.data) == LONG
    assert received.offsets.count(0) == 2
    assert ranges(holder) == [None, "bytes=1000-", None]


def test_a_download_that_is_always_damaged_ends(holder: FakeRegistry, registry: Registry) -> None:
    for _ in range(10):
        holder.misbehave("GET", "/blobs/", part(1000, damage=True))
        holder.misbehave("GET", "/blobs/", Handler.behave)
    with pytest.raises(WrongDigestError):
        fetch(registry)
    assert len(ranges(holder)) == 4


def drip(count: int, pause_s: float) -> Action:
    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(LONG)))
        handler.end_headers()
        handler.close_connection = True
        with contextlib.suppress(OSError):
            for start in range(0, len(LONG), count):
                handler.wfile.write(LONG[start : start + count])
                handler.wfile.flush()
                time.sleep(pause_s)

    return act


def test_a_transfer_that_stalls_is_broken_off_and_goes_on(holder: FakeRegistry) -> None:
    holder.misbehave("GET", "/blobs/", drip(10, 0.01))
    with open_registry(holder, limits=replace(LIMITS, stall_s=0.2, least_bytes=5000)) as registry:
        assert bytes(fetch(registry).data) == LONG
    assert len(ranges(holder)) >= 2
    assert ranges(holder)[1] is not None


def test_a_transfer_that_always_stalls_ends(holder: FakeRegistry) -> None:
    holder.misbehave("GET", "/blobs/", drip(1, 0.01), times=100)
    limits = replace(LIMITS, stall_s=0.1, least_bytes=5000, tries=2)
    stalled = pytest.raises(UnreachableError, match=r"only .* bytes moved")
    with open_registry(holder, limits=limits) as registry, stalled:
        fetch(registry)


def test_a_range_goes_along_with_a_redirect_and_the_login_does_not() -> None:
    with serving() as storage, serving(auth="bearer") as fake:
        storage.blobs["stored", str(NAME.digest)] = LONG
        place = f"http://{storage.host}/v2/stored/blobs/{NAME.digest}"
        fake.misbehave("GET", "/blobs/", redirect(place), times=100)
        storage.misbehave("GET", "/blobs/", part(1000))
        with open_registry(fake, credentials=LOGIN) as registry:
            registry.head_manifest("v1")
            assert bytes(fetch(registry).data) == LONG
        assert ranges(storage) == [None, "bytes=1000-"]
        assert not any("Authorization" in seen.headers for seen in storage.seen)


def test_what_the_registry_warns_of_is_told_once(holder: FakeRegistry) -> None:
    told: list[str] = []
    warn = 'Warning: 299 - "goes \\"away\\"", 299 - "other"'

    class Reporter:
        def report(self, event: object) -> None:
            told.append(str(getattr(event, "text", "")))

    def warned(handler: Handler) -> None:
        handler.reply(200, LONG, Warning=warn.removeprefix("Warning: "))

    holder.misbehave("GET", "/blobs/", warned, times=2)
    with open_registry(holder) as registry:
        registry.reporter = Reporter()
        fetch(registry)
        fetch(registry)
    assert told == [f'{holder.host} warns: goes "away"', f"{holder.host} warns: other"]


def test_warnings_have_no_end_but_are_bounded(holder: FakeRegistry) -> None:
    told: list[object] = []
    numbers = iter(range(1000))

    class Reporter:
        def report(self, event: object) -> None:
            told.append(event)

    def warned(handler: Handler) -> None:
        handler.reply(404, Warning=f'299 - "{next(numbers)}"')

    holder.misbehave("HEAD", "/blobs/", warned, times=100)
    with open_registry(holder) as registry:
        registry.reporter = Reporter()
        for _ in range(100):
            registry.has_blob(NAME.digest)
    assert len(told) == 20
