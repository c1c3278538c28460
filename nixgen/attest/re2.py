"""Regular expressions for programs that read them as RE2 does: those written in Go.

https://github.com/google/re2/wiki/Syntax beside https://docs.python.org/3/library/re.html. What
both read alike is passed on as it stands; all else is refused rather than rewritten. `\\d`, `\\s`
and `\\w` match ASCII alone in RE2, so that a pattern with them matches no more there than here.
"""

from __future__ import annotations

import re

_LARGEST_REPEAT = 1000
"""More repetitions than this RE2 refuses."""

_TOKEN = re.compile(
    r"""
    (?P<plain>   [^\\.^$*+?{}\[\]()|] | [.^$|)] | \((?:\?(?::|P<[A-Za-z_]\w*>))?(?!\?) )
  | (?P<escape>  \\(?: [dsw] | [ -/:-@\[-`{-~] ) )
  | (?P<repeat>  (?: [*+?] | \{(?P<least>[0-9]+)(?:,(?P<most>[0-9]*))?\} ) \?? (?![+]) )
  | (?P<one_of>  \[ \^? \]? (?: [^\\\[\]] | \\[ -/:-@\[-`{-~] | \\[dsw] )* \] )
    """,
    re.VERBOSE | re.ASCII,
)
_UNLIKE = {
    "(?=": "a look ahead",
    "(?!": "a look ahead",
    "(?<": "a look behind",
    "(?P=": "a reference back to a group",
    "(?(": "a condition",
    "(?>": "an atomic group",
    "(?#": "a comment",
    "(?": "a flag",
    "[": "a character class with a '[' or an unusual escape in it",
}


def whole_re2(pattern: str) -> str:
    """A pattern for RE2 that finds what `re.fullmatch` matches, and nothing else.

    `pattern` is one that `re` compiles. Raises ValueError naming what RE2 lacks or reads otherwise.
    """
    position = 0
    while position < len(pattern):
        token = _TOKEN.match(pattern, position)
        if token is None:
            raise ValueError(_unlike(pattern[position:]))
        _check(token)
        position = token.end()
    return f"^(?:{pattern})$"


def _check(token: re.Match[str]) -> None:
    """Raise ValueError for what RE2 reads otherwise in spite of its form."""
    text = token.group()
    counts = [int(count) for count in token.group("least", "most") if count]
    if any(count > _LARGEST_REPEAT for count in counts):
        raise ValueError(f"more than {_LARGEST_REPEAT} repetitions")
    if token.group("one_of") and text.startswith("[^") and re.search(r"\\[dsw]", text):
        # why: what is left out is less in RE2, and what is let in more.
        raise ValueError("\\d, \\s or \\w left out of a character class")


def _unlike(rest: str) -> str:
    """A name for what begins here."""
    for start, name in _UNLIKE.items():
        if rest.startswith(start):
            return name
    if rest[0] == "\\":
        back = rest[1:2].isdigit() and rest[1:2] != "0"
        return "a reference back to a group" if back else f"the escape {rest[:2]}"
    if re.match(r"[*+?]\+|\{[0-9,]+\}\+", rest):
        return "a possessive repetition"
    return f"{rest[0]!r} where it is no letter (write \\{rest[0]} for one)"
