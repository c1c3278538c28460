"""Patterns handed on to programs in Go match there what they match here, held against RE2."""

from __future__ import annotations

import re

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from nixgen.attest.re2 import whole_re2
from nixgen.regexes import check_regex

_LETTERS = st.sampled_from(["a", "b", "/", "-", "é", "1", " ", r"\.", r"\-", r"\ ", r"\[", r"\/"])
_ATOMS = st.one_of(
    _LETTERS,
    st.sampled_from([".", r"\d", r"\w", r"\s", "^", "$"]),
    st.lists(
        st.sampled_from(["a", "b-e", "1", "^", "]", "-", r"\]", r"\d", r"\w", "é", "[", r"\b"]),
        min_size=1,
        max_size=3,
    ).map(lambda parts: f"[{''.join(parts)}]"),
)
_REPEATS = st.sampled_from(["", "*", "+", "?", "*?", "{2}", "{1,2}", "{1,}", "{,2}", "*+", "{2"])
_PATTERNS = st.recursive(
    st.tuples(_ATOMS, _REPEATS).map("".join),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.lists(inner, max_size=3).map("|".join),
        st.tuples(
            st.sampled_from(["(", "(?:", "(?P<x>", "(?i:", "(?=", "(?<!", "(?>"]), inner, _REPEATS
        ).map(lambda parts: f"{parts[0]}{parts[1]}){parts[2]}"),
    ),
    max_leaves=6,
)


@given(pattern=_PATTERNS, texts=st.lists(st.text("ab/1-é. \n[]", max_size=5), max_size=5))
def test_what_is_handed_on_matches_no_more_than_here(pattern: str, texts: list[str]) -> None:
    try:
        check_regex(pattern)
        handed_on = whole_re2(pattern)
    except ValueError:
        return
    for text in texts:
        here = re.fullmatch(pattern, text) is not None
        there = re2.search(handed_on, text) is not None
        assert here or not there
        if text.isascii() and "$" not in pattern:
            assert here == there


@pytest.mark.parametrize(
    "pattern",
    [
        r"https://github\.com/team/[a-z-]+/\.github/workflows/.*@refs/tags/v\d+(?:\.\d+)*",
        re.escape("https://gitlab.com/team/shop//.gitlab-ci.yml@refs/heads/main ~&#"),
        r"(?P<who>[^@]+)@(example|example\.org)",
    ],
)
def test_patterns_of_identities_are_handed_on_as_they_stand(pattern: str) -> None:
    assert whole_re2(pattern) == f"^(?:{pattern})$"
    re2.compile(whole_re2(pattern))


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("a(?=b)", "a look ahead"),
        ("a(?!b)", "a look ahead"),
        ("(?<=a)b", "a look behind"),
        ("(?<!a)b", "a look behind"),
        (r"(a)\1", "a reference back"),
        (r"(?P<x>a)(?P=x)", "a reference back"),
        ("(a)(?(1)b|c)", "a condition"),
        ("(?>a)", "an atomic group"),
        ("(?#why)a", "a comment"),
        ("(?i)a", "a flag"),
        ("(?-i:a)", "a flag"),
        ("a*+", "a possessive repetition"),
        ("a{2}+", "a possessive repetition"),
        ("a{1001}", "more than 1000 repetitions"),
        ("a{1,1001}", "more than 1000 repetitions"),
        ("a{,2}", r"write \{ for one"),
        (r"a\Z", r"the escape \Z"),
        (r"\u00e9", r"the escape \u"),
        (r"\W", r"the escape \W"),
        (r"[^\w]", "left out of a character class"),
        ("[a[]", "an unusual escape"),
        (r"[\n]", "an unusual escape"),
    ],
)
def test_what_re2_lacks_is_named(pattern: str, fault: str) -> None:
    re.compile(pattern)
    with pytest.raises(ValueError, match=re.escape(fault)):
        whole_re2(pattern)
