"""The reference page of app.toml, written from the same tables as the parser.

`python -m nixgen.spec.reference > docs/reference/app-toml.md` renews it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from nixgen.spec.app_tables import BUILD_FIELD_KINDS
from nixgen.spec.kinds import Kind, OneOf
from nixgen.spec.shapes import Field, ListOf, Table
from nixgen.spec.tables import ROOT_TABLE
from nixgen.spec.unserved import UNSERVED

_INTRODUCTION = """\
# app.toml

<!-- Written by `python -m nixgen.spec.reference`; change the tables in nixgen/spec instead. -->

An app description is one [TOML](https://toml.io/en/v1.0.0) file in UTF-8. Only `[app]` with a
`name` is needed. A key that is not on this page is an error.

`nixgen check` tests a description, and `nixgen schema` prints this page's content as a JSON
Schema for editors.
"""

_NAMES = """\
## Names in strings

Every string value takes `${name}`; `$${` stands for a plain `${`. Where a number or a boolean is
wanted, a string that is filled in counts when it reads as one. Keys are taken as they are.

| name | value |
|---|---|
| any name of `[vars]` | that value |
| `app.name`, `app.version` | as `[app]` says |
| `profile` | the name of the selected profile, or nothing |
| `platform` | such as `linux/arm64` |
| `platform.os`, `platform.arch`, `platform.variant` | its parts, in OCI words |
| `platform.system` | such as `aarch64-linux`, Nix's word |

A name that is none of these is an error, and so are variables that refer to each other in a
circle.
"""

_CHANGES = """\
## Profiles and platforms

`[profile.NAME]` and `[platform."linux/arm64"]` hold the same tables as the description, all of
them optional. With `--profile NAME` that profile is laid over the description, then what is said
for the platform. Tables merge key by key; values and arrays replace what was there. In place of an
array, a table changes it:

```toml
[profile.debug.image]
contents = { append = ["strace"] }
ports = { prepend = [9000], remove = ["8080/tcp"] }
files = { remove = ["/etc/shop.toml"] }        # tables go by their path
```

Every profile and every platform is checked each time, selected or not.
"""


def reference() -> str:
    """The page as Markdown, ending in a newline."""
    parts = [_INTRODUCTION, *_sections(), _NAMES, _CHANGES, _unserved_section()]
    return "\n".join(parts)


def _sections() -> Iterator[str]:
    yield "## At the top\n\n" + _rows([f for f in ROOT_TABLE.fields if f.name == "nixgen"])
    for known in ROOT_TABLE.fields:
        table = _table_of(known.kind)
        if table is not None:
            brackets = "[[{}]]" if isinstance(known.kind, ListOf) else "[{}]"
            rows = _rows(table.fields, of_build=known.name == "build")
            yield f"## {brackets.format(known.name)}\n\n{table.doc}\n\n{rows}"
            if known.name in ("image", "test"):
                yield from _inner_sections(known.name, table)
        elif known.name == "vars":
            example = _toml_lines(known.example)
            yield f"## [vars]\n\n{known.doc}\n\n```toml\n[vars]\n{example}\n```\n"


def _inner_sections(parent: str, table: Table) -> Iterator[str]:
    shown: set[str] = set()
    for known in table.fields:
        inner = _table_of(known.kind)
        # why: keys that take the same table, such as a test's outputs, share a section.
        if inner is not None and inner.doc not in shown:
            shown.add(inner.doc)
            yield f"### {table_name(parent, known)}\n\n{inner.doc}\n\n{_rows(inner.fields)}"


def table_name(parent: str, known: Field) -> str:
    """The heading of a table inside another."""
    if isinstance(known.kind, ListOf):
        return f"Elements of `{parent}.{known.name}`"
    return f"`{parent}.{known.name}` as a table"


def _table_of(kind: Kind) -> Table | None:
    match kind:
        case Table():
            return kind
        case ListOf():
            return _table_of(kind.item)
        case OneOf():
            return next((found for found in kind.kinds if isinstance(found, Table)), None)
        case _:
            return None


def _rows(fields: Iterable[Field], *, of_build: bool = False) -> str:
    lines = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    lines += [_row(known, of_build=of_build) for known in fields]
    return "\n".join(lines) + "\n"


def _row(known: Field, *, of_build: bool) -> str:
    meaning = known.doc
    if kinds := BUILD_FIELD_KINDS.get(known.name) if of_build else None:
        meaning = f"For `{kinds[0]}`. {meaning}"
    if known.example is not None:
        meaning += f" Example: `{format_toml(known.example)}`"
    cells = (f"`{known.name}`", known.kind.label, _default(known), meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(known: Field) -> str:
    if known.required:
        return "needed"
    if known.default_doc:
        return known.default_doc
    return "none" if known.default is None else f"`{format_toml(known.default)}`"


def _unserved_section() -> str:
    lines = ["## Not served yet", "", "Known, and refused with an error that says so:", ""]
    for feature in UNSERVED:
        only = f" ({', '.join(feature.words)})" if feature.words else ""
        lines.append(f"- `{feature.key}`{only}: {feature.works}")
    return "\n".join(lines) + "\n"


def _toml_lines(table: dict[str, Any]) -> str:
    return "\n".join(f"{name} = {format_toml(value)}" for name, value in table.items())


def format_toml(value: Any) -> str:
    """A value as TOML writes it in line; for strings, numbers, booleans, lists and tables."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list():
            return "[" + ", ".join(format_toml(item) for item in value) + "]"
        case dict():
            pairs = (f"{_format_key(name)} = {format_toml(item)}" for name, item in value.items())
            return "{ " + ", ".join(pairs) + " }" if value else "{}"
        case _:
            return str(value)


def _format_key(name: str) -> str:
    bare = name.replace("-", "").replace("_", "").isalnum() and name.isascii()
    return name if bare else json.dumps(name)


if __name__ == "__main__":
    sys.stdout.write(reference())
