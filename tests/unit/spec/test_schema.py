from __future__ import annotations

import datetime
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nixgen.spec import parse_description, schema
from nixgen.spec.kinds import INVALID, Kind, OneOf
from nixgen.spec.node import make_tree
from nixgen.spec.reference import format_toml
from nixgen.spec.report import Report
from nixgen.spec.shapes import Field, ListOf, MapOf, Table
from nixgen.spec.tables import ROOT_TABLE
from tests.unit.spec.malformed import MALFORMED
from tests.unit.spec.valid import VALID

VALIDATOR = Draft202012Validator(schema())

SEEN_BY_THE_SCHEMA = {
    "unknown table",
    "unknown key",
    "unknown key at the top",
    "key of another table",
    "table in a table",
    "table as value",
    "format of the future",
    "variable as float",
    "env value as a boolean",
    "label name empty",
    "relative volume",
    "mode of five digits",
    "time zone with a blank",
    "underscore for dash",
    "another tool's word",
    "a command to run",
    "unknown key in a file",
    "profile is no table",
    "profile name with blanks",
    "unknown platform table",
    "app version as number",
    "source that is no URL",
    "authors as a string",
    "variable as list",
    "variable of a bad name",
    "an empty build",
    "build without kind",
    "unknown kind",
    "flags as a string",
    "program with a slash",
    "standard of another world",
    "Nix argument as a float",
    "entrypoint as a string",
    "entrypoint of numbers",
    "package with a version",
    "env as a list",
    "env name with equals",
    "env name empty",
    "env value as a number",
    "user number too large",
    "user table without name",
    "relative workdir",
    "port too large",
    "port of another protocol",
    "port of the host",
    "port as a boolean",
    "ports as a number",
    "signal number",
    "health check without command",
    "health check with a bad length",
    "health check of nothing",
    "file without path",
    "file at a relative path",
    "mode with an eight",
    "mode as a number",
    "link without target",
    "certificates as a word",
    "time as a negative number",
    "tag with a slash",
    "no tags",
    "tag as a word",
    "unknown compression",
    "unknown platform",
    "platform that is nothing like one",
    "too many layers",
    "too few layers",
    "unknown layer strategy",
    "unknown minimise",
    "size without unit",
    "test as a table",
    "test command as a string",
    "another tool's word in a test",
    "unknown way to compare",
    "type of no file",
    "relative path that must be absent",
    "test of a UDP port",
    "request for a URL",
    "test that takes no time",
    "test for an unknown platform",
    "exit code too large",
    "mistake in a profile",
    "unknown key in a profile",
    "profile in a profile",
    "unknown change",
    "change outside a profile",
    "change of a string",
    "mistake appended",
    "mistake for a platform",
    "platforms of a platform",
}


def as_json(text: str) -> Any:
    def dated(value: Any) -> str:
        assert isinstance(value, datetime.datetime)
        return value.isoformat()

    return json.loads(json.dumps(tomllib.loads(text), default=dated))


def fields_of(kind: Kind, path: str = "") -> Iterator[tuple[str, Field]]:
    match kind:
        case Table():
            for known in kind.fields:
                place = f"{path}.{known.name}".lstrip(".")
                yield place, known
                if known.name not in ("profile", "platform"):
                    yield from fields_of(known.kind, place)
        case ListOf():
            yield from fields_of(kind.item, f"{path}[]")
        case OneOf():
            for option in kind.kinds:
                yield from fields_of(option, path)
        case MapOf():
            yield from fields_of(kind.value, f"{path}.*")


FIELDS = dict(fields_of(ROOT_TABLE))


def test_is_a_schema_of_the_draft_it_names() -> None:
    document = schema()
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"]
    Draft202012Validator.check_schema(document)


def test_is_json_and_the_same_each_time() -> None:
    assert json.dumps(schema()) == json.dumps(schema())


@pytest.mark.parametrize("name", VALID)
def test_takes_what_the_parser_takes(name: str, project: Path) -> None:
    parse_description(VALID[name], path=project / "app.toml")
    VALIDATOR.validate(as_json(VALID[name]))


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_refuses_what_can_be_seen_without_looking_further(case: Any) -> None:
    document = as_json(f'[app]\nname = "shop"\n{case.text}\n')
    assert VALIDATOR.is_valid(document) == (case.name not in SEEN_BY_THE_SCHEMA)


def test_needs_an_app_with_a_name() -> None:
    assert not VALIDATOR.is_valid({})
    assert not VALIDATOR.is_valid({"app": {}})


@pytest.mark.parametrize("place", FIELDS)
def test_every_key_has_a_sentence_and_its_examples_are_read(place: str) -> None:
    known = FIELDS[place]
    assert known.doc.endswith(".")
    for value in (known.example, known.default):
        if value is None:
            continue
        text = f"x = {format_toml(value)}".replace("${port}", "80")
        node = make_tree(tomllib.loads(text), text).table["x"]
        report = Report("app.toml")
        assert known.kind.read(node, report) is not INVALID, report.problems
        assert report.problems == ()


def test_every_key_is_used_by_a_valid_description() -> None:
    used: set[str] = set()

    def note(value: Any, path: str) -> None:
        used.add(path)
        if isinstance(value, dict):
            for name, child in value.items():
                note(child, f"{path}.{name}".lstrip("."))
        if isinstance(value, list):
            for child in value:
                note(child, f"{path}[]")

    for text in VALID.values():
        note(tomllib.loads(text), "")
    later = {"packages.revision"}
    assert set(FIELDS) - used <= later | {
        f"image.directories[].{name}" for name in ("group", "uid", "gid")
    }
