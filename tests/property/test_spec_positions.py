"""The scanner of lines agrees with tomllib: its paths are those of the values, its lines theirs."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nixgen.spec.node import join_key, make_tree, plain_value
from nixgen.spec.positions import find_lines

KEYS = st.one_of(
    st.text("abc-_1", min_size=1, max_size=3),
    st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=4),
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.text(
    "\"'\\[]{}#=,.\n\r $", max_size=8
)


@st.composite
def written_strings(draw: st.DrawFn) -> str:
    text = draw(TEXTS)
    basic = json.dumps(text).replace("\x7f", "\\u007f")
    if "\\ud8" in basic or "\\ud9" in basic or "\\uda" in basic or "\\udb" in basic:
        basic = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    form = draw(st.sampled_from(["basic", "long", "literal", "long literal"]))
    clean = all(c in "\n" or (c.isprintable()) for c in text)
    if form == "long" and clean:
        body = text.replace("\\", "\\\\").replace('"""', '""\\"')
        return f'"""{body}"""' if not body.endswith('"""') else basic
    if form == "literal" and clean and "'" not in text and "\n" not in text:
        return f"'{text}'"
    if form == "long literal" and clean and "'''" not in text and not text.endswith("'"):
        return f"'''{text}'''"
    return basic


def gaps(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(["", " ", "\n", "\n\n", ' # ] } "\n', "\r\n", "\t"]))


@st.composite
def written_values(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.sampled_from(["string", "scalar", "array", "table"] if depth else ["string"]))
    if kind == "string":
        return draw(written_strings())
    if kind == "scalar":
        return draw(
            st.sampled_from(
                [
                    "1",
                    "0x1f",
                    "true",
                    "1.5e3",
                    "inf",
                    "1979-05-27 07:32:00Z",
                    "07:32:00",
                ]
            )
        )
    inner = written_values(depth=depth - 1)
    if kind == "array":
        items = draw(st.lists(inner, max_size=3))
        parts = [f"{gaps(draw)}{item}{gaps(draw)}" for item in items]
        return "[" + ",".join(parts) + gaps(draw) + "]"
    keys = draw(st.lists(KEYS, max_size=3, unique=True))
    return "{" + ", ".join(f"{written_key(key)} = {draw(inner)}" for key in keys) + "}"


def written_key(key: str) -> str:
    return join_key("", key)


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = []
    headers = draw(st.lists(st.lists(KEYS, min_size=1, max_size=3), max_size=4))
    for header in [None, *headers]:
        if header is not None:
            name = ".".join(map(written_key, header))
            double = draw(st.booleans())
            lines.append(f"[[{name}]]" if double else f"[{name}]")
        paths = draw(st.lists(st.lists(KEYS, min_size=1, max_size=2), max_size=3))
        keys = [".".join(map(written_key, path)) for path in paths]
        lines += [f"{key} = {draw(written_values())}" for key in keys]
        lines.append(draw(st.sampled_from(["", "# [x] = '", "\t"])))
    return "\n".join(lines)


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    found = {path} if path else set()
    if isinstance(value, dict):
        return found.union(*(paths_of(child, (*path, name)) for name, child in value.items()))
    if isinstance(value, list):
        return found.union(*(paths_of(child, (*path, i)) for i, child in enumerate(value)))
    return found


@given(documents())
def test_has_a_line_for_every_value_and_for_nothing_else(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        find_lines(text)
        return
    lines = find_lines(text)
    assert set(lines) == paths_of(document)
    assert plain_value(make_tree(document, text)) == document or "nan" in text


@given(documents(), st.text("ab", min_size=30, max_size=30))
def test_the_line_of_a_key_holds_the_key(text: str, key: str) -> None:
    text = f"{key} = 1\n{text}"
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    written = text.split("\n")
    for path, line in find_lines(text).items():
        last = path[-1]
        if isinstance(last, str):
            assert written_key(last) in written[line - 1] or last in written[line - 1]
    assert find_lines(text)[(key,)] == 1
    assert key in document


@given(st.text(max_size=200))
def test_never_fails_on_any_text(text: str) -> None:
    find_lines(text)
