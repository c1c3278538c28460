"""The tokens and passwords that answer a registry's 401.

https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from nixgen.registry.challenge import Challenge, parse_challenge
from nixgen.registry.credentials import Login
from nixgen.registry.errors import CredentialsError, MalformedAnswerError, shown_url
from nixgen.registry.foreign import load_json

Scope = tuple[str, ...]
"""What a token is for, such as `("repository:app:pull,push",)`."""

_DEFAULT_LIFE_S = 60.0
_EARLY_S = 10.0
_LONGEST_TOKEN = 1 << 16
_MOST_SCOPES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """How to ask for a token: with `form` by POST, else by GET, with `authorization` if any."""

    url: str
    form: dict[str, str] | None = field(default=None, repr=False)
    authorization: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    value: str = field(repr=False)
    until_s: float


def pull_scope(*repositories: str) -> Scope:
    """To read repositories."""
    return tuple(f"repository:{name}:pull" for name in repositories)


def push_scope(repository: str) -> Scope:
    """To read and write a repository."""
    return (f"repository:{repository}:pull,push",)


def token_request(
    challenge: Challenge, scope: Scope, login: Login | None, *, allow_http: bool
) -> TokenRequest:
    """How to ask for a token; raises MalformedAnswerError where the realm is no safe address."""
    parts = urlsplit(challenge.realm)
    if not parts.hostname or parts.scheme not in (("https", "http") if allow_http else ("https",)):
        shown = shown_url(challenge.realm)
        raise MalformedAnswerError(
            f"the registry sends for a token to {shown!r}, which isn't https"
        )
    scopes: Sequence[str] = scope or challenge.scope.split()
    if login is not None and login.identity_token is not None:
        form = {
            "grant_type": "refresh_token",
            "service": challenge.service,
            "client_id": "nixgen",
            "scope": " ".join(scopes),
            "refresh_token": login.identity_token,
        }
        return TokenRequest(url=challenge.realm, form=form)
    query = [("service", challenge.service)] if challenge.service else []
    query += [("scope", text) for text in scopes]
    url = challenge.realm
    if query:
        url += ("&" if parts.query else "?") + urlencode(query)
    return TokenRequest(url=url, authorization=None if login is None else login.basic())


class Authorizer:
    """The `Authorization` header for each scope, from the last challenge; safe for threads."""

    def __init__(
        self,
        login: Login | None,
        *,
        fetch: Callable[[TokenRequest], bytes],
        allow_http: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._login = login
        self._fetch = fetch
        self._allow_http = allow_http
        self._clock = clock
        self._challenge: Challenge | None = None
        self._tokens: dict[Scope, _Token] = {}
        self._wider: dict[Scope, Scope] = {}
        self._lock = threading.Lock()

    @property
    def logged_in(self) -> bool:
        """Whether there is a login to offer."""
        return self._login is not None

    def redact(self, text: str) -> str:
        """A foreign text without any secret that was sent."""
        secrets = [token.value for token in self._tokens.values()]
        if self._login is not None:
            secrets += [*self._login.secrets, self._login.basic().removeprefix("Basic ")]
        for secret in sorted(secrets, key=lambda secret: (-len(secret), secret)):
            text = text.replace(secret, "…")
        return text

    def header(self, scope: Scope) -> str | None:
        """What to send; None before the registry has asked for something."""
        with self._lock:
            if self._challenge is None:
                return None
            if self._challenge.scheme == "basic":
                return None if self._login is None else self._login.basic()
            token = self._tokens.get(scope)
            if token is None or self._clock() >= token.until_s:
                token = self._tokens[scope] = self._new_token(self._challenge, scope)
            return f"Bearer {token.value}"

    def challenged(self, scope: Scope, header: str, used: str | None) -> bool:
        """Take in a 401; whether another try can go better. `used` is what was sent."""
        challenge = parse_challenge(header)
        if challenge is None:
            return False
        with self._lock:
            self._challenge = challenge
            token = self._tokens.get(scope)
            # why: another thread may have got a new one since.
            if token is not None and used == f"Bearer {token.value}":
                del self._tokens[scope]
                # why: it was for what was asked for here, and the registry wants it for more.
                more = [text for text in challenge.scope.split() if text not in scope]
                self._wider[scope] = tuple(dict.fromkeys(more))[:_MOST_SCOPES]
        if challenge.scheme == "basic":
            return self._login is not None and used != self._login.basic()
        return True

    def _new_token(self, challenge: Challenge, scope: Scope) -> _Token:
        wanted = (*scope, *self._wider.get(scope, ()))
        request = token_request(challenge, wanted, self._login, allow_http=self._allow_http)
        started_s = self._clock()
        return _parse_token(self._fetch(request), started_s, shown_url(request.url))


def _parse_token(body: bytes, started_s: float, where: str) -> _Token:
    try:
        document = load_json(body)
        value = document.get("token") or document.get("access_token")
        life_s = float(document.get("expires_in") or _DEFAULT_LIFE_S)
    except (ValueError, TypeError, AttributeError):
        raise MalformedAnswerError(f"{where} answers with something that is no token") from None
    if not isinstance(value, str) or not value or len(value) > _LONGEST_TOKEN:
        raise CredentialsError(f"{where} gives no token")
    if not (value.isascii() and value.isprintable()):
        raise MalformedAnswerError(f"{where} answers with something that is no token")
    return _Token(value=value, until_s=started_s + max(_EARLY_S, life_s) - _EARLY_S / 2)
