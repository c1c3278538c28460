"""Requests to a registry and its answers, and their limits."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import urlsplit

from nixgen.registry.auth import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long, how often and how much. Times in seconds, sizes in bytes.

    `total_s` bounds the reading of one blob, `small_s` of any other answer. Waits between tries
    double from `back_off_s`; a registry that asks for a wait gets it, up to `max_wait_s`. Blobs
    up to `chunk_bytes` are sent in one request, larger ones in such chunks.
    """

    connect_s: float = 15.0
    read_s: float = 60.0
    small_s: float = 60.0
    total_s: float = 7200.0
    tries: int = 5
    back_off_s: float = 0.5
    max_wait_s: float = 60.0
    redirects: int = 5
    manifest_bytes: int = 4 << 20
    answer_bytes: int = 4 << 20
    chunk_bytes: int = 16 << 20
    pages: int = 1000
    jobs: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `what` is for messages: "get the manifest x of y".

    `good` are the status codes that are answers; others are refusals. A `body` that is a file is
    sent once, so `again` is False for it; else broken connections and busy servers are retried.
    """

    method: str
    url: str
    what: str
    scope: Scope
    good: frozenset[int]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | BinaryIO | None = None
    again: bool = True
    max_bytes: int = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer, whose body was small enough. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


def is_loopback(host: str) -> bool:
    """Whether `host[:port]` is this machine."""
    name = (urlsplit(f"//{host}").hostname or "").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
