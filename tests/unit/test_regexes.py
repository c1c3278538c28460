"""Regular expressions of users are read in one way, or refused with the reason."""

from __future__ import annotations

import re
import warnings

import pytest

from nixgen.regexes import LONGEST_REGEX, check_regex


@pytest.mark.parametrize("text", ["", r"https://a\.b/.*", "[a-z]+", r"[\[a]", "(?i)x"])
def test_what_can_be_read_in_one_way_is_taken(text: str) -> None:
    check_regex(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        re.fullmatch(text, "x")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(", "missing"),
        ("a{99999999999999}", "repetition"),
        ("[[a]", "possible nested set"),
        ("[+--]", "possible set difference"),
        ("[a||b]", "possible set union"),
        ("(" * 3000, "."),
        ("a" * (LONGEST_REGEX + 1), "longer than"),
    ],
)
def test_what_can_not_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_regex(text)
