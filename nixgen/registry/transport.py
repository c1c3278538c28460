"""HTTP as registries need it: logins, retries, redirects and limits, in one place."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from nixgen.errors import InterruptedByUserError, NetworkError
from nixgen.registry.addresses import origin, proxies, resolve
from nixgen.registry.auth import Authorizer, TokenRequest
from nixgen.registry.body import FileBody
from nixgen.registry.certificates import trusted_certificates
from nixgen.registry.credentials import Login
from nixgen.registry.errors import (
    BUSY,
    MalformedAnswerError,
    UnavailableError,
    UnreachableError,
    refusal,
    registry_words,
    shown_url,
)
from nixgen.registry.faults import Broken, translated
from nixgen.registry.headers import parse_number, parse_retry_after, parse_warnings
from nixgen.registry.pace import Pace, Tries
from nixgen.registry.request import Answer, Call, Limits

if TYPE_CHECKING:
    import requests

_CHUNK_BYTES = 1 << 18
_ERROR_BYTES = 1 << 16
_MOST_WARNINGS = 20
# why not 303 for writes: it asks for another method.
_REDIRECTS = {True: frozenset({301, 302, 303, 307, 308}), False: frozenset({301, 302, 307, 308})}
_DOCKER_HUB = "docker.io"
_DOCKER_HUB_SERVER = "registry-1.docker.io"


class Transport:
    """Speaks to one registry with one login. Safe for several threads, each has its connections.

    `warn` gets what the registry wants people to read, each text once.
    """

    def __init__(
        self,
        host: str,
        *,
        login: Login | None,
        plain_http: bool,
        ca_file: Path | None,
        limits: Limits,
        stopped: threading.Event,
        warn: Callable[[str], None] = lambda _text: None,
    ) -> None:
        server = _DOCKER_HUB_SERVER if host == _DOCKER_HUB else host
        self.host = host
        self.base = f"{'http' if plain_http else 'https'}://{server}/v2/"
        self.limits = limits
        self._trusted = trusted_certificates(ca_file)
        self._stopped = stopped
        self._warn = warn
        self._warned: set[str] = set()
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._authorizer = Authorizer(login, fetch=self._fetch_token, allow_http=plain_http)

    def close(self) -> None:
        """Close all connections."""
        while self._sessions:
            self._sessions.pop().close()

    def call(self, call: Call) -> Answer:
        """Send a request and read its answer whole; raises NetworkError."""
        tries = self.tries(again=call.again)
        while True:
            response = self.open(call, tries)
            try:
                with response:
                    body = b"".join(self.body(response, call.max_bytes, self.limits.small_s, call))
            except Broken as broken:
                tries.failed(self.unreachable(broken, call))
            else:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(
                    status=response.status_code, headers=headers, body=body, url=response.url
                )

    def open(self, call: Call, tries: Tries | None = None) -> requests.Response:
        """Send a request; the caller reads and closes. Raises NetworkError."""
        tries = tries or self.tries(again=call.again)
        while True:
            try:
                response = self._follow(call)
            except Broken as broken:
                tries.failed(self.unreachable(broken, call))
                continue
            if response.status_code in call.good:
                return response
            error = self._refusal(call, response)
            if response.status_code not in BUSY:
                raise error
            tries.failed(error)

    def body(
        self, response: requests.Response, max_bytes: int, total_s: float, call: Call
    ) -> Iterator[bytes]:
        """The bytes of an answer as they come, within limits; raises Broken, NetworkError."""
        deadline_s, count, pace = time.monotonic() + total_s, 0, self.pace()
        while True:
            self.check_stopped()
            pace.begin()
            with translated(self.host):
                # why read1: it gives what has come, so that a body that drips can't dodge limits.
                chunk = response.raw.read1(_CHUNK_BYTES, decode_content=False)
            if not chunk:
                break
            count += len(chunk)
            if count > max_bytes:
                message = f"can't {call.what}: {self.host} sends more than {max_bytes} bytes"
                raise MalformedAnswerError(message)
            if time.monotonic() > deadline_s:
                message = f"can't {call.what}: {self.host} sent {count} bytes in {total_s:.4g} s"
                raise UnavailableError(message, hint="try again later")
            pace.moved(len(chunk))
            yield chunk
        # why: read1 does not complain about a body that ends early.
        length = parse_number(response.headers.get("Content-Length"))
        if length is not None and count < length and call.method != "HEAD":
            raise Broken(f"{self.host} broke off after {count} of {length} bytes")

    def tries(self, *, again: bool = True) -> Tries:
        """A new count of failures; without `again` the first one is the last."""
        return Tries(
            most=self.limits.tries if again else 1,
            back_off_s=self.limits.back_off_s,
            max_wait_s=self.limits.max_wait_s,
            stopped=self._stopped,
        )

    def pace(self) -> Pace:
        """A new measure of a transfer's speed."""
        return Pace(stall_s=self.limits.stall_s, least_bytes=self.limits.least_bytes)

    def unreachable(self, broken: Broken, call: Call) -> UnreachableError:
        """The error for a connection that broke."""
        hint = f"check the network and the name {self.host}"
        return UnreachableError(f"can't {call.what}: {broken}", hint=hint)

    def check_stopped(self) -> None:
        """Raise InterruptedByUserError once the work is to end."""
        if self._stopped.is_set():
            raise InterruptedByUserError("stopped")

    def _refusal(self, call: Call, response: requests.Response) -> NetworkError:
        with response:
            try:
                body = b"".join(self.body(response, _ERROR_BYTES, self.limits.small_s, call))
            except (Broken, NetworkError):
                body = b""
        return refusal(
            response.status_code,
            what=call.what,
            host=self.host,
            words=self._authorizer.redact(registry_words(body)),
            logged_in=self._authorizer.logged_in,
            wait_s=parse_retry_after(response.headers.get("Retry-After")),
        )

    def _follow(self, call: Call) -> requests.Response:
        """One request, through its redirects; the login goes to the registry itself only."""
        codes = _REDIRECTS[call.method in ("GET", "HEAD")]
        response = self._authorized(call)
        for _ in range(self.limits.redirects):
            location = response.headers.get("Location")
            if response.status_code not in codes or location is None:
                return response
            response.close()
            call = replace(call, url=self.resolve(call.url, location, call.what))
            response = self._authorized(call)
        if response.status_code in codes:
            response.close()
            many = self.limits.redirects
            raise MalformedAnswerError(f"can't {call.what}: more than {many} redirects")
        return response

    def _authorized(self, call: Call) -> requests.Response:
        if not self.is_own(call.url):
            return self._send(call, None)
        header = self._authorizer.header(call.scope)
        response = self._send(call, header)
        if response.status_code != 401:
            return response
        challenge = response.headers.get("WWW-Authenticate", "")
        if not self._authorizer.challenged(call.scope, challenge, header):
            return response
        response.close()
        return self._send(call, self._authorizer.header(call.scope))

    def _send(self, call: Call, authorization: str | None) -> requests.Response:
        self.check_stopped()
        headers = {**call.headers, "Accept-Encoding": "identity"}
        if authorization is not None:
            headers["Authorization"] = authorization
        if isinstance(call.body, FileBody):
            call.body.rewind()
        with translated(self.host):
            response = self._session().request(
                call.method,
                call.url,
                headers=headers,
                data=call.body,
                stream=True,
                allow_redirects=False,
                timeout=(self.limits.connect_s, self.limits.read_s),
                verify=self._trusted,
                proxies=proxies(call.url),
            )
        if self.is_own(call.url):
            self._tell_warnings(response)
        return response

    def _tell_warnings(self, response: requests.Response) -> None:
        for text in parse_warnings(response.raw.headers.getlist("Warning")):
            if text not in self._warned and len(self._warned) < _MOST_WARNINGS:
                self._warned.add(text)
                self._warn(f"{self.host} warns: {self._authorizer.redact(text)}")

    def _fetch_token(self, request: TokenRequest) -> bytes:
        what = f"get a token from {shown_url(request.url)}"
        headers = {} if request.authorization is None else {"Authorization": request.authorization}
        body = None
        if request.form is not None:
            body = urlencode(request.form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        call = Call(
            method="GET" if body is None else "POST",
            url=request.url,
            what=what,
            scope=(),
            good=frozenset({200}),
            headers=headers,
            body=body,
        )
        tries = self.tries()
        while True:
            try:
                response = self._send(call, None)
                if response.status_code == 200:
                    with response:
                        small_s = self.limits.small_s
                        return b"".join(self.body(response, call.max_bytes, small_s, call))
            except Broken as broken:
                tries.failed(self.unreachable(broken, call))
                continue
            error = self._refusal(call, response)
            if response.status_code not in BUSY:
                raise error
            tries.failed(error)

    def is_own(self, url: str) -> bool:
        """Whether an address is the registry's own: scheme, host and port."""
        return origin(url) == origin(self.base)

    def resolve(self, url: str, location: str, what: str) -> str:
        """A `Location` made whole; raises MalformedAnswerError where it leaves encryption."""
        return resolve(self.base, url, location, what)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            # why here: requests costs 0.1 s that quick commands must not pay.
            from nixgen.registry.session import PlainSession

            session = self._local.session = PlainSession(head_s=self.limits.small_s)
            self._sessions.append(session)
        return session
