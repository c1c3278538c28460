"""Connections to ports inside the network namespace of another process.

This file is a program: `python -c PROGRAM PID FD` enters the namespace, which a process with
threads can't, and hands out connections over the socket FD. It needs the standard library only.
https://man7.org/linux/man-pages/man2/setns.2.html
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import sys

READY = b"ready"
GONE = b"gone"
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_NS_GET_USERNS = 0xB701  # https://man7.org/linux/man-pages/man2/ioctl_nsfs.2.html
_LOOPBACKS = ("127.0.0.1", "::1")


def enter_network(pid: int) -> None:
    """Move this process to the network namespace of another; raises OSError."""
    place = f"/proc/{pid}/ns/net"
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.stat(place).st_ino == os.stat("/proc/self/ns/net").st_ino:  # noqa: PTH116
            return
        try:
            _set_namespace(descriptor, _CLONE_NEWNET)
        except PermissionError:
            # why: an ordinary user has the right within the user namespace that owns this one.
            owner = fcntl.ioctl(descriptor, _NS_GET_USERNS)
            _set_namespace(owner, _CLONE_NEWUSER)
            os.close(owner)
            _set_namespace(descriptor, _CLONE_NEWNET)
    finally:
        os.close(descriptor)


def _set_namespace(descriptor: int, kind: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, kind) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def connect(port: int, timeout_s: float) -> socket.socket:
    """A TCP connection to a port of the loopback device, by IPv4 or IPv6; raises OSError."""
    failure = OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    for host in _LOOPBACKS:
        try:
            return socket.create_connection((host, port), timeout=timeout_s)
        except OSError as error:
            failure = failure if host != _LOOPBACKS[0] else error
    raise failure


def serve(channel: socket.socket) -> None:
    """Answer each request `PORT MILLISECONDS` with an error number, 0 along with a connection."""
    while request := channel.recv(64):
        port, timeout_ms = map(int, request.split())
        try:
            with connect(port, timeout_ms / 1000) as made:
                socket.send_fds(channel, [b"0"], [made.fileno()])
        except OSError as error:
            # why: a connection that took too long has no number.
            channel.send(str(error.errno or errno.ETIMEDOUT).encode())


def main(pid: int, descriptor: int) -> None:
    """Enter the namespace, say so or why not, then serve until the other side is closed."""
    with socket.socket(fileno=descriptor) as channel:
        try:
            enter_network(pid)
        except (FileNotFoundError, ProcessLookupError):
            channel.send(GONE)
            return
        except OSError as error:
            channel.send((error.strerror or str(error)).encode())
            return
        channel.send(READY)
        serve(channel)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
