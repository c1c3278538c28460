"""Closures made up for tests: store paths by short names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nixgen.closure.graph import ClosureGraph
from nixgen.closure.kinds import FileKind
from nixgen.closure.report import ClosureFigures, make_figures
from nixgen.closure.usage import Usage

_BASE_32 = "0123456789abcdfghijklmnpqrsvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A store path: what it refers to, by name, and its bytes by kind, the largest first."""

    refers_to: Sequence[str] = ()
    kinds: Mapping[str, int]


def path_of(name: str, *, build: str = "") -> str:
    """The store path of this name; another `build` gives another hash."""
    digest = hashlib.sha256((build + name).encode()).digest()
    return f"/nix/store/{''.join(_BASE_32[byte % 32] for byte in digest)}-{name}"


def make_closure(
    packages: Mapping[str, Made],
    *,
    roots: Sequence[str],
    build: str = "",
    platform: str = "linux/amd64",
    image: str = "made:1",
    named: bool = True,
    variants: Mapping[str, str] | None = None,
) -> ClosureFigures:
    """The figures of packages given by name; roots are `named` by the entry point or by nothing."""
    paths = {name: path_of(name, build=build) for name in packages}
    usages = {
        paths[name]: Usage(
            file_count=len(made.kinds),
            bytes_by_kind={FileKind(kind): size for kind, size in made.kinds.items()},
        )
        for name, made in packages.items()
    }
    graph = ClosureGraph.of(
        [paths[name] for name in roots],
        {path: usage.size_bytes for path, usage in usages.items()},
        {paths[name]: [paths[to] for to in made.refers_to] for name, made in packages.items()},
    )
    return make_figures(
        graph,
        usages,
        platform=platform,
        image=image,
        named_by={paths[name]: ("config Entrypoint",) if named else () for name in roots},
        variants=variants,
    )
