"""Connections by requests, without what it does of its own accord: redirects, cookies, logins."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests

import nixgen


class PlainSession(requests.Session):
    """Sends what it is given and follows nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.headers["User-Agent"] = f"nixgen/{nixgen.__version__}"
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # why: with an authentication set, requests takes none from ~/.netrc.
        self.auth = _unchanged

    def resolve_redirects(self, *_arguments: Any, **_options: Any) -> Iterator[Any]:
        """None, even without following: requests would read the whole body of a redirect."""
        return iter(())


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
