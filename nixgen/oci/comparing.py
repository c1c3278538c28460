"""What differs between two images: packages, files, configuration, annotations and sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nixgen.closure.packages import parse_package
from nixgen.oci.opening import ImageSource
from nixgen.oci.reading import LayoutImage
from nixgen.oci.tree import Tree, read_tree

_STORE_PATH = re.compile(r"nix/store/([0-9a-df-np-sv-z]{32}-([^/]+))(?:/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs; each part maps a name to what it is in either image, None where it is not.

    Files below a store path are named by the package, `NAME: PATH`, so that a package that was
    built anew differs only in the files that did change.
    """

    packages: Mapping[str, tuple[Any, Any]]
    files: Mapping[str, tuple[Any, Any]]
    config: Mapping[str, tuple[Any, Any]]
    annotations: Mapping[str, tuple[Any, Any]]
    sizes: Mapping[str, tuple[int, int]]

    @property
    def equal(self) -> bool:
        """Whether the content is the same; how layers are cut and stored is not content."""
        return not (self.packages or self.files or self.config or self.annotations)

    def as_json(self) -> dict[str, Any]:
        """The document of `nixgen diff --json`."""
        parts = ("packages", "files", "config", "annotations", "sizes")
        return {
            "equal": self.equal,
            **{
                part: {name: {"a": a, "b": b} for name, (a, b) in getattr(self, part).items()}
                for part in parts
            },
        }


def compare(
    sources: tuple[ImageSource, ImageSource], images: tuple[LayoutImage, LayoutImage]
) -> Difference:
    """Compare two images; reads all their layers unless their manifests are the same.

    Annotations are compared only where both forms hold them. Raises as `read_tree`.
    """
    first, second = images
    trees: list[Tree] = [{}, {}]
    if first.digest != second.digest:
        trees = [read_tree(source, image) for source, image in zip(sources, images, strict=True)]
    annotated = all(source.format != "docker-archive" for source in sources)
    one, other = (_packages(tree) for tree in trees)
    return Difference(
        packages=_changes(one, other),
        files=_changes(_files(trees[0]), _files(trees[1])),
        config=_changes(_config(first), _config(second)),
        annotations=_changes(first.annotations, second.annotations) if annotated else {},
        sizes={
            "stored_bytes": (_stored(first), _stored(second)),
            "files_bytes": (_sum(trees[0]), _sum(trees[1])),
        }
        if first.digest != second.digest
        else {},
    )


def _changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        name: (a.get(name), b.get(name)) for name in sorted({*a, *b}) if a.get(name) != b.get(name)
    }


def _packages(tree: Tree) -> dict[str, list[dict[str, str]]]:
    """The packages by name: usually one each, with its version and store path."""
    found: dict[str, list[dict[str, str]]] = {}
    bases = {match[1]: match[2] for match in map(_STORE_PATH.match, tree) if match}
    for base, full in sorted(bases.items(), key=lambda pair: (pair[1], pair[0])):
        name, version = parse_package(full)
        found.setdefault(name, []).append({"version": version, "path": f"/nix/store/{base}"})
    return found


def _files(tree: Tree) -> dict[str, Any]:
    """The files by names that are the same for another build of the same package."""
    packages = _packages(tree)
    result = {}
    for path, entry in tree.items():
        match = _STORE_PATH.match(path)
        label = f"/{path}"
        if match:
            name = parse_package(match[2])[0]
            if len(packages[name]) == 1:
                label = f"{name}: {path[match.end() :] or '.'}"
        result[label] = entry.as_json()
    return result


def _config(image: LayoutImage) -> dict[str, Any]:
    document = json.loads(image.config)
    runtime = document.get("config") or {}
    own = {name: document.get(name) for name in ("architecture", "created", "os", "variant")}
    return {**own, **{f"config.{name}": value for name, value in runtime.items()}}


def _stored(image: LayoutImage) -> int:
    return sum(layer.descriptor.size_bytes for layer in image.layers)


def _sum(tree: Tree) -> int:
    return sum(entry.size_bytes for entry in tree.values())


def difference_text(difference: Difference, *, most: int = 50) -> Sequence[str]:
    """The difference for people; of each part at most so many lines."""
    lines: list[str] = []
    for part in ("packages", "files", "config", "annotations"):
        changes = getattr(difference, part)
        if not changes:
            continue
        lines.append(f"{part}: {len(changes)} differ")
        for name, (a, b) in list(changes.items())[:most]:
            sign = "+" if a is None else "-" if b is None else "~"
            detail = "" if part == "files" else f"  {_short(a)} -> {_short(b)}"
            lines.append(f"  {sign} {name}{detail}")
        if len(changes) > most:
            lines.append(f"  … and {len(changes) - most} more: --json names all")
    for name, (size_a, size_b) in difference.sizes.items():
        lines.append(f"{name}: {size_a} -> {size_b} ({size_b - size_a:+d})")
    return [*lines, "the content is the same" if difference.equal else "the images differ"]


def _short(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return ", ".join(one["version"] or one["path"] for one in value)
    return json.dumps(value, ensure_ascii=False)
