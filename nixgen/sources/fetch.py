"""Puts sources into the Nix store before a build, or into a folder for a machine without network.

Nix builds them as fixed-output derivations; one whose output is valid already is never built, so
that Nix itself needs no network, no mirror and no program to fetch with.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from nixgen.aside import aside
from nixgen.digest import Digest
from nixgen.errors import HashMismatchError, MachineError, NetworkError, NixgenError, Problem
from nixgen.progress import PhaseStarted, Reporter, format_bytes
from nixgen.sources.model import Source, Unpacked
from nixgen.sources.nar import nar_digest
from nixgen.sources.search import Found, NotFound, search_all
from nixgen.sources.supply import Supply
from nixgen.sources.wheel import unpack_wheel

SUMS_FILE = "SHA256SUMS"


class SourceStore(Protocol):
    """The Nix store, as far as sources need it."""

    def is_valid(self, source: Source) -> bool:
        """Whether `source.store_path()` is valid."""
        ...

    def add_file(self, path: Path, source: Source) -> None:
        """Add a file under its flat SHA-256; its base name is the name in the store.

        Raises HashMismatchError when the path that comes out is not the source's own.
        """
        ...

    def add_tree(self, path: Path, source: Source) -> None:
        """Add a folder under the SHA-256 of its NAR; its base name is the name in the store.

        Raises HashMismatchError when the path that comes out is not the source's own.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A source that is now where it was asked for. `where` it came from: None if it was there."""

    source: Source
    where: str | None


def ensure(
    needed: Sequence[Source], *, store: SourceStore, supply: Supply, reporter: Reporter
) -> tuple[Fetched, ...]:
    """Make every needed source valid in the store; gives them sorted by name.

    Each is added as soon as it is found. Raises HashMismatchError when a source was found
    nowhere but under a wrong hash, NetworkError when it was found nowhere, MachineError when
    this machine fails; only then is anything of what was asked for missing.
    """
    sources = _distinct(needed)
    where: dict[str, str] = {}
    missing = [source for source in sources if not store.is_valid(source)]

    def take(found: Found) -> None:
        if found.source.unpacked is None:
            store.add_file(found.path, found.source)
        else:
            _add_unpacked(found, found.source.unpacked, store, supply)
        where[found.source.name] = found.where

    _search(missing, supply, reporter, take)
    return tuple(Fetched(source=source, where=where.get(source.name)) for source in sources)


def fetch_all(
    dest: Path, sources: Sequence[Source], *, supply: Supply, reporter: Reporter
) -> tuple[Fetched, ...]:
    """Put every source into a folder, by file name, with their hashes in SHA256SUMS.

    What is there already is checked, and replaced where it is damaged. The folder serves as
    `--sources` on a machine without a network. Raises as `ensure` does.
    """
    chosen = _distinct(sources)
    where: dict[str, str] = {}
    try:
        dest.mkdir(parents=True, exist_ok=True)
        missing = [source for source in chosen if not _is_there(dest / source.file, source)]

        def take(found: Found) -> None:
            _copy_whole(found.path, dest / found.source.file)
            where[found.source.name] = found.where

        _search(missing, supply, reporter, take)
        _write_sums(dest, chosen)
    except OSError as error:
        raise MachineError(f"can't write the folder {dest}: {error.strerror}") from error
    return tuple(Fetched(source=source, where=where.get(source.name)) for source in chosen)


def _search(
    missing: Sequence[Source], supply: Supply, reporter: Reporter, take: Callable[[Found], None]
) -> None:
    if not missing:
        return
    reporter.report(PhaseStarted(name=_describe(missing)))
    try:
        lost = search_all(missing, supply, reporter, take)
    except OSError as error:
        # why: what a place can't give is an answer; this is the own disk, or the own cache.
        place = error.filename or supply.cache.root
        raise MachineError(
            f"can't write {place}: {error.strerror}",
            hint="set XDG_CACHE_HOME to a folder with space",
        ) from error
    if lost:
        raise _failure(lost, count=len(missing), supply=supply)


def _describe(missing: Sequence[Source]) -> str:
    size = format_bytes(sum(source.size_bytes for source in missing))
    word = "source" if len(missing) == 1 else "sources"
    return f"fetch {len(missing)} {word} ({size})"


def _failure(lost: Sequence[NotFound], *, count: int, supply: Supply) -> NixgenError:
    problems = [Problem(key=one.source.file, message=_explain(one)) for one in lost]
    message = f"{len(lost)} of the {count} sources to fetch can't be had"
    if any(one.wrong_content for one in lost):
        return HashMismatchError(
            message,
            problems=problems,
            hint="a place that gives other bytes is faulty or tampered with: "
            "mend it, or name a folder with the right files by --sources DIR",
        )
    first = "you are offline; " if supply.offline else ""
    return NetworkError(
        message,
        problems=problems,
        hint=f"{first}on a machine with a network run 'nixgen sources --fetch DIR', "
        "then give that folder here by --sources DIR",
    )


def _explain(one: NotFound) -> str:
    if not one.tried:
        return "not in the download cache, and no other place was named"
    lines = [f"expected SHA-256 {one.source.digest.hex}"] if one.wrong_content else []
    lines += [f"{where}: {reason}" for where, reason in one.tried]
    return "\n".join(["not found; tried", *(f"    {line}" for line in lines)])


def _add_unpacked(found: Found, unpacked: Unpacked, store: SourceStore, supply: Supply) -> None:
    with supply.cache.workspace() as workspace:
        tree = workspace / unpacked.name
        unpack_wheel(found.path, tree, folder=unpacked.strip)
        digest = nar_digest(tree)
        if digest != unpacked.nar_hash:
            raise HashMismatchError(
                f"{found.source.file} unpacks to a tree with another hash: "
                f"expected {unpacked.nar_hash.sri}, found {digest.sri}"
            )
        store.add_tree(tree, found.source)


def _distinct(sources: Sequence[Source]) -> tuple[Source, ...]:
    by_name = {source.name: source for source in sources}
    return tuple(by_name[name] for name in sorted(by_name))


def _is_there(path: Path, source: Source) -> bool:
    return path.is_file() and Digest.of_file(path) == source.digest


def _write_sums(dest: Path, sources: Sequence[Source]) -> None:
    """Write the file that `sha256sum --check` takes.

    What an earlier call put there, for other sources, stays as long as its file does.
    """
    sums: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError):
        for line in (dest / SUMS_FILE).read_text(encoding="utf-8", errors="replace").splitlines():
            digest, _, name = line.partition("  ")
            if "/" not in name and (dest / name).is_file():
                sums[name] = digest
    sums.update((source.file, source.digest.hex) for source in sources)
    with _replacing(dest / SUMS_FILE) as file:
        file.write("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode())


def _copy_whole(path: Path, target: Path) -> None:
    with _replacing(target) as file, path.open("rb") as content:
        shutil.copyfileobj(content, file, 1 << 20)


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """Write a file beside `target` and put it in its place when it is whole."""
    with aside(target, folder=False) as beside:
        with beside.open("wb") as file:
            yield file
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
