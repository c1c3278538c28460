"""The OCI image specification's shapes, as JSON Schemas written for these tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

_FOLDER = Path(__file__).parents[2] / "data" / "oci-schemas"


def validator(name: str) -> Draft202012Validator:
    """A validator for `config`, `manifest`, `index`, `layout` or `descriptor`."""
    schemas = [json.loads(path.read_bytes()) for path in sorted(_FOLDER.glob("*.json"))]
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    return Draft202012Validator(
        json.loads((_FOLDER / f"{name}.json").read_bytes()),
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def validate(name: str, data: bytes) -> Any:
    """Raise jsonschema's ValidationError unless `data` has the shape; gives the document."""
    document = json.loads(data)
    validator(name).validate(document)
    return document
