"""The parser of app.toml on generated input: it never breaks, and its schema never disagrees."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from nixgen.errors import DescriptionError
from nixgen.platforms import known_platforms
from nixgen.spec import parse_description, schema
from nixgen.spec.interpolate import Scope, escape
from nixgen.spec.kinds import Boolean, Integer, Kind, OneOf, Text
from nixgen.spec.node import Node
from nixgen.spec.reference import format_toml
from nixgen.spec.report import Report
from nixgen.spec.shapes import ListOf, MapOf, Table
from nixgen.spec.tables import ROOT_TABLE
from tests.unit.spec.malformed import MALFORMED
from tests.unit.spec.valid import VALID

PATH = Path("/nonexistent/project/app.toml")
VALIDATOR = Draft202012Validator(schema())
TEXTS = [*VALID.values(), *(f'[app]\nname = "x"\n{case.text}\n' for case in MALFORMED)]


def parse(text: str | bytes) -> bool:
    try:
        description = parse_description(text, path=PATH)
    except DescriptionError as error:
        assert error.problems
        assert all(problem.message and problem.file for problem in error.problems)
        return False
    for platform in known_platforms():
        for profile in (None, *description.profiles):
            try:
                description.resolve(platform=platform, profile=profile)
            except DescriptionError as error:
                assert all("not served yet" in problem.message for problem in error.problems)
    return True


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    parse(text)


@given(st.binary())
def test_no_bytes_break_it(data: bytes) -> None:
    parse(data)


@given(st.sampled_from(TEXTS), st.data())
def test_no_damage_to_a_description_breaks_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    parse(text[:start] + data.draw(st.text("\"'[]{}=.,#$\n\\ a0\x00", max_size=6)) + text[end:])


@given(st.sampled_from(TEXTS), st.sampled_from(TEXTS), st.data())
def test_no_mixture_of_lines_breaks_it(one: str, other: str, data: st.DataObject) -> None:
    lines = one.splitlines() + other.splitlines()
    parse("\n".join(data.draw(st.permutations(lines))))


ODD_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.text(max_size=5)
    | st.sampled_from(["${app.name}", "${a}", "/x", "curl", "1s", "0644", "shop", ".", "${port}"])
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["append", "remove", "path", "name", "run", "x"]), inner)
    ),
    max_leaves=6,
)


def values_of(kind: Kind) -> st.SearchStrategy[Any]:
    """Values near what a kind takes: good ones mostly, so that deep checks are reached."""
    match kind:
        case Table():
            keys = {known.name: values_of(known.kind) for known in kind.fields}
            needed = {name: keys.pop(name) for name in list(keys) if kind.field_of(name).required}
            return st.fixed_dictionaries(needed, optional=keys)
        case ListOf():
            return st.lists(values_of(kind.item), max_size=3)
        case MapOf():
            names = st.sampled_from(["a", "debug", "linux/arm64", "linux/amd64", "X", "port"])
            return st.dictionaries(names, values_of(kind.value), max_size=2)
        case OneOf():
            return st.one_of([values_of(option) for option in kind.kinds])
        case Integer():
            return st.integers(kind.low, kind.high) | st.sampled_from(["${n}", "${s}"])
        case Boolean():
            return st.booleans() | st.sampled_from(["${b}", "${s}"])
        case Text():
            words = [
                "shop",
                "/etc/x",
                "/etc",
                "1.0",
                "80/tcp",
                "curl",
                "0644",
                "3s",
                "SIGTERM",
                "root",
                "https://x.org",
                ".",
                "*.c",
                "c11",
                "${n}",
                "${s}",
                "epoch",
                "1 MB",
            ]
            if kind.words:
                return st.sampled_from(kind.words)
            good = [word for word in words if "${" in word or accepts(kind, word)]
            return st.sampled_from(good)
        case _:
            return st.just("2026-01-31T12:00:00Z")


def accepts(kind: Text, word: str) -> bool:
    try:
        kind.convert(word)
    except ValueError:
        return False
    return True


def documents() -> st.SearchStrategy[dict[str, Any]]:
    def with_names(document: dict[str, Any]) -> dict[str, Any]:
        document["vars"] = {"n": 80, "s": "shop", "b": True, **document.get("vars", {})}
        return document

    return values_of(ROOT_TABLE).map(with_names)


def written(document: dict[str, Any]) -> str:
    lines = (f"{json.dumps(name)} = {format_toml(value)}" for name, value in document.items())
    return "\n".join(lines)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents())
def test_the_schema_takes_what_the_parser_takes(document: dict[str, Any]) -> None:
    text = written(document)
    if parse(text):
        VALIDATOR.validate(tomllib.loads(text))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents())
def test_what_the_schema_refuses_the_parser_refuses_too(document: dict[str, Any]) -> None:
    if not VALIDATOR.is_valid(document):
        assert not parse(written(document))


@given(
    st.sampled_from(
        [
            "app",
            "image",
            "build",
            "vars",
            "profile",
            "platform",
            "test",
            "packages",
            "closure",
            "sign",
            "nixgen",
        ]
    ),
    ODD_VALUES,
)
def test_no_value_in_place_of_a_table_breaks_it(name: str, value: Any) -> None:
    parse(written({"app": {"name": "x"}, name: value}))


TEST_KEYS = sorted(known.name for known in ROOT_TABLE.field_of("test").kind.item.fields)


@given(st.sampled_from(TEST_KEYS), ODD_VALUES, st.booleans())
def test_no_value_of_a_key_of_a_test_breaks_it(name: str, value: Any, laid: bool) -> None:
    body: dict[str, Any] = {"test": [{name: value}]}
    parse(written({"app": {"name": "x"}, **({"profile": {"debug": body}} if laid else body)}))


IMAGE_KEYS = sorted(known.name for known in ROOT_TABLE.field_of("image").kind.fields)


@given(st.sampled_from(IMAGE_KEYS), ODD_VALUES, st.booleans())
def test_no_value_of_a_key_of_the_image_breaks_it(name: str, value: Any, laid: bool) -> None:
    body: dict[str, Any] = {"image": {name: value}}
    parse(written({"app": {"name": "x"}, **({"profile": {"debug": body}} if laid else body)}))


@given(st.text() | st.from_regex(r"([$]{1,3}[{]?[a-c]?[}]?)*", fullmatch=True))
def test_an_escaped_text_comes_back(text: str) -> None:
    report = Report("app.toml")
    scope = Scope(variables={"a": Node(value="A")}, constants={}, report=report)
    assert scope.fill(Node(value=escape(text))).value == text
    assert report.problems == ()


@given(st.lists(st.tuples(st.booleans(), st.text(alphabet="ab$ {}", max_size=4)), max_size=6))
def test_names_between_escaped_texts_are_filled_in(parts: list[tuple[bool, str]]) -> None:
    report = Report("app.toml")
    scope = Scope(variables={"a": Node(value="VALUE")}, constants={}, report=report)
    text = "".join("${a}" if is_name else escape(plain) + "|" for is_name, plain in parts)
    meant = "".join("VALUE" if is_name else plain + "|" for is_name, plain in parts)
    assert scope.fill(Node(value=text)).value == meant


@given(st.sampled_from(sorted(VALID)), st.permutations(range(4)))
def test_order_of_tables_means_nothing(name: str, order: list[int]) -> None:
    tables = re.split(r"(?m)^(?=\[)", VALID[name])
    kept = [table for table in tables if table.startswith("[[") or not table.startswith("[")]
    moved = [table for table in tables if table not in kept]
    moved = [moved[i] for i in order if i < len(moved)] + moved[4:]
    text = "".join(kept[:1] if not kept[:1] or not kept[0].startswith("[[") else [])
    rest = [table for table in kept if table.startswith("[[")]
    assert parse(text + "".join(moved) + "".join(rest)) == parse(VALID[name])
