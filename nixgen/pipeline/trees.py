"""The trees that an evaluation reads: put into the store, and named in one pure expression."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nixgen.aside import scratch_folder
from nixgen.generate import GeneratedFile
from nixgen.nixcli import Nix, SourceNames, StoreTree
from nixgen.nixexpr import Call, Name, NixText, Select, Value, format_value
from nixgen.pipeline.pins import library_files
from nixgen.sourcetree import SourceTree, stage_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """What is in the store for one evaluation; `source` and `packages` only where needed."""

    generated: StoreTree
    library: StoreTree
    source: StoreTree | None
    packages: StoreTree | None

    def expression(self) -> NixText:
        """The expression that evaluates the generated folder; pure, so it names hashes only."""
        arguments: dict[str, Value] = {"nixgen": _fetch(self.library)}
        if self.source is not None:
            arguments["source"] = _fetch(self.source)
        if self.packages is not None:
            arguments["packages"] = _fetch(self.packages)
        return format_value(Call(Name("import"), (_fetch(self.generated), arguments)))

    def names(self, project_dir: Path) -> SourceNames:
        """The names by which the user knows these trees, for errors of evaluation."""
        known = {self.library.store_path: "<nixgen>", self.generated.store_path: "<generated>"}
        if self.source is not None:
            known[self.source.store_path] = str(project_dir)
        if self.packages is not None:
            known[self.packages.store_path] = "<packages>"
        return known


def add_trees(
    nix: Nix,
    files: Sequence[GeneratedFile],
    *,
    project: SourceTree | None,
    packages: StoreTree | None,
) -> Trees:
    """Put the generated files, the library and, where needed, the project into the store."""
    with scratch_folder() as staging:
        generated = _staged(staging, "generated")
        for file in files:
            (generated / file.name).write_bytes(file.content)
        library = _staged(staging, "library")
        for name, path in library_files():
            target = library / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        staged = [generated, library]
        if project is not None:
            staged.append(_staged(staging, "project"))
            stage_source(project.folder, project.files, staged[-1])
        added = nix.add_trees(staged)
    return Trees(
        generated=added[0],
        library=added[1],
        source=added[2] if project is not None else None,
        packages=packages,
    )


def _staged(staging: Path, kind: str) -> Path:
    """An empty folder that already has the name under which Nix will look for the tree."""
    folder = staging / kind / "source"
    folder.mkdir(parents=True)
    return folder


def _fetch(tree: StoreTree) -> Value:
    return Call(
        Select(Name("builtins"), ("fetchTree",)),
        ({"type": "path", "path": str(tree.store_path), "narHash": tree.nar_hash.sri},),
    )
