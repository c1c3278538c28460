"""A network that breaks: connections to a port here end after some bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class FlakyNetwork:
    """Passes connections on to `target`, and ends each of the next `breaks` after `after_bytes`.

    Bytes count in both directions together. `broken` is how many have been ended.
    """

    target: tuple[str, int]
    after_bytes: int = 0
    breaks: int = 0
    broken: int = 0
    host: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def breaks_next(self) -> bool:
        """Whether a connection that has moved its bytes is to end."""
        with self.lock:
            if self.broken >= self.breaks:
                return False
            self.broken += 1
            return True


class _Connection:
    def __init__(self, network: FlakyNetwork, client: socket.socket) -> None:
        self._network = network
        self._ends = (client, socket.create_connection(network.target))
        self._moved_bytes = 0
        for source, target in (self._ends, self._ends[::-1]):
            threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(8192):
                target.sendall(data)
                self._moved_bytes += len(data)
                if self._moved_bytes > self._network.after_bytes and self._network.breaks_next():
                    break
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def flaky_network(target: str, *, after_bytes: int, breaks: int) -> Iterator[FlakyNetwork]:
    """Such a network to `HOST:PORT` while the body runs."""
    name, _, port = target.rpartition(":")
    network = FlakyNetwork(target=(name, int(port)), after_bytes=after_bytes, breaks=breaks)
    with socket.create_server(("127.0.0.1", 0)) as server:
        network.host = f"127.0.0.1:{server.getsockname()[1]}"

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with contextlib.suppress(OSError):
                        _Connection(network, client)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield network
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
