"""Servers that are not there: each connection is one end of a socket pair."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass, field

Reply = bytes | OSError | None
"""What a connection brings: bytes and then its end, a refusal, or nothing at all."""


def http(status: int, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


REFUSED = OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


@dataclass
class Clock:
    """Time that passes only when somebody waits for it."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class FakeServer:
    """Gives `replies` one after the other, the last one again and again.

    It ends by itself with `exit_code` after `lives` looks at it, else with `stopped` when it is
    asked to.
    """

    replies: list[Reply] = field(default_factory=lambda: [b""])
    exit_code: int | None = None
    lives: int = 0
    stopped: int = 0
    stdout: bytes = b""
    stderr: bytes = b""
    overflowed: bool = False
    ports: list[int] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    stop_graces: list[float] = field(default_factory=list)
    held: list[socket.socket] = field(default_factory=list)

    def connect(self, port: int, timeout_s: float) -> socket.socket:
        self.ports.append(port)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, OSError):
            raise reply
        ours, theirs = socket.socketpair()
        ours.settimeout(timeout_s)
        if reply is None:
            self.held.append(theirs)
        else:
            theirs.sendall(reply)
            theirs.shutdown(socket.SHUT_WR)
            self.held.append(theirs)
        return ours

    def wait(self, timeout_s: float | None = None) -> int | None:
        self.lives -= 1
        return self.exit_code if self.lives < 0 else None

    def stop(self, grace_s: float) -> int:
        self.stop_graces.append(grace_s)
        return self.stopped

    def close(self) -> None:
        for end in self.held:
            end.close()
