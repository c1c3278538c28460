"""HTTP as registries need it: logins, retries, redirects and limits, in one place."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit

from nixgen.errors import InterruptedByUserError, NetworkError
from nixgen.registry.auth import Authorizer, TokenRequest
from nixgen.registry.credentials import Login
from nixgen.registry.errors import (
    MalformedAnswerError,
    UnavailableError,
    UnreachableError,
    refusal,
    registry_words,
    shown_url,
)
from nixgen.registry.faults import Broken, translated
from nixgen.registry.request import Answer, Call, Limits, is_loopback

if TYPE_CHECKING:
    import requests

_CHUNK_BYTES = 1 << 18
_ERROR_BYTES = 1 << 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})
_DOCKER_HUB = "docker.io"
_DOCKER_HUB_SERVER = "registry-1.docker.io"


class Transport:
    """Speaks to one registry with one login. Safe for several threads, each has its connections."""

    def __init__(
        self,
        host: str,
        *,
        login: Login | None,
        plain_http: bool,
        ca_file: Path | None,
        limits: Limits,
        stopped: threading.Event,
    ) -> None:
        server = _DOCKER_HUB_SERVER if host == _DOCKER_HUB else host
        self.host = host
        self.base = f"{'http' if plain_http else 'https'}://{server}/v2/"
        self.limits = limits
        self._ca_file = ca_file
        self._stopped = stopped
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._authorizer = Authorizer(login, fetch=self._fetch_token, allow_http=plain_http)

    def close(self) -> None:
        """Close all connections."""
        while self._sessions:
            self._sessions.pop().close()

    def call(self, call: Call) -> Answer:
        """Send a request and read its answer whole; raises NetworkError."""
        for number in range(self.limits.tries):
            try:
                with self.open(call) as response:
                    body = b"".join(self.body(response, call.max_bytes, self.limits.small_s, call))
                    headers = {name.lower(): value for name, value in response.headers.items()}
                    url = response.url
                    return Answer(status=response.status_code, headers=headers, body=body, url=url)
            except Broken as broken:
                self.pause_or_give_up(broken, call, number)
        raise AssertionError("the last try raises")

    def open(self, call: Call) -> requests.Response:
        """Send a request; the caller reads and closes. Raises Broken, NetworkError."""
        number = 0
        while True:
            try:
                response = self._follow(call)
            except Broken as broken:
                self.pause_or_give_up(broken, call, number)
            else:
                if response.status_code in call.good:
                    return response
                error, wait_s = self._refusal(call, response)
                if response.status_code not in _WORTH_ANOTHER_TRY:
                    raise error
                self._pause(error, wait_s, call, number)
            number += 1

    def body(
        self, response: requests.Response, max_bytes: int, total_s: float, call: Call
    ) -> Iterator[bytes]:
        """The bytes of an answer as they come, within limits; raises Broken, NetworkError."""
        deadline_s, count = time.monotonic() + total_s, 0
        while True:
            self.check_stopped()
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
                message = f"can't {call.what}: {self.host} sent {count} bytes in {total_s:g} s"
                raise UnavailableError(message, hint="try again later")
            yield chunk
        # why: read1 does not complain about a body that ends early.
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and count < int(length) and call.method != "HEAD":
            raise Broken(f"{self.host} broke off after {count} of {int(length)} bytes")

    def pause_or_give_up(self, broken: Broken, call: Call, number: int) -> None:
        """Wait before the next try after a broken connection; raises UnreachableError instead."""
        error = UnreachableError(
            f"can't {call.what}: {broken}", hint=f"check the network and the name {self.host}"
        )
        self._pause(error, None, call, number)

    def _pause(self, error: NetworkError, wait_s: float | None, call: Call, number: int) -> None:
        if not call.again or number + 1 >= self.limits.tries:
            raise error
        backed_off_s = self.limits.back_off_s * 2**number
        asked_s = backed_off_s if wait_s is None else wait_s
        if asked_s > self.limits.max_wait_s and wait_s is not None:
            raise error
        self._stopped.wait(min(max(asked_s, 0.0), self.limits.max_wait_s))
        self.check_stopped()

    def check_stopped(self) -> None:
        """Raise InterruptedByUserError once the work is to end."""
        if self._stopped.is_set():
            raise InterruptedByUserError("stopped")

    def _refusal(
        self, call: Call, response: requests.Response
    ) -> tuple[NetworkError, float | None]:
        with response:
            try:
                call_s = self.limits.small_s
                body = b"".join(self.body(response, _ERROR_BYTES, call_s, call))
            except (Broken, NetworkError):
                body = b""
        words = registry_words(body)
        error = refusal(
            response.status_code,
            what=call.what,
            host=self.host,
            words=self._authorizer.redact(words),
            logged_in=self._authorizer.logged_in,
        )
        return error, _retry_after_s(response.headers.get("Retry-After", ""))

    def _follow(self, call: Call) -> requests.Response:
        """One request, through its redirects; the login goes to the registry itself only."""
        response = self._authorized(call)
        for _ in range(self.limits.redirects):
            location = response.headers.get("Location")
            moved = response.status_code in _REDIRECTS and call.method in ("GET", "HEAD")
            if not moved or location is None:
                return response
            response.close()
            url = self.resolve(call.url, location, call.what)
            call = replace(call, url=url)
            response = self._authorized(call) if self.is_own(url) else self._send(call, None)
        if response.status_code in _REDIRECTS:
            response.close()
            many = self.limits.redirects
            raise MalformedAnswerError(f"can't {call.what}: more than {many} redirects")
        return response

    def _authorized(self, call: Call) -> requests.Response:
        header = self._authorizer.header(call.scope) if self.is_own(call.url) else None
        response = self._send(call, header)
        if response.status_code != 401 or not self.is_own(call.url):
            return response
        challenge = response.headers.get("WWW-Authenticate", "")
        may_answer = self._authorizer.challenged(call.scope, challenge, header)
        if not may_answer or (call.body is not None and not isinstance(call.body, bytes)):
            return response
        response.close()
        return self._send(call, self._authorizer.header(call.scope))

    def _send(self, call: Call, authorization: str | None) -> requests.Response:
        self.check_stopped()
        headers = {**call.headers, "Accept-Encoding": "identity"}
        if authorization is not None:
            headers["Authorization"] = authorization
        with translated(self.host):
            return self._session().request(
                call.method,
                call.url,
                headers=headers,
                data=call.body,
                stream=True,
                allow_redirects=False,
                timeout=(self.limits.connect_s, self.limits.read_s),
                verify=True if self._ca_file is None else str(self._ca_file),
                proxies=_proxies(call.url),
            )

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
        for number in range(self.limits.tries):
            try:
                response = self._send(call, None)
                if response.status_code == 200:
                    with response:
                        small_s = self.limits.small_s
                        return b"".join(self.body(response, call.max_bytes, small_s, call))
                error, wait_s = self._refusal(call, response)
                if response.status_code not in _WORTH_ANOTHER_TRY:
                    raise error
                self._pause(error, wait_s, call, number)
            except Broken as broken:
                self.pause_or_give_up(broken, call, number)
        raise AssertionError("the last try raises")

    def is_own(self, url: str) -> bool:
        """Whether an address is the registry's own: scheme, host and port."""
        return _origin(url) == _origin(self.base)

    def resolve(self, url: str, location: str, what: str) -> str:
        """A `Location` made whole; raises MalformedAnswerError where it leaves encryption."""
        try:
            target = urljoin(url, location)
            scheme, host, _port = _origin(target)
        except ValueError:
            scheme, host = "", ""
        allowed = ("https", "http") if self.base.startswith("http:") else ("https",)
        if not host or scheme not in allowed:
            raise MalformedAnswerError(
                f"can't {what}: {self.host} points to an address that is not {' or '.join(allowed)}"
            )
        return target

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            # why here: requests costs 0.1 s that quick commands must not pay.
            from nixgen.registry.session import PlainSession

            session = self._local.session = PlainSession()
            self._sessions.append(session)
        return session


def _proxies(url: str) -> dict[str, str]:
    """No proxy reaches this very machine; for others the environment's are used."""
    host = urlsplit(url).hostname or ""
    return {"no_proxy": host} if is_loopback(f"[{host}]" if ":" in host else host) else {}


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port


def _retry_after_s(header: str) -> float | None:
    """Seconds of `Retry-After`, a number or a date (RFC 9110, 10.2.3); None where neither."""
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
