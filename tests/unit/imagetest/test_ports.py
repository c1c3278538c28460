from __future__ import annotations

from collections.abc import Iterator

import pytest

from nixgen.imagetest.ports import judge_port
from nixgen.spec import Expectation, PortCheck
from tests.unit.imagetest.servers import REFUSED, Clock, FakeServer, Reply, http

ROOT = PortCheck(port=80, get="/")


@pytest.fixture
def server() -> Iterator[FakeServer]:
    made = FakeServer()
    yield made
    made.close()


def judged(check: PortCheck, server: FakeServer, *replies: Reply, left_s: float = 10) -> list[str]:
    clock = Clock()
    if replies:
        server.replies = list(replies)
    return judge_port(check, server, clock.now + left_s, clock=clock, pause=clock.pause)


def test_a_connection_is_enough_where_nothing_is_asked_for(server: FakeServer) -> None:
    assert judged(PortCheck(port=8080), server) == []
    assert server.ports == [8080]


def test_a_server_that_is_not_ready_is_asked_again(server: FakeServer) -> None:
    assert judged(ROOT, server, REFUSED, b"", http(503), http(200)) == []
    assert len(server.ports) == 4


def test_503_is_an_answer_where_it_is_expected(server: FakeServer) -> None:
    assert judged(PortCheck(port=80, get="/", status=503), server, http(503)) == []


def test_the_body_is_held_against_what_is_expected(server: FakeServer) -> None:
    check = PortCheck(port=80, get="/", body=Expectation(text="ok"))
    assert judged(check, server, http(200, b"ok\n")) == []
    (reason,) = judged(check, server, http(200, b"no\n"))
    assert reason.startswith("port 80, GET /: the body differs\n")


def test_another_status_is_told_at_once(server: FakeServer) -> None:
    assert judged(ROOT, server, http(404)) == ["port 80, GET /: status 404, not 200"]
    assert len(server.ports) == 1


def test_nobody_is_waited_for_longer_than_the_time_left(server: FakeServer) -> None:
    (reason,) = judged(PortCheck(port=80), server, REFUSED, left_s=1)
    assert reason == "port 80: no answer in time: nobody listens there"
    (reason,) = judged(ROOT, server, http(503), left_s=1)
    assert reason == "port 80, GET /: no answer in time: HTTP status 503"


def test_time_is_up_for_a_server_that_takes_connections_and_says_nothing(
    server: FakeServer,
) -> None:
    (reason,) = judged(ROOT, server, None, left_s=0.01)
    assert reason.startswith("port 80, GET /: no answer in time: ")


def test_what_is_no_http_is_said(server: FakeServer) -> None:
    (reason,) = judged(ROOT, server, b"220 smtp.example.org\r\n", left_s=0.2)
    assert reason == "port 80, GET /: no answer in time: this is no HTTP: BadStatusLine"


def test_a_program_that_has_ended_is_not_waited_for(server: FakeServer) -> None:
    server.exit_code, server.lives = 1, 2
    assert judged(PortCheck(port=80), server, REFUSED) == [
        "port 80: the program ended before it answered"
    ]
    assert len(server.ports) == 3
