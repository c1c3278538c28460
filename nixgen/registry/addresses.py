"""Addresses of registries: which are whose, and which may be spoken to how."""

from __future__ import annotations

import ipaddress
from urllib.parse import urljoin, urlsplit

from nixgen.registry.errors import MalformedAnswerError


def is_loopback(host: str) -> bool:
    """Whether `host[:port]` is this machine."""
    name = (urlsplit(f"//{host}").hostname or "").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port; raises ValueError where it is no address."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port


def resolve(base: str, url: str, location: str, what: str) -> str:
    """A `Location` that came from `url` made whole.

    `base` is the registry's own address. Raises MalformedAnswerError where the location is none,
    or leaves encryption.
    """
    try:
        target = urljoin(url, location)
        scheme, host, _port = origin(target)
    except ValueError:
        scheme, host, target = "", "", ""
    allowed = ("https", "http") if base.startswith("http:") else ("https",)
    if not host or scheme not in allowed:
        name = urlsplit(base).netloc
        raise MalformedAnswerError(
            f"can't {what}: {name} points to an address that is not {' or '.join(allowed)}"
        )
    return target


def proxies(url: str) -> dict[str, str]:
    """No proxy reaches this very machine; for others the environment's are used."""
    host = urlsplit(url).hostname or ""
    return {"no_proxy": host} if is_loopback(f"[{host}]" if ":" in host else host) else {}
