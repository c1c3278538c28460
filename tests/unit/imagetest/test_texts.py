from __future__ import annotations

import pytest

from nixgen.imagetest.texts import judge_text
from nixgen.spec import Expectation


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (None, b"anything"),
        (Expectation(text="shop 1.4.0"), b"shop 1.4.0\n"),
        (Expectation(text="shop 1.4.0\n"), b"shop 1.4.0"),
        (Expectation(text=""), b""),
        (Expectation(text=""), b"\n"),
        (Expectation(text="a\nb"), b"a\nb\n"),
        (Expectation(contains=("a", "c")), b"abc"),
        (Expectation(regex="^b$"), b"a\nb\nc"),
        (Expectation(regex=r"\Aa"), b"a\nb"),
        (Expectation(contains=("\ufffd",)), b"\xff"),
        (Expectation(text="ünïque"), "ünïque".encode()),
    ],
)
def test_takes_what_is_expected(expected: Expectation | None, got: bytes) -> None:
    assert judge_text("stdout", expected, got) == []


@pytest.mark.parametrize(
    ("expected", "got", "reasons"),
    [
        (
            Expectation(text="shop 1.4.0"),
            b"shop 1.4.1\n",
            ['stdout differs\n  expected: "shop 1.4.0"\n  got: "shop 1.4.1"'],
        ),
        (
            Expectation(text="a\nb"),
            b"a\nc\n",
            ['stdout differs\n  expected (from line 2): "b"\n  got (from line 2): "c"'],
        ),
        (Expectation(text="a"), b" a", ['stdout differs\n  expected: "a"\n  got: " a"']),
        (Expectation(text=""), b"x", ['stdout differs\n  expected: ""\n  got: "x"']),
        (
            Expectation(contains=("a", "b", "c")),
            b"b\n",
            ['stdout does not hold "a"', 'stdout does not hold "c"\n  it is "b\\n"'],
        ),
        (
            Expectation(contains=("a",), regex="^c"),
            b"abc",
            ['stdout does not match ^c\n  it is "abc"'],
        ),
        (Expectation(regex=r"^b\Z"), b"b\nc", ['stdout does not match ^b\\Z\n  it is "b\\nc"']),
    ],
)
def test_says_what_differs(expected: Expectation, got: bytes, reasons: list[str]) -> None:
    assert judge_text("stdout", expected, got) == reasons


def test_long_outputs_are_shown_in_part_and_without_control_characters() -> None:
    (reason,) = judge_text("stderr", Expectation(text="x"), b"\x1b[31m" + b"y" * 10_000)
    assert len(reason) < 700
    assert "\x1b" not in reason
    assert reason.endswith('..."')
