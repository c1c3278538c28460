"""Other ways to describe an image that may be smaller, found by looking at what is in it."""

from __future__ import annotations

import dataclasses
import json
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nixgen.closure.causes import Cause
from nixgen.closure.explaining import Edge, find_edge
from nixgen.closure.graph import ClosureGraph
from nixgen.closure.packages import name_of, parse_package
from nixgen.closure.references import walk
from nixgen.closure.rules import Mode
from nixgen.closure.variants import candidates_of
from nixgen.globs import matches

DROPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "locales": ("translations and locales", ("share/locale", "share/i18n", "lib/locale")),
    "python-tests": ("Python's tests", ("lib/python*/**/test", "lib/python*/**/tests")),
    "python-tools": (
        "Python's tools for people",
        tuple(
            f"lib/python*/{name}"
            for name in ("ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo")
        ),
    ),
    "byte-code": ("Python's byte code, made anew at each start", ("**/*.pyc",)),
    "terminals": ("descriptions of terminals", ("share/terminfo", "lib/terminfo")),
    "examples": ("examples", ("share/examples", "share/*/examples")),
}
"""Files that some programs need and many do not, by name: what they are, and patterns."""

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "bash": ("bashNonInteractive",),
    "imagemagick": ("imagemagick_light",),
    "jdk": ("jre_headless", "jre_minimal"),
    "jre": ("jre_minimal",),
    "nodejs": ("nodejs-slim",),
}
"""Smaller packages that a set of nixpkgs' shape may have in place of another.

They lack more than those of `nixgen.closure.variants`: whether an app can do without, only its
tests can tell.
"""

_STRAYS = 8
_DROPPED_FILES = 5
_NEEDED = frozenset(
    {Cause.INTERPRETER, Cause.NEEDED, Cause.SHEBANG, Cause.RPATH, Cause.LINK, Cause.NAME}
)
_UNREAD = frozenset(
    {
        Cause.PYTHON_BUILD,
        Cause.DOCS,
        Cause.HEADER,
        Cause.STATIC_LIBRARY,
        Cause.PKG_CONFIG,
        Cause.LIBTOOL,
        Cause.CMAKE,
        Cause.PROPAGATED,
    }
)

