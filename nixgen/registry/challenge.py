"""What a registry's 401 asks for (RFC 9110, section 11.6.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105  why: the grammar's word, no secret
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(?=[\s,]|$)")
_PARAMETER = re.compile(rf'[\s,]*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_TOKEN68 = re.compile(r"\s+[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A challenge of `WWW-Authenticate`; `scheme` is `basic` or `bearer`."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenge(header: str) -> Challenge | None:
    """The challenge of a header that can be answered, Bearer before Basic; None where none can."""
    found: dict[str, Challenge] = {}
    position = 0
    while match := _SCHEME.match(header, position):
        scheme, position = match[1].lower(), match.end()
        parameters, position = _parameters(header, position)
        if scheme == "basic" or (scheme == "bearer" and parameters.get("realm")):
            known = {key: parameters.get(key, "") for key in ("realm", "service", "scope")}
            found.setdefault(scheme, Challenge(scheme=scheme, **known))
    return found.get("bearer") or found.get("basic")


def _parameters(header: str, position: int) -> tuple[dict[str, str], int]:
    """What follows a scheme, and where it ends."""
    parameters: dict[str, str] = {}
    while match := _PARAMETER.match(header, position):
        quoted, plain = match[2], match[3]
        value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        parameters.setdefault(match[1].lower(), value)
        position = match.end()
    if not parameters and (match := _TOKEN68.match(header, position)):
        position = match.end()
    return parameters, position
