"""Regular expressions that users write."""

from __future__ import annotations

import re
import warnings

LONGEST_REGEX = 4096
"""The most characters of one."""


def check_regex(text: str) -> None:
    """Raise ValueError, which says why, for what Python's `re` does not read or may read otherwise.

    What `re` warns of (`[[`, `--`, `||` and the like in a set) is to mean something else one day.
    """
    if len(text) > LONGEST_REGEX:
        raise ValueError(f"it is longer than {LONGEST_REGEX} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(text)
    except Warning as warning:
        raise ValueError(f"{str(warning).lower()}: write a backslash there") from None
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None
