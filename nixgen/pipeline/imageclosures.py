"""The closures of images that are there already, found out from their files alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from nixgen.aside import scratch_folder
from nixgen.closure.graph import ClosureGraph
from nixgen.closure.references import (
    ReferenceScanner,
    find_occurrences,
    hash_of,
    named_by_config,
    walk,
)
from nixgen.errors import UsageError
from nixgen.oci import LayoutImage
from nixgen.oci.opening import ImageSource
from nixgen.oci.overlay import unpack_image
from nixgen.oci.store import DEFAULT_STORE_DIR, is_store_path
from nixgen.pipeline.closures import ImageClosure


def holds_store_paths(image: LayoutImage) -> bool:
    """Whether an image says itself that it holds store paths; one of others says nothing."""
    return any(layer.store_paths for layer in image.layers)


@contextmanager
def open_image_closures(
    source: ImageSource, images: Sequence[LayoutImage]
) -> Iterator[tuple[ImageClosure, ...]]:
    """Unpack images into a folder that is gone afterwards, and find what refers to what in them.

    Raises UsageError for an image without store paths, BuildError for one that is damaged,
    MachineError where there is no room.
    """
    with scratch_folder() as folder:
        closures = []
        for number, image in enumerate(images):
            root = folder / str(number)
            unpack_image(source, image, dest=root)
            closures.append(_read_closure(source, image, root))
        yield tuple(closures)


def _read_closure(source: ImageSource, image: LayoutImage, root: Path) -> ImageClosure:
    store = root / DEFAULT_STORE_DIR.lstrip("/")
    names = sorted(each.name for each in store.iterdir()) if store.is_dir() else []
    paths = [f"{DEFAULT_STORE_DIR}/{name}" for name in names]
    paths = [path for path in paths if is_store_path(path, DEFAULT_STORE_DIR)]
    if not paths:
        raise UsageError(f"{source.where} for {image.platform} holds no store paths of Nix")

    def place(path: str) -> Path:
        return root / path.lstrip("/")

    references = {
        path: sorted({each.target for each in find_occurrences(place(path), paths)} - {path})
        for path in paths
    }
    holders = _holders(root, image, paths)
    sizes = {path: _size(place(path)) for path in paths}
    graph = ClosureGraph.of_all(holders, sizes, references)
    return ImageClosure(
        platform=str(image.platform),
        name=source.where,
        graph=graph,
        place=place,
        holders={root: holders.get(root, ()) for root in graph.roots},
    )


def _size(place: Path) -> int:
    return sum(found.st_size for _, found in walk(place) if stat.S_ISREG(found.st_mode))


def _holders(root: Path, image: LayoutImage, paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """For each store path that the config or a file outside of the store names, which do."""
    by_hash = {hash_of(path): path for path in paths}
    found = {
        path: [f"config {key}" for key in keys]
        for path, keys in named_by_config(image.runtime, paths).items()
    }
    store = DEFAULT_STORE_DIR.lstrip("/") + "/"
    for name, status in walk(root):
        if name.startswith(store):
            continue
        for path in _named_by(root / name, status, by_hash):
            found.setdefault(path, []).append(f"/{name}")
    return {path: tuple(names) for path, names in sorted(found.items())}


def _named_by(file: Path, status: os.stat_result, by_hash: Mapping[bytes, str]) -> list[str]:
    scanner = ReferenceScanner(by_hash, first_only=True)
    if stat.S_ISLNK(status.st_mode):
        scanner.feed(os.fsencode(file.readlink()))
    elif stat.S_ISREG(status.st_mode):
        with file.open("rb") as content:
            scanner.read(content)
    return sorted(by_hash[each] for each in scanner.found)
