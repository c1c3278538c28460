"""A container registry in this process, after the distribution specification 1.1; it can misbehave.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

INDEX = "application/vnd.oci.image.index.v1+json"
USER, PASSWORD = "alice", "open sesame"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

Action = Callable[["Handler"], None]


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Seen:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Rule:
    """The next `times` requests that match are answered by `action`."""

    method: str
    pattern: str
    action: Action
    times: int = 1


@dataclass
class FakeRegistry:
    """What the registry holds, how it behaves, and what it has seen.

    `auth` is None, `basic` or `bearer`. Keys of `blobs` and `manifests` are pairs of repository
    and digest; values of `tags` are digests.
    """

    auth: str | None = None
    referrers_api: bool = True
    absolute_locations: bool = False
    immutable_tags: bool = False
    page_size: int = 1000
    ranges: bool = True
    least_chunk_bytes: int = 0
    sessions: int = 0
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    host: str = ""

    def misbehave(self, method: str, pattern: str, action: Action, *, times: int = 1) -> None:
        self.rules.append(Rule(method, pattern, action, times))

    def requests(self, method: str, pattern: str = "") -> list[Seen]:
        return [
            seen for seen in self.seen if seen.method == method and re.search(pattern, seen.path)
        ]

    def rule_for(self, method: str, path: str) -> Rule | None:
        with self.lock:
            for rule in self.rules:
                if rule.times > 0 and rule.method == method and re.search(rule.pattern, path):
                    rule.times -= 1
                    return rule
        return None


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    registry: FakeRegistry

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are wanted here."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 10
    disable_nagle_algorithm = True

    @property
    def registry(self) -> FakeRegistry:
        return self.server.registry

    def log_message(self, *_arguments: object) -> None:
        pass

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, code: str, message: str = "", **headers: str) -> None:
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.reply(status, body, Content_Type="application/json", **headers)

    def read_body(self, count: int | None = None) -> bytes:
        length = int(self.headers.get("Content-Length", "0"))
        return self.rfile.read(length if count is None else min(count, length))

    def drop(self) -> None:
        """End the connection here and now."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(2)

    def answer(self) -> None:
        self.registry.seen.append(Seen(self.command, self.path, dict(self.headers.items())))
        rule = self.registry.rule_for(self.command, self.path)
        if rule is not None:
            rule.action(self)
            return
        self.behave()

    def behave(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == "/token":
            self.give_token(query)
        elif self.allowed(path, query):
            self.route(path, query)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def allowed(self, path: str, query: dict[str, list[str]]) -> bool:
        if self.registry.auth is None:
            return True
        given = self.headers.get("Authorization", "")
        repository = re.sub(r"/(manifests|blobs|tags|referrers)/.*", "", path.removeprefix("/v2/"))
        wants = f"repository:{repository}:" + (
            "pull" if self.command in ("GET", "HEAD") else "pull,push"
        )
        if self.registry.auth == "basic":
            if given == BASIC:
                return True
            header = 'Basic realm="here"'
        else:
            granted = self.registry.tokens.get(given.removeprefix("Bearer "), set())
            if any(scope.startswith(wants) for scope in granted):
                return True
            realm = f"http://{self.registry.host}/token"
            header = f'Bearer realm="{realm}",service="here",scope="{wants}"'
        self.read_body()
        self.refuse(401, "UNAUTHORIZED", "who are you", WWW_Authenticate=header)
        return False

    def give_token(self, query: dict[str, list[str]]) -> None:
        scopes = query.get("scope", [])
        if self.command == "POST":
            form = parse_qs(self.read_body().decode())
            if form.get("refresh_token") != ["identity"]:
                self.refuse(401, "UNAUTHORIZED")
                return
            scopes = form["scope"][0].split()
        elif self.headers.get("Authorization") != BASIC:
            self.refuse(401, "UNAUTHORIZED", "no such user")
            return
        token = f"token-{len(self.registry.tokens)}"
        self.registry.tokens[token] = set(scopes)
        self.reply(200, json.dumps({"token": token, "expires_in": 300}).encode())

    def route(self, path: str, query: dict[str, list[str]]) -> None:
        match = re.fullmatch(r"/v2/(.+)/(manifests|blobs|tags|referrers)/(.*)", path)
        if match is None:
            self.reply(200 if path == "/v2/" else 404)
            return
        repository, kind, rest = match.groups()
        if kind == "blobs" and rest.startswith("uploads/"):
            self.upload(repository, rest.removeprefix("uploads/"), query)
        elif kind == "blobs":
            self.blob(repository, rest)
        elif kind == "manifests" and self.command == "PUT":
            self.put_manifest(repository, rest)
        elif kind == "manifests":
            self.get_manifest(repository, rest)
        elif kind == "tags":
            self.list_tags(repository, query)
        else:
            self.list_referrers(repository, rest, query)

    def blob(self, repository: str, digest: str) -> None:
        data = self.registry.blobs.get((repository, digest))
        if data is None:
            self.refuse(404, "BLOB_UNKNOWN", "blob unknown")
        else:
            self.reply_part(data, Docker_Content_Digest=digest)

    def reply_part(self, data: bytes, **headers: str) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None or not self.registry.ranges:
            self.reply(200, data, **headers)
            return
        start = int(asked[1])
        headers["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.reply(206, data[start:], **headers)

    def get_manifest(self, repository: str, target: str) -> None:
        digest = self.registry.tags.get((repository, target), target)
        found = self.registry.manifests.get((repository, digest))
        if found is None:
            self.refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")
        else:
            self.reply(200, found[1], Content_Type=found[0], Docker_Content_Digest=digest)

    def put_manifest(self, repository: str, target: str) -> None:
        data = self.read_body()
        digest, document = sha256(data), json.loads(data)
        parts = [*document.get("layers", []), *filter(None, [document.get("config")])]
        missing = [
            part for part in parts if (repository, part["digest"]) not in self.registry.blobs
        ]
        missing += [
            part
            for part in document.get("manifests", [])
            if (repository, part["digest"]) not in self.registry.manifests
        ]
        if missing:
            self.refuse(404, "MANIFEST_BLOB_UNKNOWN", "a part is missing")
            return
        if not target.startswith("sha256:"):
            old = self.registry.tags.get((repository, target))
            if self.registry.immutable_tags and old not in (None, digest):
                self.refuse(400, "TAG_INVALID", f"the tag {target} is immutable")
                return
            self.registry.tags[repository, target] = digest
        self.registry.manifests[repository, digest] = (self.headers["Content-Type"], data)
        headers = {"Docker_Content_Digest": digest}
        if self.registry.referrers_api and "subject" in document:
            headers["OCI_Subject"] = document["subject"]["digest"]
        self.reply(201, **headers)

    def list_tags(self, repository: str, query: dict[str, list[str]]) -> None:
        names = sorted(tag for (name, tag) in self.registry.tags if name == repository)
        last = query.get("last", [""])[0]
        rest = [name for name in names if name > last]
        page = rest[: self.registry.page_size]
        headers = {}
        if len(rest) > len(page):
            headers["Link"] = f'</v2/{repository}/tags/list?last={page[-1]}>; rel="next"'
        self.reply(200, json.dumps({"name": repository, "tags": page}).encode(), **headers)

    def list_referrers(self, repository: str, subject: str, query: dict[str, list[str]]) -> None:
        if not self.registry.referrers_api:
            self.reply(404, b"page not found")
            return
        found = []
        for (name, digest), (media_type, data) in sorted(self.registry.manifests.items()):
            document = json.loads(data)
            if name == repository and document.get("subject", {}).get("digest") == subject:
                entry = {"mediaType": media_type, "digest": digest, "size": len(data)}
                entry["artifactType"] = document.get("artifactType")
                entry["annotations"] = document.get("annotations", {})
                found.append(entry)
        last = query.get("last", [""])[0]
        rest = [entry for entry in found if entry["digest"] > last]
        page = rest[: self.registry.page_size]
        headers = {"Content_Type": INDEX}
        if len(rest) > len(page):
            place = f"/v2/{repository}/referrers/{subject}?last={page[-1]['digest']}"
            headers["Link"] = f'<{place}>; rel="next"'
        body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": page}
        self.reply(200, json.dumps(body).encode(), **headers)

    def upload(self, repository: str, session: str, query: dict[str, list[str]]) -> None:
        if self.command == "POST":
            self.begin_upload(repository, query)
        elif session not in self.registry.uploads:
            self.read_body()
            self.refuse(404, "BLOB_UPLOAD_UNKNOWN", "no such upload")
        elif self.command == "GET":
            self.reply(204, **self.progress(repository, session))
        elif self.command == "PATCH":
            self.take_chunk(repository, session)
        elif self.command == "DELETE":
            del self.registry.uploads[session]
            self.reply(204)
        else:
            self.finish_upload(repository, session, query["digest"][0])

    def begin_upload(self, repository: str, query: dict[str, list[str]]) -> None:
        self.read_body()
        digest = query.get("mount", [""])[0]
        data = self.registry.blobs.get((query.get("from", [""])[0], digest))
        if data is not None:
            self.registry.blobs[repository, digest] = data
            self.reply(201, Location=f"/v2/{repository}/blobs/{digest}")
            return
        with self.registry.lock:
            session = f"session-{self.registry.sessions}"
            self.registry.sessions += 1
            self.registry.uploads[session] = bytearray()
        headers = self.progress(repository, session)
        if self.registry.least_chunk_bytes:
            headers["OCI_Chunk_Min_Length"] = str(self.registry.least_chunk_bytes)
        self.reply(202, **headers)

    def take_chunk(self, repository: str, session: str) -> None:
        held = self.registry.uploads[session]
        start = int(self.headers["Content-Range"].partition("-")[0])
        if start != len(held):
            self.read_body()
            self.reply(416, **self.progress(repository, session))
            return
        held.extend(self.read_body())
        self.reply(202, **self.progress(repository, session))

    def finish_upload(self, repository: str, session: str, digest: str) -> None:
        held = self.registry.uploads[session]
        held.extend(self.read_body())
        if sha256(bytes(held)) != digest:
            self.refuse(400, "DIGEST_INVALID", "provided digest did not match")
            return
        del self.registry.uploads[session]
        self.registry.blobs[repository, digest] = bytes(held)
        self.reply(201, Location=f"/v2/{repository}/blobs/{digest}", Docker_Content_Digest=digest)

    def progress(self, repository: str, session: str) -> dict[str, str]:
        place = f"/v2/{repository}/blobs/uploads/{session}?state=x"
        if self.registry.absolute_locations:
            place = f"http://{self.registry.host}{place}"
        held = self.registry.uploads[session]
        return {"Location": place, "Range": f"0-{max(0, len(held) - 1)}"}


@contextlib.contextmanager
def serving(*, tls: ssl.SSLContext | None = None, **behaviour: Any) -> Iterator[FakeRegistry]:
    """A registry on 127.0.0.1 while the body runs."""
    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        # why later: else one slow or refused handshake would hold up the rest.
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    server.registry = FakeRegistry(host=f"127.0.0.1:{server.server_port}", **behaviour)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