Place = Callable[[str], Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a description says now, as far as alternatives change it."""

    minimise: Mode
    drop: tuple[str, ...] = ()
    cut: tuple[tuple[str, str], ...] = ()
    contents: tuple[str, ...] = ()
    as_named: tuple[str, ...] = ()
    libs: tuple[str, ...] = ()
    cflags: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ()
    has_certificates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One change of a description. `doc` says what it is, for people.

    `drop`, `cut`, `as_named`, `cflags` and `ldflags` come to what is there; `contents` says for
    packages what stands in their place, None for nothing. `libs` says for libraries of the build
    which do, the name "" for those that come to it. `off` are keys of the image that become false.
    """

    name: str
    doc: str
    minimise: Mode | None = None
    drop: tuple[str, ...] = ()
    cut: tuple[tuple[str, str], ...] = ()
    contents: Mapping[str, str | None] = field(default_factory=dict)
    as_named: tuple[str, ...] = ()
    libs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cflags: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ()
    off: tuple[str, ...] = ()

    def changes(self, now: Described) -> dict[str, Any]:
        """The values to lay over the description: whole lists, in the shape of a document."""
        closure: dict[str, Any] = {}
        if self.minimise is not None:
            closure["minimise"] = self.minimise
        if self.drop:
            closure["drop"] = list(dict.fromkeys((*now.drop, *self.drop)))
        if self.cut:
            pairs = dict.fromkeys((*now.cut, *self.cut))
            closure["cut"] = [{"from": source, "to": target} for source, target in pairs]
        if self.as_named:
            closure["as-named"] = list(dict.fromkeys((*now.as_named, *self.as_named)))
        image: dict[str, Any] = {}
        if self.contents:
            others = (self.contents.get(name, name) for name in now.contents)
            image["contents"] = list(dict.fromkeys(name for name in others if name is not None))
        image |= dict.fromkeys(self.off, False)
        tables = {"build": self._build(now), "image": image, "closure": closure}
        return {name: table for name, table in tables.items() if table}

    def _build(self, now: Described) -> dict[str, Any]:
        build: dict[str, Any] = {}
        if self.libs:
            others = [name for each in now.libs for name in self.libs.get(each, (each,))]
            build["libs"] = list(dict.fromkeys((*others, *self.libs.get("", ()))))
        if self.cflags:
            build["cflags"] = [*now.cflags, *self.cflags]
        if self.ldflags:
            build["ldflags"] = [*now.ldflags, *self.ldflags]
        return build

    def lines(self, now: Described) -> tuple[str, ...]:
        """The lines of TOML that say the same in the description."""
        lines = []
        for name, table in self.changes(now).items():
            lines.append(f"[{name}]")
            lines += [f"{key} = {_toml(value)}" for key, value in table.items()]
        return tuple(lines)


def join(name: str, doc: str, parts: Sequence[Alternative]) -> Alternative:
    """Several alternatives as one; of two for the same package the last counts."""
    modes = [each.minimise for each in parts if each.minimise is not None]
    return Alternative(
        name=name,
        doc=doc,
        minimise="tight" if "tight" in modes else next(iter(modes), None),
        drop=tuple(dict.fromkeys(pattern for each in parts for pattern in each.drop)),
        cut=tuple(dict.fromkeys(pair for each in parts for pair in each.cut)),
        contents={name: other for each in parts for name, other in each.contents.items()},
        as_named=tuple(dict.fromkeys(name for each in parts for name in each.as_named)),
        libs={name: others for each in parts for name, others in each.libs.items()},
        cflags=tuple(dict.fromkeys(flag for each in parts for flag in each.cflags)),
        ldflags=tuple(dict.fromkeys(flag for each in parts for flag in each.ldflags)),
        off=tuple(dict.fromkeys(key for each in parts for key in each.off)),
    )


def propose_modes(now: Described) -> Iterator[Alternative]:
    """The values of `minimise` that leave out more than the present one."""
    docs: dict[Literal["safe", "tight"], str] = {
        "safe": "without what no program reads",
        "tight": "without what no program reads, and what nothing that is left refers to",
    }
    for mode, doc in docs.items():
        if now.minimise == "none" or (now.minimise, mode) == ("safe", "tight"):
            yield Alternative(name=mode, doc=doc, minimise=mode)


def propose_no_certificates(now: Described) -> Iterator[Alternative]:
    """An image without CA certificates, which most of small ones consist of."""
    if now.has_certificates:
        doc = "without CA certificates, for an app that opens no TLS connection"
        yield Alternative(name="no-certificates", doc=doc, off=("ca-certificates",))


def propose_drops(paths: Iterable[str], place: Place) -> Iterator[Alternative]:
    """The patterns of `DROPS` by which a file of these store paths would go."""
    files = [
        file for path in paths for file, found in walk(place(path)) if stat.S_ISREG(found.st_mode)
    ]
    for name, (doc, patterns) in DROPS.items():
        fit = tuple(each for each in patterns if any(matches(each, file) for file in files))
        if fit:
            yield Alternative(name=f"no-{name}", doc=f"without {doc}", drop=fit)


def propose_strays(graph: ClosureGraph, place: Place) -> Iterator[Alternative]:
    """References that seem not to be needed at the start and alone bring a package.

    `graph` is that of the image at `tight`, since only there they cost anything. Those that bring
    most come first, and no more than a few.
    """
    edges = sorted(
        (
            (-freed, source, target)
            for source, node in graph.nodes.items()
            for target in node.references
            if source != target and (freed := _freed_bytes(graph, source, target))
        ),
        key=lambda each: each,
    )
    found: dict[str, Alternative] = {}
    for _, source, target in edges:
        edge = find_edge(source, target, place(source))
        causes = {cause for each in edge.files for cause in each.causes}
        if not causes or causes & _NEEDED:
            continue
        stray = _stray(edge, unread=causes <= _UNREAD)
        # why: store paths of one name, which a cut does not tell apart, are cut together.
        if stray.cut and stray.name in found:
            continue
        number = 2
        while stray.name in found:
            stray = dataclasses.replace(stray, name=f"{_stray_name(edge, 'drop')}-{number}")
            number += 1
        found[stray.name] = stray
        if len(found) == _STRAYS:
            break
    yield from found.values()


def _stray_name(edge: Edge, verb: Literal["drop", "cut"]) -> str:
    source, target = (parse_package(name_of(path))[0] for path in (edge.source, edge.target))
    return f"{verb}-{source}-{target}"


def _stray(edge: Edge, *, unread: bool) -> Alternative:
    source, target = (parse_package(name_of(path))[0] for path in (edge.source, edge.target))
    files = tuple(each.occurrence.file for each in edge.files)
    shown = files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
    plain = all(file and not re.search(r"[*?\[\]\\$]", file) for file in files)
    if unread and plain and len(files) <= _DROPPED_FILES:
        doc = f"without {shown} of {source}, which brings {target}"
        return Alternative(name=_stray_name(edge, "drop"), doc=doc, minimise="tight", drop=files)
    return Alternative(
        name=_stray_name(edge, "cut"),
        doc=f"{target} cut out of {shown} of {source}",
        minimise="tight",
        cut=((source, target),),
    )


def _freed_bytes(graph: ClosureGraph, source: str, target: str) -> int:
    """What goes if one reference goes."""
    reached: set[str] = set()
    todo = list(graph.roots)
    while todo:
        path = todo.pop()
        if path in reached:
            continue
        reached.add(path)
        todo += [one for one in graph.nodes[path].references if (path, one) != (source, target)]
    return sum(node.size_bytes for path, node in graph.nodes.items() if path not in reached)


def propose_removals(contents: Sequence[str], named: Iterable[str]) -> Iterator[Alternative]:
    """Each package of `image.contents` whose name stands in none of the texts `named`."""
    texts = list(named)
    for name in contents:
        word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
        if not any(word.search(text) for text in texts):
            doc = f"without {name}, which nothing in the config or the tests names"
            yield Alternative(name=f"without-{name}", doc=doc, contents={name: None})


def propose_as_named(taken: Mapping[str, str]) -> Iterator[Alternative]:
    """The way back from each package that was taken in place of the one that is named."""
    for name, other in taken.items():
        doc = f"{name} as it is named, not {other}"
        yield Alternative(name=f"as-named-{name}", doc=doc, as_named=(name,))


def propose_variants(contents: Sequence[str], taken: Mapping[str, str]) -> tuple[Alternative, ...]:
    """What a set might have in place of each package: variants, static ones, other outputs.

    They are those of the package that was taken, where that is another than the one named.
    """
    return tuple(
        Alternative(name=f"{name}={other}", doc=doc, contents={name: other})
        for name in contents
        for other, doc in _variants(taken.get(name, name))
    )


def smaller_names(name: str) -> tuple[str, ...]:
    """What sets call the smaller variants of a package."""
    known = (*candidates_of(name), *VARIANTS.get(name, ()))
    return (*known, f"{name}Minimal", f"{name}-minimal", f"{name}_headless")


def _variants(name: str) -> Iterator[tuple[str, str]]:
    for other in smaller_names(name):
        yield other, f"the smaller {other} in place of {name}"
    if not name.startswith("pkgsStatic."):
        yield f"pkgsStatic.{name}", f"{name} linked statically, with musl"
    for output in ("bin", "out", "lib"):
        yield f"{name}.{output}", f"the output {output} of {name} alone"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # why: what JSON escapes in a string TOML escapes alike, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
