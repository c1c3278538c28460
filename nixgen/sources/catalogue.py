"""Reads the catalogue of seeds and sources: what a package set is built from.

It is a JSON object whose array `sources` names each file once: what it is called in the Nix
store, its hash and size, and where it can come from. Everything is checked when it is read, and
every mistake is reported at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from nixgen.errors import MachineError, Problem
from nixgen.sources.model import (
    Catalogue,
    DebianSource,
    NpmPackage,
    Origin,
    PythonPackage,
    Source,
    Unpacked,
    Upstream,
)
from nixgen.sources.table import Table


def read_catalogue(path: Path) -> Catalogue:
    """Read the catalogue from a file.

    Raises MachineError: the file ships with nixgen, so that a faulty one is a faulty
    installation. Its problems name each entry and key at fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MachineError(
            f"can't read the list of sources {path}: {error}", hint="reinstall nixgen"
        ) from error
    return parse_catalogue(text, file=str(path))


def parse_catalogue(text: str, *, file: str) -> Catalogue:
    """Parse the catalogue from JSON text; `file` is what errors call it. Raises MachineError."""
    faults: list[Problem] = []
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _unusable(file, [Problem(file=file, message=f"not JSON: {error}")]) from error
    root = Table(document, "", file, faults)
    sources = [_source(table) for table in root.tables("sources")]
    root.finish()
    if not faults:
        _check_unique(sources, file, faults)
    if faults:
        raise _unusable(file, faults)
    return Catalogue(sources=tuple(sorted(sources, key=lambda source: source.name)))


def _unusable(file: str, problems: Sequence[Problem]) -> MachineError:
    return MachineError(
        f"the list of sources {file} can't be used", hint="reinstall nixgen", problems=problems
    )


def _check_unique(sources: Sequence[Source], file: str, faults: list[Problem]) -> None:
    for word, names in (
        ("name", [source.name for source in sources]),
        ("file", [source.file for source in sources]),
        ("name in the store", [source.store_name for source in sources]),
    ):
        faults.extend(
            Problem(file=file, key="sources", message=f"two sources have the {word} {name!r}")
            for name in sorted({name for name in names if names.count(name) > 1})
        )


def _source(table: Table) -> Source:
    table.named_by("name")
    source = Source(
        name=table.text("name"),
        pname=table.text("pname"),
        version=table.text("version"),
        file=table.store_name("file"),
        digest=table.digest("sha256"),
        size_bytes=table.count("size_bytes"),
        license=table.text("license"),
        systems=table.systems("systems"),
        seed=table.flag("seed"),
        origins=tuple(
            origin for entry in table.tables("from") if (origin := _origin(entry)) is not None
        ),
        unpacked=_unpacked(table.table("unpacked")),
    )
    table.finish()
    return source


def _unpacked(table: Table | None) -> Unpacked | None:
    if table is None:
        return None
    unpacked = Unpacked(
        name=table.store_name("name"),
        nar_hash=table.nar_hash("narHash"),
        strip=table.relative("strip"),
    )
    table.finish()
    return unpacked


def _origin(table: Table) -> Origin | None:
    kind = table.text("kind")
    if kind not in _KINDS:
        if kind:
            table.fault("kind", f"unknown kind {kind!r}; known: {', '.join(_KINDS)}")
        return None
    origin = _KINDS[kind](table)
    table.finish()
    return origin


def _debian_source(table: Table) -> Origin:
    return DebianSource(
        package=table.text("package"),
        version=table.text("version"),
        file=table.plain_name("file"),
        path=table.relative("path"),
        member=table.optional_relative("member"),
    )


def _python_package(table: Table) -> Origin:
    return PythonPackage(
        package=table.text("package"),
        version=table.text("version"),
        file=table.plain_name("file"),
        member=table.optional_relative("member"),
    )


def _npm_package(table: Table) -> Origin:
    return NpmPackage(
        package=table.text("package"),
        version=table.text("version"),
        file=table.plain_name("file"),
        member=table.optional_relative("member"),
    )


def _upstream(table: Table) -> Origin:
    return Upstream(url=table.url("url"), member=table.optional_relative("member"))


_KINDS: dict[str, Callable[[Table], Origin]] = {
    "apt-source": _debian_source,
    "npm": _npm_package,
    "pypi": _python_package,
    "url": _upstream,
}
