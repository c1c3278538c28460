"""Requests to a registry and its answers, and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nixgen.registry.auth import Scope
from nixgen.registry.body import FileBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long, how often and how much. Times in seconds, sizes in bytes.

    `total_s` bounds the reading of one blob, `small_s` of any other answer and of each answer's
    head. A transfer that moves fewer than `least_bytes` in `stall_s` has stalled and is broken
    off. Waits between tries double from `back_off_s`; a registry that asks for a wait gets it, up
    to `max_wait_s`. Blobs up to `chunk_bytes` are sent in one request, larger ones in such chunks.
    An image may have so many `referrers`, and chains of them (or of indexes in indexes) so much
    `depth`.
    """

    connect_s: float = 15.0
    read_s: float = 60.0
    small_s: float = 60.0
    total_s: float = 7200.0
    stall_s: float = 60.0
    least_bytes: int = 1 << 16
    tries: int = 5
    back_off_s: float = 0.5
    max_wait_s: float = 60.0
    redirects: int = 5
    manifest_bytes: int = 4 << 20
    answer_bytes: int = 4 << 20
    chunk_bytes: int = 16 << 20
    pages: int = 1000
    referrers: int = 1000
    depth: int = 8
    jobs: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `what` is for messages: "get the manifest x of y".

    `good` are the status codes that are answers; others are refusals. With `again`, broken
    connections and busy servers are retried.
    """

    method: str
    url: str
    what: str
    scope: Scope
    good: frozenset[int]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FileBody | None = None
    again: bool = True
    max_bytes: int = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer, whose body was small enough. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
