import io
import threading

import pytest

from nixgen.errors import InterruptedByUserError
from nixgen.registry.body import FileBody
from nixgen.registry.errors import UnavailableError, UnreachableError
from nixgen.registry.faults import Broken
from nixgen.registry.pace import Pace, Tries


class Clock:
    """A time that moves only when it is moved."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def wait(pace: Pace, clock: Clock, seconds: float, count: int) -> None:
    pace.begin()
    clock.now_s += seconds
    pace.moved(count)


def test_a_transfer_may_be_as_slow_as_is_allowed() -> None:
    clock = Clock()
    pace = Pace(stall_s=10, least_bytes=100, clock=clock)
    for _ in range(50):
        wait(pace, clock, 1, 10)


def test_a_slower_one_is_broken_off_in_time() -> None:
    clock = Clock()
    pace = Pace(stall_s=10, least_bytes=100, clock=clock)
    wait(pace, clock, 1, 1_000_000)
    wait(pace, clock, 9, 0)
    with pytest.raises(Broken, match="only 99 bytes moved in 10 s"):
        for _ in range(10):
            wait(pace, clock, 1, 9 if clock.now_s < 19 else 18)


def test_time_that_this_side_takes_does_not_count() -> None:
    clock = Clock()
    pace = Pace(stall_s=10, least_bytes=100, clock=clock)
    for _ in range(50):
        wait(pace, clock, 0.1, 1)
        clock.now_s += 100


def test_a_server_that_hardly_reads_is_broken_off() -> None:
    clock, moved = Clock(), list[int]()
    pace = Pace(stall_s=10, least_bytes=1000, clock=clock)
    body = FileBody(io.BytesIO(bytes(5000)), 1000, 3000, moved=moved.append, pace=pace)
    body.rewind()
    assert len(body) == 3000
    with pytest.raises(Broken, match="only"):
        while body.read(100):
            clock.now_s += 2
    body.rewind()
    assert len(body.read()) == 3000
    assert body.read() == b""
    assert sum(moved) == 500 + 3000


def make_tries(stopped: threading.Event | None = None, most: int = 3) -> Tries:
    return Tries(most=most, back_off_s=0.001, max_wait_s=0.01, stopped=stopped or threading.Event())


def test_tries_end_with_the_last_error() -> None:
    tries = make_tries()
    for _ in range(2):
        tries.failed(UnreachableError("x"))
    with pytest.raises(UnreachableError, match="y"):
        tries.failed(UnreachableError("y"))


def test_tries_begin_anew_after_a_success() -> None:
    tries = make_tries()
    for _ in range(5):
        tries.failed(UnreachableError("x"))
        tries.failed(UnreachableError("x"))
        tries.succeeded()


def test_a_wait_that_is_asked_for_and_too_long_is_the_end() -> None:
    make_tries().failed(UnavailableError("x", wait_s=0.01))
    with pytest.raises(UnavailableError):
        make_tries().failed(UnavailableError("x", wait_s=0.02))
    with pytest.raises(UnavailableError):
        make_tries().failed(UnavailableError("x", wait_s=float("inf")))


def test_waiting_ends_when_the_work_is_stopped() -> None:
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(InterruptedByUserError):
        make_tries(stopped).failed(UnreachableError("x"))
