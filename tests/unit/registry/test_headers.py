from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from nixgen.registry.headers import (
    parse_next_link,
    parse_number,
    parse_part_start,
    parse_retry_after,
    parse_uploaded,
    parse_warnings,
)


@pytest.mark.parametrize(
    ("header", "number"),
    [
        ("0", 0),
        (" 17 ", 17),
        ("-1", None),
        ("1e3", None),
        ("²", None),
        ("9" * 19, None),
        (None, None),
    ],
)
def test_numbers(header: str, number: int | None) -> None:
    assert parse_number(header) == number


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120), ("0", 0), ("soon", None), ("", None), (None, None), ("-5", None)],
)
def test_waits_in_seconds(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header) == seconds


def test_waits_until_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=1000)
    seconds = parse_retry_after(format_datetime(later, usegmt=True))
    assert seconds is not None
    assert 900 < seconds <= 1000
    assert parse_retry_after("Mon, 01 Jan 2001 00:00:00 GMT") == 0


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ('</v2/a/tags/list?last=x&n=2>; rel="next"', "/v2/a/tags/list?last=x&n=2"),
        ("<x>;rel=next", "x"),
        ('<x>; type="a"; REL="next"', "x"),
        ('<a>; rel="prev", <b>; rel="next"', "b"),
        ('<a>; rel="prev"', None),
        ("<a>; rel=nextish", None),
        ("x; rel=next", None),
        ("", None),
        (None, None),
    ],
)
def test_links_to_the_next_page(header: str | None, link: str | None) -> None:
    assert parse_next_link(header) == link


@pytest.mark.parametrize(
    ("header", "count"),
    [("0-99", 100), ("bytes=0-99", 100), ("0-0", 0), ("1-99", None), ("0-", None), ("x", None)],
)
def test_what_an_upload_has(header: str, count: int | None) -> None:
    assert parse_uploaded(header) == count


@pytest.mark.parametrize(
    ("header", "start"),
    [
        ("bytes 5-9/10", 5),
        ("bytes 5-9/*", 5),
        ("bytes */10", None),
        ("5-9/10", None),
        ("", None),
        (None, None),
    ],
)
def test_where_a_part_begins(header: str | None, start: int | None) -> None:
    assert parse_part_start(header) == start


@pytest.mark.parametrize(
    ("headers", "texts"),
    [
        (['299 - "a"'], ("a",)),
        (['299 - "a \\"b\\""', '299 - "c", 299 - "d"'], ('a "b"', "c", "d")),
        (['199 - "a"', "299 - a", ""], ()),
        (['299 - "\x1b[31mred"'], ("[31mred",)),
    ],
)
def test_warnings(headers: list[str], texts: tuple[str, ...]) -> None:
    assert parse_warnings(headers) == texts
