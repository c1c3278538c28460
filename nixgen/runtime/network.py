"""Reaching the ports of a running image from outside its network namespace."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from nixgen import _process
from nixgen.errors import MachineError
from nixgen.runtime import connector

_START_TIMEOUT_S = 10.0
_PATIENCE_S = 2.0


class Network:
    """The network namespace of a process: a socket made in it stays in it, whoever holds it."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def connect(self, port: int, timeout_s: float) -> socket.socket:
        """A TCP connection to a port on the loopback device there; raises OSError."""
        self._channel.settimeout(timeout_s + _PATIENCE_S)
        self._channel.send(f"{port} {max(1, int(timeout_s * 1000))}".encode())
        answer, descriptors, _, _ = socket.recv_fds(self._channel, 64, 1)
        number = int(answer or errno.ECONNRESET)
        if number != 0:
            raise OSError(number, os.strerror(number))
        made = socket.socket(fileno=descriptors[0])
        made.settimeout(timeout_s)
        return made


@contextlib.contextmanager
def open_network(pid: int) -> Iterator[Network]:
    """The network of a running process, as root or as who started it.

    Raises MachineError where it can't be reached, ConnectionRefusedError where the process has
    ended.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, contextlib.ExitStack() as held:
        with theirs:
            nobody = held.enter_context(Path(os.devnull).open("wb"))
            program = Path(connector.__file__).read_text(encoding="utf-8")
            argv = (sys.executable, "-I", "-S", "-c", program, str(pid), str(theirs.fileno()))
            held.enter_context(
                _process.open_child(argv, stdout=nobody, stderr=nobody, pass_fds=(theirs.fileno(),))
            )
        ours.settimeout(_START_TIMEOUT_S)
        try:
            said = ours.recv(256)
        except TimeoutError:
            said = b"it did not start in time"
        if said == connector.GONE:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "the process has ended")
        if said != connector.READY:
            why = said.decode(errors="replace") or "its helper program failed"
            raise MachineError(f"can't reach the network of the running image: {why}")
        yield Network(ours)
