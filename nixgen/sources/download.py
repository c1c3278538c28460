"""Downloads one file over HTTP within limits, hashing it as it comes."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import nixgen
from nixgen.digest import Digest
from nixgen.sources.answer import Answer, Miss, Obtained, without_logins

if TYPE_CHECKING:
    import requests

_CHUNK_BYTES = 1 << 16
_MAX_REDIRECTS = 5
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})

_CONNECTION = re.compile(r"^<?\w*Connection\w*(?:\(host=[^)]*\)| object at \w+>): ")


class _Unreachable(Miss):
    """No connection to the host could be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how often to try. `total_s` bounds one try, from the request to the end."""

    connect_s: float = 15.0
    read_s: float = 60.0
    total_s: float = 3600.0
    tries: int = 3
    back_off_s: float = 1.0
    max_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloader:
    """Downloads with the machine's proxies and certificates, as its environment names them.

    `stopped` ends every download soon after it is set, and later ones at once. A host that no
    connection could be made to is not tried again: without a network, that would take minutes.
    """

    limits: Limits = field(default_factory=Limits)
    stopped: threading.Event = field(default_factory=threading.Event)
    _unreachable: dict[str, Miss] = field(default_factory=dict)

    def get(
        self,
        url: str,
        target: Path,
        *,
        max_bytes: int | None = None,
        certificates: str | None = None,
        proxy: str | None = None,
    ) -> Answer:
        """Download `url` to `target`, which no failure leaves behind.

        More than `max_bytes` (default: the limits' own) is wrong content. `certificates` is a
        file or folder of them, `proxy` a URL; both default to the environment's. Raises OSError
        when the file can't be written.
        """
        most = self.limits.max_bytes if max_bytes is None else max_bytes
        host = urlsplit(url).netloc
        if host in self._unreachable:
            return self._unreachable[host]
        answer: Answer = Miss(reason="stopped")
        for number in range(self.limits.tries):
            if number and self.stopped.wait(self.limits.back_off_s * 2 ** (number - 1)):
                break
            answer, again = self._try(url, target, most, certificates, proxy)
            if isinstance(answer, Obtained):
                return answer
            target.unlink(missing_ok=True)
            if not again or self.stopped.is_set():
                break
        if isinstance(answer, _Unreachable):
            self._unreachable[host] = answer
        return answer

    def _try(
        self, url: str, target: Path, max_bytes: int, certificates: str | None, proxy: str | None
    ) -> tuple[Answer, bool]:
        """One try, and whether another one could go better."""
        import requests  # why here: it costs 0.1 s that `nixgen --help` must not pay
        import urllib3

        try:
            with requests.Session() as session:
                session.max_redirects = _MAX_REDIRECTS
                session.headers["User-Agent"] = f"nixgen/{nixgen.__version__}"
                # why: the hash is that of the file, so no encoding may be put upon it.
                session.headers["Accept-Encoding"] = "identity"
                with session.get(
                    url,
                    stream=True,
                    timeout=(self.limits.connect_s, self.limits.read_s),
                    verify=certificates,
                    proxies={"http": proxy, "https": proxy} if proxy else None,
                ) as response:
                    refusal = _refusal(response, url)
                    if refusal is not None:
                        return refusal, response.status_code in _WORTH_ANOTHER_TRY
                    return self._receive(response, target, max_bytes)
        except requests.TooManyRedirects:
            return Miss(reason=f"more than {_MAX_REDIRECTS} redirects"), False
        except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL) as error:
            return Miss(reason=f"not an address to download from: {_plain(error)}"), False
        except requests.exceptions.SSLError as error:
            return Miss(reason=f"its certificate is not trusted: {_plain(error)}"), False
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            kind = _Unreachable if _no_connection(error) else Miss
            return kind(reason=_plain(error)), True

    def _receive(
        self, response: requests.Response, target: Path, max_bytes: int
    ) -> tuple[Answer, bool]:
        deadline = time.monotonic() + self.limits.total_s
        state, count = hashlib.sha256(), 0
        with target.open("wb") as file:
            for chunk in _chunks(response):
                count += len(chunk)
                if count > max_bytes:
                    reason = f"more than the {max_bytes} bytes that it should have"
                    return Miss(reason=reason, wrong_content=True), False
                if self.stopped.is_set():
                    return Miss(reason="stopped"), False
                if time.monotonic() > deadline:
                    reason = f"too slow: {count} bytes in {self.limits.total_s:g} seconds"
                    return Miss(reason=reason), False
                state.update(chunk)
                file.write(chunk)
        return Obtained(path=target, digest=Digest(state.hexdigest())), False


def _chunks(response: requests.Response) -> Iterator[bytes]:
    # why read1: it gives what has come, so that a body that drips can't dodge the deadline.
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
        yield chunk


def _refusal(response: requests.Response, url: str) -> Miss | None:
    if url.startswith("https:") and not response.url.startswith("https:"):
        return Miss(reason="redirects from https to an address without encryption")
    if response.status_code != 200:
        return Miss(reason=f"answers {response.status_code} {response.reason}".rstrip())
    return None


def _no_connection(error: Exception) -> bool:
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(cause, NewConnectionError | ConnectTimeoutError)


def _plain(error: Exception) -> str:
    """The innermost cause in one line: requests wraps it several times."""
    inner: BaseException = error
    while True:
        reasons = [getattr(inner, "reason", None), *inner.args]
        nested = next((arg for arg in reasons if isinstance(arg, BaseException)), None)
        if nested is None:
            text = without_logins(" ".join(str(inner).split()))
            return _CONNECTION.sub("", text) or type(inner).__name__
        inner = nested
