"""The JSON Schema of app.toml, for editors: from the same tables as the parser.

https://json-schema.org/draft/2020-12. The schema is never stricter than the parser: a string that
holds `${` is let through where the parser checks what it becomes.
"""

from __future__ import annotations

from typing import Any

from nixgen.spec.kinds import Kind, OneOf
from nixgen.spec.merge import OPERATIONS
from nixgen.spec.shapes import Field, ListOf, MapOf, Table, annotate
from nixgen.spec.tables import PLATFORM_TABLE, PROFILE_TABLE, ROOT_TABLE

SCHEMA_ID = "urn:nixgen:app-toml:1"


def schema() -> dict[str, Any]:
    """The schema as a JSON document: draft 2020-12, the same bytes each time."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "nixgen app description",
        "description": ROOT_TABLE.doc,
        **_root_schema(),
        "$defs": {
            "profile": _changes_schema(PROFILE_TABLE),
            "platform": _changes_schema(PLATFORM_TABLE),
        },
    }


def _root_schema() -> dict[str, Any]:
    root = ROOT_TABLE.schema()
    for name in ("profile", "platform"):
        known = ROOT_TABLE.field_of(name)
        if known is not None and isinstance(known.kind, MapOf):
            body = {
                "type": "object",
                **known.kind.schema_of_names(),
                "additionalProperties": {"$ref": f"#/$defs/{name}"},
            }
            root["properties"][name] = annotate(known, body)
    return root


def _changes_schema(kind: Kind) -> dict[str, Any]:
    """The schema of what is laid over: nothing is required, and arrays can be changed."""
    match kind:
        case Table():
            return {
                "type": "object",
                "additionalProperties": False,
                "properties": {known.name: _changed_field(known) for known in kind.fields},
            }
        case ListOf():
            return {"anyOf": [kind.schema(), _operations_schema(kind)]}
        case OneOf():
            return {"anyOf": [_changes_schema(option) for option in kind.kinds]}
        case _:
            return kind.schema()


def _changed_field(known: Field) -> dict[str, Any]:
    return annotate(known, _changes_schema(known.kind))


def _operations_schema(kind: ListOf) -> dict[str, Any]:
    elements = {"type": "array", "items": kind.item.schema()}
    removed = elements
    if isinstance(kind.item, Table) and kind.item.identity:
        removed = {"type": "array", "items": {"anyOf": [kind.item.schema(), {"type": "string"}]}}
    kinds = {name: removed if name == "remove" else elements for name in OPERATIONS}
    return {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": kinds,
    }
