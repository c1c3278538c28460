"""What differs between two images: packages, files, configuration, annotations and sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nixgen.closure.packages import parse_package
from nixgen.oci.masking import StoreHashMask
from nixgen.oci.opening import ImageSource
from nixgen.oci.reading import LayoutImage
from nixgen.oci.tree import Tree, read_tree
from nixgen.progress import Reporter

_STORE_PATH = re.compile(r"nix/store/([0-9a-df-np-sv-z]{32}-([^/]+))(?:/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs; each part maps a name to what it is in either image, None where it is not.

    Files below a store path are named by the package, `NAME: PATH`, so that a package that was
    built anew differs only in the files that did change. `ignores_store_hashes` says that images
    are compared as `nixgen.oci.masking` has them, and differed as they are.
    """

    packages: Mapping[str, tuple[Any, Any]]
    files: Mapping[str, tuple[Any, Any]]
    config: Mapping[str, tuple[Any, Any]]
    annotations: Mapping[str, tuple[Any, Any]]
    sizes: Mapping[str, tuple[int, int]]
    ignores_store_hashes: bool = False

    @property
    def equal(self) -> bool:
        """Whether the content is the same; how layers are cut and stored is not content."""
        return not (self.packages or self.files or self.config or self.annotations)

    def as_json(self) -> dict[str, Any]:
        """The document of `nixgen diff --json`."""
        parts = ("packages", "files", "config", "annotations", "sizes")
        return {
            "equal": self.equal,
            "store_hashes_ignored": self.ignores_store_hashes,
            **{
                part: {name: {"a": a, "b": b} for name, (a, b) in getattr(self, part).items()}
                for part in parts
            },
        }


def compare(
    sources: tuple[ImageSource, ImageSource],
    images: tuple[LayoutImage, LayoutImage],
    *,
    ignore_store_hashes: bool = False,
    reporter: Reporter | None = None,
) -> Difference:
    """Compare two images; reads all their layers unless their manifests are the same.

    Annotations are compared only where both forms hold them. With `ignore_store_hashes` all layers
    are read twice, and what differs in nothing but those hashes is equal. Raises as `read_tree`.
    """
    first, second = images
    differ = first.digest != second.digest
    ignored = ignore_store_hashes and differ
    one, other = (
        _read(source, image, with_files=differ, masked=ignored, reporter=reporter)
        for source, image in zip(sources, images, strict=True)
    )
    annotated = all(source.format != "docker-archive" for source in sources)
    return Difference(
        packages=_changes(_packages(one.tree), _packages(other.tree), one, other),
        files=_changes(_files(one.tree), _files(other.tree), one, other),
        config=_changes(one.config, other.config, one, other),
        annotations=_changes(one.annotations, other.annotations, one, other) if annotated else {},
        sizes={
            "stored_bytes": (_stored(first), _stored(second)),
            "files_bytes": (_sum(one.tree), _sum(other.tree)),
        }
        if differ
        else {},
        ignores_store_hashes=ignored,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two images, as it is compared."""

    tree: Tree
    config: Mapping[str, Any]
    annotations: Mapping[str, Any]
    mask: StoreHashMask


def _read(
    source: ImageSource,
    image: LayoutImage,
    *,
    with_files: bool,
    masked: bool,
    reporter: Reporter | None,
) -> _Side:
    tree = read_tree(source, image, reporter=reporter) if with_files else {}
    mask = StoreHashMask.of(tree if masked else {})
    if masked:
        again = read_tree(source, image, reporter=reporter, new_digest=mask.digest)
        tree = mask.mask_names(again)
    return _Side(
        tree=tree,
        config=mask.mask_json(_config(image)),
        annotations=mask.mask_json(dict(image.annotations)),
        mask=mask,
    )


def _changes(
    a: Mapping[str, Any], b: Mapping[str, Any], one: _Side, other: _Side
) -> dict[str, tuple[Any, Any]]:
    """What differs, as each image has it."""
    return {
        name: (one.mask.unmask_json(a.get(name)), other.mask.unmask_json(b.get(name)))
        for name in sorted({*a, *b})
        if a.get(name) != b.get(name)
    }


def _packages(tree: Tree) -> dict[str, list[dict[str, Any]]]:
    """The packages by name: usually one each, with its version, store path and size."""
    sizes: dict[tuple[str, str], int] = {}
    for path, entry in tree.items():
        if match := _STORE_PATH.match(path):
            key = (match[2], match[1])
            sizes[key] = sizes.get(key, 0) + entry.size_bytes
    found: dict[str, list[dict[str, Any]]] = {}
    for (full, base), size_bytes in sorted(sizes.items()):
        name, version = parse_package(full)
        package = {"version": version, "path": f"/nix/store/{base}", "size_bytes": size_bytes}
        found.setdefault(name, []).append(package)
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
