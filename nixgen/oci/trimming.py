"""Leaving out of an image what the rules of its description say: which files and store paths.

The order is: files of store paths go by the rules; then the image's own links to what went; then,
for `tight`, store paths to which nothing refers that is left, in its config, its own files or
other store paths.
"""

from __future__ import annotations

import dataclasses
import tarfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from nixgen.closure.packages import name_of
from nixgen.closure.references import ReferenceScanner, hash_of, named_by_config
from nixgen.closure.rules import Minimising, Mode
from nixgen.closure.selection import Kept, Look, keep_files, reach
from nixgen.errors import BuildError
from nixgen.globs import matches
from nixgen.oci import faults
from nixgen.oci.conf import ImageConf
from nixgen.oci.cuts import CutReference, References, find_cuts
from nixgen.oci.source import CustomisationLayer
from nixgen.oci.store import StoreRoot, holder_of
from nixgen.oci.trimmed import image_path, is_absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What one rule or pattern left out: files and links, and the bytes of the files."""

    reason: str
    file_count: int
    size_bytes: int

    def as_json(self) -> dict[str, Any]:
        """One element of `rules` in the report."""
        return {"rule": self.reason, "files": self.file_count, "size_bytes": self.size_bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimming:
    """What was left out of one image.

    `gone` are store paths with the bytes of the files that they had left. `dangling` are links
    that are kept although what they lead to is not, `unmatched` those of the user's patterns
    and cuts that nothing matches.
    """

    mode: Mode
    savings: tuple[Saving, ...]
    gone: Mapping[str, int]
    cuts: tuple[CutReference, ...]
    dangling: tuple[str, ...]
    unmatched: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """All that was left out."""
        return sum(each.size_bytes for each in self.savings) + sum(self.gone.values())

    def as_json(self) -> dict[str, Any]:
        """The `closure` of a platform in the document of `nixgen image --json`."""
        return {
            "minimise": self.mode,
            "size_bytes": self.size_bytes,
            "rules": [each.as_json() for each in self.savings],
            "store_paths": [
                {"path": path, "size_bytes": size} for path, size in sorted(self.gone.items())
            ],
            "cut": [each.as_json() for each in self.cuts],
            "dangling": list(self.dangling),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFile:
    """One of the image's own files.

    `link` is where a link leads, `targets` are the store paths that the file names.
    """

    path: str
    mode: int
    is_folder: bool
    link: str | None
    targets: tuple[str, ...]


def trim(
    conf: ImageConf,
    rules: Minimising,
    *,
    references: References,
    store: StoreRoot,
    look: Look | None = None,
) -> tuple[ImageConf, Trimming]:
    """The conf without what the rules leave out, and what that is.

    `references` are needed for `tight` and for cuts; `look` as for `reach`. Raises MachineError
    for what can't be read, BuildError for a reference that can't be cut.
    """
    kept = {path: keep_files(path, store.physical, rules) for path in conf.store_paths}
    absent = frozenset(f"{path}/{name}" for path, each in kept.items() for name in each.absent)
    own = read_own_files(conf, store)
    stale = _stale(own, absent, frozenset())
    cuts, unmatched = find_cuts(rules, kept, references, store)
    pairs = {(cut.source, cut.target) for cut in cuts}
    gone: frozenset[str] = frozenset()
    if rules.mode == "tight":
        left = [each for each in own if each.path not in stale]
        roots = _roots(conf, left, rules)
        left_references = {
            path: [target for target in targets if (path, target) not in pairs]
            for path, targets in references.items()
        }
        gone = frozenset(kept) - reach(roots, kept, left_references, store.physical, look=look)
        stale = _stale(own, absent, gone)
    stale |= _emptied(own, stale)
    trimmed = dataclasses.replace(
        conf,
        store_layers=_without(conf.store_layers, gone),
        absent=frozenset(name for name in absent if not _leads(name, gone)) | stale,
        cuts=tuple(sorted(pair for pair in pairs if pair[0] not in gone)),
    )
    report = Trimming(
        mode=rules.mode,
        savings=_savings(each for path, each in kept.items() if path not in gone),
        gone={path: _left_bytes(kept[path], store) for path in sorted(gone)},
        cuts=cuts,
        dangling=_dangling(trimmed, kept, gone, store),
        unmatched=(*_unmatched(rules, kept.values()), *unmatched),
    )
    return trimmed, report


def read_own_files(conf: ImageConf, store: StoreRoot) -> tuple[OwnFile, ...]:
    """The files of the customisation layer, in its order; raises MachineError, BuildError."""
    by_hash = {hash_of(path): path for path in conf.store_paths}
    layer = CustomisationLayer(path=conf.customisation_layer, store=store)
    name = f"{layer.path}/layer.tar"
    try:
        with tarfile.open(layer.tar, encoding="utf-8") as tar:
            return tuple(_own_file(tar, member, by_hash) for member in tar)
    except tarfile.TarError as error:
        raise BuildError(f"{name} is not a whole tar archive: {error}") from error
    except OSError as error:
        raise faults.unreadable(name, error) from error


def _own_file(
    tar: tarfile.TarFile, member: tarfile.TarInfo, by_hash: Mapping[bytes, str]
) -> OwnFile:
    scanner = ReferenceScanner(by_hash, first_only=True)
    scanner.feed(f"{member.name}\0{member.linkname}".encode("utf-8", "surrogateescape"))
    scanner.end_file()
    content = tar.extractfile(member) if member.isreg() else None
    if content is not None:
        scanner.read(content)
    path = image_path(member.name)
    return OwnFile(
        path=path,
        mode=member.mode,
        is_folder=member.isdir(),
        link=_target(path, member.linkname) if member.issym() else None,
        targets=tuple(sorted(by_hash[each] for each in scanner.found)),
    )


def _target(path: str, link: str) -> str:
    """Where a link at `path` leads, by its text alone."""
    parts: list[str] = []
    start = "" if link.startswith("/") else str(PurePosixPath(path).parent)
    for part in f"{start}/{link}".split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def _roots(conf: ImageConf, own: Iterable[OwnFile], rules: Minimising) -> set[str]:
    named = named_by_config(conf.config, conf.store_paths).keys()
    held = {target for each in own for target in each.targets}
    asked = {
        path
        for path in conf.store_paths
        if any(matches(pattern, name_of(path)) for pattern in rules.keep_paths)
    }
    return named | held | asked


def _stale(own: Sequence[OwnFile], absent: frozenset[str], gone: frozenset[str]) -> set[str]:
    """The own links that lead to what is left out, by themselves or through another own link."""
    stale: set[str] = set()
    links = {each.path: each.link for each in own if each.link is not None}
    while True:
        more = {
            path
            for path, link in links.items()
            if path not in stale
            and (is_absent(link, absent) or _leads(link, gone) or is_absent(link, frozenset(stale)))
        }
        if not more:
            return stale
        stale |= more


def _leads(path: str, gone: Iterable[str]) -> bool:
    return holder_of(path) in gone


def _emptied(own: Sequence[OwnFile], stale: set[str]) -> set[str]:
    """The own folders that held nothing but what is stale."""
    children: dict[str, list[str]] = {}
    for each in own:
        children.setdefault(str(PurePosixPath(each.path).parent), []).append(each.path)
    emptied: set[str] = set()
    folders = sorted((e.path for e in own if e.is_folder), key=lambda path: -path.count("/"))
    for folder in folders:
        inside = [path for path in children.get(folder, ()) if path != folder]
        if inside and all(path in stale or path in emptied for path in inside):
            emptied.add(folder)
    return emptied - {"/"}


def _without(layers: Sequence[Sequence[str]], gone: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    left = (tuple(path for path in layer if path not in gone) for layer in layers)
    return tuple(layer for layer in left if layer)


def _savings(kept: Iterable[Kept]) -> tuple[Saving, ...]:
    found: dict[str, tuple[int, int]] = {}
    for each in kept:
        for file in each.left_out:
            count, size_bytes = found.get(file.reason, (0, 0))
            found[file.reason] = (count + 1, size_bytes + file.size_bytes)
    return tuple(
        Saving(reason=reason, file_count=count, size_bytes=size_bytes)
        for reason, (count, size_bytes) in sorted(found.items())
    )


def _left_bytes(kept: Kept, store: StoreRoot) -> int:
    top = store.physical(kept.path)
    places = ((top / file) if file else top for file in kept.files)
    left_out = sum(each.size_bytes for each in kept.left_out)
    return left_out + sum(each.lstat().st_size for each in places if not each.is_symlink())


def _dangling(
    conf: ImageConf, kept: Mapping[str, Kept], gone: frozenset[str], store: StoreRoot
) -> tuple[str, ...]:
    """The links that stay and lead to what is left out."""
    found = []
    for path in conf.store_paths:
        top = store.physical(path)
        for file in kept[path].files:
            place = top / file if file else top
            if place.is_symlink():
                target = _target(f"{path}/{file}" if file else path, str(place.readlink()))
                if _leads(target, gone) or is_absent(target, conf.absent):
                    found.append(f"{path}/{file}")
    return tuple(sorted(found))


def _unmatched(rules: Minimising, kept: Collection[Kept]) -> tuple[str, ...]:
    files = [file for each in kept for file in (*each.files, *(one.file for one in each.left_out))]
    names = [name_of(each.path) for each in kept]
    asked = [
        *((pattern, pattern, files) for pattern in (*rules.keep, *rules.drop)),
        *((f"keep-paths: {pattern}", pattern, names) for pattern in rules.keep_paths),
    ]
    return tuple(
        told for told, pattern, found in asked if not any(matches(pattern, name) for name in found)
    )
