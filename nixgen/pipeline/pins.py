"""Pinning the package set: what the lockfile says, what is there, and whether they agree."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nixgen import resources
from nixgen.aside import MARK, scratch_folder
from nixgen.digest import Digest
from nixgen.errors import LockError, UsageError
from nixgen.lock import Lock, PinnedSet, lock_path, read_lock
from nixgen.nixcli import Nix, StoreTree
from nixgen.sourcetree import SourceTree, stage_source, survey_source
from nixgen.spec import Packages

_STAGING = f"{MARK}staging-"
_LIBRARY_FOLDERS = ("build", "bundled", "lib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A package set as it will be used.

    `tree` is its place in the store, `source` the checkout it came from; None for bundled.
    """

    package_set: PinnedSet
    tree: StoreTree | None = None
    source: SourceTree | None = None


def library_files() -> Iterator[tuple[str, Path]]:
    """The files of nixgen's Nix library: (name below `nix/`, path), sorted by name."""
    root = resources.nix_dir()
    found = {
        path.relative_to(root).as_posix(): path
        for folder in _LIBRARY_FOLDERS
        for path in (root / folder).rglob("*")
        if path.is_file()
    }
    return iter(sorted(found.items()))


def bundled_digest() -> Digest:
    """The digest of all that makes up the bundled set and the library that uses it.

    SHA-256 over, for each file in order: its name, a NUL, its size in decimal, a NUL, its bytes.
    """
    state = hashlib.sha256()
    for name, path in library_files():
        content = path.read_bytes()
        state.update(f"{name}\0{len(content)}\0".encode())
        state.update(content)
    return Digest(state.hexdigest())


def pin(packages: Packages, nix: Nix) -> Pinned:
    """Pin the set that a description names; raises UsageError for a set that is not there."""
    if packages.kind == "bundled":
        return Pinned(package_set=PinnedSet(kind="bundled", digest=bundled_digest()))
    assert packages.path is not None  # noqa: S101 - the parser refuses other kinds
    source = _survey_checkout(packages.path)
    tree = _add_checkout(source, nix)
    return Pinned(
        package_set=PinnedSet(kind="path", digest=tree.nar_hash, path=packages.set),
        tree=tree,
        source=source,
    )


def _survey_checkout(path: Path) -> SourceTree:
    if not (path / "default.nix").is_file():
        raise UsageError(
            f"{path}: not a package set: there is no default.nix in it",
            hint="packages.set names the folder of a nixpkgs checkout",
        )
    return survey_source(path, lock_name="")


def _add_checkout(source: SourceTree, nix: Nix) -> StoreTree:
    """Put a nixpkgs checkout into the store, by the filter that all sources pass."""
    with scratch_folder(_staging_parent(source.folder), prefix=_STAGING) as staging:
        destination = staging / "source"
        destination.mkdir()
        stage_source(source.folder, source.files, destination)
        return nix.add_trees([destination])[0]


def locked(description: Path, digest: Digest, package_set: PinnedSet, *, frozen: bool) -> Lock:
    """The lock to work with: the one on disk where it still fits, else a new one.

    With `frozen` (`--locked`) a lock that is missing or does not fit is a LockError that names
    the command that mends it. Pins of bases and results of the old lock are kept: a result is
    about a derivation, and is compared with the same derivation only.
    """
    old = read_lock(lock_path(description))
    if frozen:
        refuse_stale(description, old, digest, package_set)
    if old is None:
        return Lock(description=digest, package_set=package_set)
    return dataclasses.replace(old, description=digest, package_set=package_set)


def refuse_stale(description: Path, old: Lock | None, digest: Digest, wanted: PinnedSet) -> None:
    """Raise LockError where a lock does not fit the description or the package set."""
    path = lock_path(description)
    hint = f"`nixgen lock {description}` writes it anew"
    if old is None:
        raise LockError(f"{path}: there is no lockfile", hint=hint)
    if old.description != digest:
        raise LockError(f"{path}: the description has changed since it was locked", hint=hint)
    if old.package_set != wanted:
        raise LockError(
            f"{path}: the package set is not the one that was locked\n"
            f"  locked: {_say(old.package_set)}\n  found:  {_say(wanted)}",
            hint=hint,
        )


def _say(package_set: PinnedSet) -> str:
    place = f" {package_set.path}" if package_set.path else ""
    return f"{package_set.kind}{place} {package_set.digest}"


def _staging_parent(path: Path) -> Path | None:
    """A folder on the same file system as `path`, so that staging can link; None: the usual."""
    parent = path.resolve().parent
    try:
        with scratch_folder(parent, prefix=_STAGING):
            return parent
    except OSError:
        return None
