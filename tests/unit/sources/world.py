"""A small world for sources: files, a web server that can misbehave, a store, a place."""

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nixgen.digest import Digest
from nixgen.errors import HashMismatchError
from nixgen.progress import Event
from nixgen.sources import Offer, Source
from nixgen.sources.answer import Answer, Miss, Obtained
from nixgen.sources.model import Origin, Unpacked, Upstream
from nixgen.sources.nar import nar_digest

CONTENT = b"a source\n" * 1000


def make_source(
    name: str = "hello-1.0",
    *,
    content: bytes = CONTENT,
    origins: tuple[Origin, ...] = (Upstream(url="http://127.0.0.1:9/hello.tar.gz"),),
    unpacked: Unpacked | None = None,
    file: str | None = None,
    systems: tuple[str, ...] | None = None,
) -> Source:
    pname, _, version = name.partition("-")
    return Source(
        name=name,
        pname=pname,
        version=version,
        file=file or f"{name}.tar.gz",
        digest=Digest.of_bytes(content),
        size_bytes=len(content),
        license="MIT",
        systems=systems,
        seed=False,
        origins=origins,
        unpacked=unpacked,
    )


Respond = Callable[[http.server.BaseHTTPRequestHandler], None]


@dataclass(kw_only=True)
class Web:
    """A server on the loopback: `pages` by path, `asked` in order."""

    url: str
    pages: dict[str, Respond] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def serve(self, path: str, body: bytes) -> str:
        self.pages[path] = lambda handler: send(handler, body)
        return self.url + path


def send(handler: http.server.BaseHTTPRequestHandler, body: bytes, *, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        handler.wfile.write(body)


@contextlib.contextmanager
def serving() -> Iterator[Web]:
    web = Web(url="")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            web.asked.append(self.path)
            if self.path in web.pages:
                web.pages[self.path](self)
            else:
                send(self, b"no", status=404)

        def end_headers(self) -> None:
            self.send_header("Connection", "close")
            super().end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_arguments: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        web.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()


@dataclass(kw_only=True)
class FakeStore:
    """A store in memory: what is added must be called and hashed as Nix would want it."""

    valid: set[str] = field(default_factory=set)
    added: list[str] = field(default_factory=list)

    def is_valid(self, source: Source) -> bool:
        return source.store_path() in self.valid

    def add_file(self, path: Path, source: Source) -> None:
        assert path.name == source.store_name
        if Digest.of_file(path) != source.digest:
            raise HashMismatchError(source.name)
        self._add(source)

    def add_tree(self, path: Path, source: Source) -> None:
        assert path.name == source.store_name
        assert source.unpacked is not None
        if nar_digest(path) != source.unpacked.nar_hash:
            raise HashMismatchError(source.name)
        self._add(source)

    def _add(self, source: Source) -> None:
        self.valid.add(source.store_path())
        self.added.append(source.name)


@dataclass(kw_only=True)
class Recorder:
    """A reporter that remembers."""

    events: list[Event] = field(default_factory=list)

    def report(self, event: Event) -> None:
        self.events.append(event)


@dataclass(kw_only=True)
class FakePlace:
    """A place with these contents by file name; asked in turn in `threads`."""

    name: str = "the fake place"
    contents: dict[str, bytes] = field(default_factory=dict)
    error: Exception | None = None
    runs_program: bool = False
    threads: list[threading.Thread] = field(default_factory=list)

    def offers(self, source: Source) -> Iterator[Offer]:
        def get(folder: Path) -> Answer:
            self.threads.append(threading.current_thread())
            if self.error is not None:
                raise self.error
            if source.file not in self.contents:
                return Miss(reason="not there")
            path = folder / "anything"
            path.write_bytes(self.contents[source.file])
            return Obtained(path=path, digest=Digest.of_file(path))

        yield Offer(where=self.name, get=get, runs_program=self.runs_program)
