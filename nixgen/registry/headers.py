"""What headers of answers say, strictly read: a malformed one says nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from email.utils import parsedate_to_datetime

from nixgen.registry.errors import bounded

_NUMBER = re.compile(r"[0-9]{1,18}")
_NEXT_LINK = re.compile(r"<([^>]*)>\s*;[^,]*\brel\s*=\s*(?:\"next\"|next\b)", re.IGNORECASE)
_WARNING = re.compile(r'299\s+-\s+"((?:[^"\\]|\\.)*)"')
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,18})")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/(?:[0-9]{1,18}|\*)")


def parse_number(header: str | None) -> int | None:
    """A number of bytes or seconds."""
    text = (header or "").strip()
    return int(text) if _NUMBER.fullmatch(text) else None


def parse_retry_after(header: str | None) -> float | None:
    """Seconds of `Retry-After`, a number or a date (RFC 9110, 10.2.3)."""
    number = parse_number(header)
    if number is not None or not header:
        return number
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def parse_next_link(header: str | None) -> str | None:
    """The next page's address in `Link` (RFC 8288), maybe relative."""
    match = _NEXT_LINK.search(header or "")
    return None if match is None else match[1]


def parse_warnings(headers: Iterable[str]) -> tuple[str, ...]:
    """The texts of `Warning` headers, for people.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings
    """
    texts = [match[1] for header in headers for match in _WARNING.finditer(header)]
    return tuple(bounded(re.sub(r"\\(.)", r"\1", text)) for text in texts)


def parse_uploaded(header: str) -> int | None:
    """How many bytes an upload's `Range: 0-LAST` stands for.

    "0-0" is none: some registries say it of an upload that has nothing yet, and no upload in
    chunks stands at its first byte.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        return None
    last = int(match[1])
    return last + 1 if last else 0


def parse_part_start(header: str | None) -> int | None:
    """Where the part begins that comes, by `Content-Range` (RFC 9110, 14.4)."""
    match = _CONTENT_RANGE.fullmatch((header or "").strip())
    return None if match is None else int(match[1])
