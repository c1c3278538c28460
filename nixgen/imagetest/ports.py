"""Whether a server's ports answer."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from collections.abc import Callable
from typing import Protocol

from nixgen.imagetest.texts import judge_text
from nixgen.spec import PortCheck

MAX_BODY_BYTES = 1 << 20
_ATTEMPT_S = 1.0
_LEAST_S = 0.001
_PAUSE_S = 0.05
_NOT_READY = 503


class Server(Protocol):
    """A program that runs beside this process; `nixgen.runtime.Running` is one."""

    def connect(self, port: int, timeout_s: float) -> socket.socket:
        """A TCP connection to one of its ports; raises OSError."""
        ...

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Its exit code, None while it runs."""
        ...


def judge_port(
    check: PortCheck,
    server: Server,
    deadline: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Why a port does not answer as expected; none where it does.

    It is tried until it answers, the server ends or `deadline` (of `clock`) has passed. An HTTP
    answer of 503 means not ready, unless it is what is expected.
    """
    what = f"port {check.port}" + ("" if check.get is None else f", GET {check.get}")
    last = "nobody listens there"
    while True:
        try:
            reasons = _ask(check, server, what, deadline - clock())
        except (OSError, http.client.HTTPException) as error:
            # why: what was refused or cut off may have come too early.
            last = _describe(error)
        else:
            if reasons is not None:
                return reasons
            last = "HTTP status 503"
        if clock() >= deadline:
            return [f"{what}: no answer in time: {last}"]
        if server.wait(0) is not None:
            return [f"{what}: the program ended before it answered"]
        pause(_PAUSE_S)


def _ask(check: PortCheck, server: Server, what: str, left_s: float) -> list[str] | None:
    """One attempt: the reasons, None where the server is not ready; raises OSError."""
    with contextlib.closing(
        server.connect(check.port, max(_LEAST_S, min(left_s, _ATTEMPT_S)))
    ) as connection:
        if check.get is None:
            return []
        connection.settimeout(max(_LEAST_S, left_s))
        status, body = _get(connection, check.port, check.get)
    if status == _NOT_READY != check.status:
        return None
    if status != check.status:
        return [f"{what}: status {status}, not {check.status}"]
    return judge_text(f"{what}: the body", check.body, body)


def _get(connection: socket.socket, port: int, path: str) -> tuple[int, bytes]:
    client = http.client.HTTPConnection("localhost", port)
    client.sock = connection
    client.request("GET", path, headers={"Connection": "close", "User-Agent": "nixgen"})
    answer = client.getresponse()
    return answer.status, answer.read(MAX_BODY_BYTES)


def _describe(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, OSError):
        return error.strerror or str(error) or "time is up"
    return f"this is no HTTP: {type(error).__name__}"
