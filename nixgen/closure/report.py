"""A closure as figures: what each package takes, adds and is referred to by, and what for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nixgen.closure.graph import ROOT, ClosureGraph
from nixgen.closure.packages import name_of, parse_package
from nixgen.closure.usage import Usage, add_up, measure


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFigures:
    """One store path. `added_bytes` go if it goes, with all that is there because of it alone.

    `dominator` is the path because of which alone it is there, None for a root and for what
    several lead to. Sizes are of the files' contents.
    """

    path: str
    size_bytes: int
    added_bytes: int
    references: tuple[str, ...]
    referrers: tuple[str, ...]
    dominator: str | None
    usage: Usage

    @property
    def package(self) -> tuple[str, str]:
        """Name and version."""
        return parse_package(name_of(self.path))

    def as_json(self) -> dict[str, Any]:
        """One element of `packages` in the document of `nixgen closure --json`."""
        name, version = self.package
        return {
            "path": self.path,
            "name": name,
            "version": version,
            "size_bytes": self.size_bytes,
            "added_bytes": self.added_bytes,
            "references": list(self.references),
            "referrers": list(self.referrers),
            "dominator": self.dominator,
            "files": self.usage.file_count,
            "bytes_by_kind": {str(kind): size for kind, size in self.usage.bytes_by_kind.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureFigures:
    """One image's closure. `packages` are sorted by what they add, the most first.

    `named_by` says for each root what of the image names it: keys of the config and own files; for
    one that is there though nothing refers to it, nothing. `variants` are the packages that stand
    in place of those that the description names, by these.
    """

    platform: str
    image: str
    roots: tuple[str, ...]
    named_by: Mapping[str, tuple[str, ...]]
    packages: tuple[PackageFigures, ...]
    variants: Mapping[str, str] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """All packages in sum."""
        return sum(package.size_bytes for package in self.packages)

    @property
    def usage(self) -> Usage:
        """All files together."""
        return add_up({package.path: package.usage for package in self.packages})

    @property
    def loose(self) -> tuple[PackageFigures, ...]:
        """The roots that are there though nothing that is left refers to them."""
        return tuple(
            package
            for package in self.packages
            if package.path in self.roots and not self.named_by.get(package.path)
        )

    @property
    def by_path(self) -> Mapping[str, PackageFigures]:
        """The packages by store path."""
        return {package.path: package for package in self.packages}

    def as_json(self) -> dict[str, Any]:
        """One element of `platforms` in the document of `nixgen closure --json`."""
        usage = self.usage
        return {
            "platform": self.platform,
            "image": self.image,
            "size_bytes": self.size_bytes,
            "files": usage.file_count,
            "bytes_by_kind": {str(kind): size for kind, size in usage.bytes_by_kind.items()},
            "roots": list(self.roots),
            "named_by": {root: list(self.named_by.get(root, ())) for root in self.roots},
            "variants": dict(self.variants),
            "packages": [package.as_json() for package in self.packages],
        }


def measure_closure(
    graph: ClosureGraph,
    place: Callable[[str], Path],
    *,
    platform: str,
    image: str,
    named_by: Mapping[str, tuple[str, ...]],
    variants: Mapping[str, str],
) -> ClosureFigures:
    """Measure every store path; raises MachineError for what can't be read."""
    usages = {path: measure(place(path)) for path in graph.nodes}
    return make_figures(
        graph, usages, platform=platform, image=image, named_by=named_by, variants=variants
    )


def make_figures(
    graph: ClosureGraph,
    usages: Mapping[str, Usage],
    *,
    platform: str,
    image: str,
    named_by: Mapping[str, tuple[str, ...]],
    variants: Mapping[str, str] | None = None,
) -> ClosureFigures:
    """The figures of a graph whose files take what `usages` says, by store path."""
    added = graph.added_bytes()
    packages = [
        PackageFigures(
            path=path,
            size_bytes=node.size_bytes,
            added_bytes=added[path],
            references=node.references,
            referrers=graph.referrers[path],
            dominator=None if graph.dominators[path] == ROOT else graph.dominators[path],
            usage=usages[path],
        )
        for path, node in graph.nodes.items()
    ]
    packages.sort(key=lambda each: (-each.added_bytes, name_of(each.path), each.path))
    return ClosureFigures(
        platform=platform,
        image=image,
        roots=graph.roots,
        named_by=named_by,
        packages=tuple(packages),
        variants=dict(variants or {}),
    )


def format_dot(figures: ClosureFigures) -> str:
    """The references as a graph for Graphviz (https://graphviz.org/doc/info/lang.html)."""
    lines = [f"digraph {_quote(figures.image)} {{", "  rankdir=LR;", "  node [shape=box];"]
    for package in sorted(figures.packages, key=lambda each: each.path):
        label = f"{name_of(package.path)}\\n{package.size_bytes} B, adds {package.added_bytes} B"
        shape = ", style=bold" if package.path in figures.roots else ""
        lines.append(f"  {_quote(package.path)} [label={_quote(label)}{shape}];")
    for package in sorted(figures.packages, key=lambda each: each.path):
        lines += [f"  {_quote(package.path)} -> {_quote(one)};" for one in package.references]
    return "\n".join([*lines, "}"])


def _quote(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
