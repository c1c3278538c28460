"""Whether a text is as expected."""

from __future__ import annotations

import re

from nixgen.spec import Expectation

_SHOWN_CHARACTERS = 500


def judge_text(what: str, expected: Expectation | None, got: bytes) -> list[str]:
    """Why an output is not as expected, one reason for each demand; none where it is.

    `what` names the output. Bytes that are no UTF-8 are compared as U+FFFD.
    """
    if expected is None:
        return []
    text = got.decode(errors="replace")
    reasons = []
    if expected.text is not None and text.rstrip("\n") != expected.text.rstrip("\n"):
        reasons.append(f"{what} differs\n{_differing(expected.text, text)}")
    missing = [part for part in expected.contains if part not in text]
    reasons += [f"{what} does not hold {_quote(part)}" for part in missing]
    no_match = expected.regex is not None and not re.search(expected.regex, text, re.MULTILINE)
    if no_match:
        reasons.append(f"{what} does not match {expected.regex}")
    if (missing or no_match) and expected.text is None:
        reasons[-1] += f"\n  it is {_quote(text)}"
    return reasons


def _differing(expected: str, got: str) -> str:
    """Both texts, from the first line in which they differ."""
    wanted, found = (text.rstrip("\n").split("\n") for text in (expected, got))
    common = 0
    while common < min(len(wanted), len(found)) and wanted[common] == found[common]:
        common += 1
    place = f" (from line {common + 1})" if common else ""
    return (
        f"  expected{place}: {_quote(chr(10).join(wanted[common:]))}\n"
        f"  got{place}: {_quote(chr(10).join(found[common:]))}"
    )


def _quote(text: str) -> str:
    shown = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
    return '"' + shown.encode("unicode_escape").decode().replace('"', '\\"') + '"'
