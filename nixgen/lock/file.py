"""Reading and writing `nixgen.lock`: JSON with sorted keys, written whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from nixgen.digest import Digest
from nixgen.errors import LockError, MachineError
from nixgen.lock.model import (
    FORMAT,
    BaseKey,
    Lock,
    LockedResult,
    PinnedBase,
    PinnedSet,
    ResultKey,
)
from nixgen.wholefile import write_whole

LOCK_NAME = "nixgen.lock"


def lock_path(description: Path) -> Path:
    """Where the lockfile of a description stands: next to it."""
    stem = description.name
    return description.with_name(LOCK_NAME if stem == "app.toml" else f"{stem}.lock")


def read_lock(path: Path) -> Lock | None:
    """The lockfile's content, None where there is none; raises LockError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(f"{path}: can't be read: {error}", hint=_MEND) from error
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise LockError(f"{path}:{error.lineno}: not JSON: {error.msg}", hint=_MEND) from error
    try:
        return _parse(document)
    except _ShapeError as error:
        raise LockError(f"{path}: {error}", hint=_MEND) from error


def format_lock(lock: Lock) -> str:
    """The lockfile's text: sorted keys, two spaces, a line feed at the end."""
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for (profile, platform, system), result in sorted(lock.results.items()):
        results.setdefault(profile, {}).setdefault(platform, {})[system] = _result_table(result)
    package_set: dict[str, Any] = {
        "kind": lock.package_set.kind,
        "digest": str(lock.package_set.digest),
    }
    if lock.package_set.path is not None:
        package_set["path"] = lock.package_set.path
    bases: dict[str, dict[str, dict[str, str]]] = {}
    for (name, platform), base in sorted(lock.bases.items()):
        bases.setdefault(name, {})[platform] = {
            "manifest": str(base.manifest),
            "named": str(base.named),
        }
    document = {
        "nixgen-lock": FORMAT,
        "description": str(lock.description),
        "packages": package_set,
        **({"bases": bases} if bases else {}),
        "results": results,
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def pins_digest(lock: Lock) -> Digest:
    """The digest of the lockfile's text as it is without results: of what a build takes from it."""
    return Digest.of_bytes(format_lock(dataclasses.replace(lock, results={})).encode())


def _result_table(result: LockedResult) -> dict[str, Any]:
    sizes = {"size": result.size_bytes, "unpacked-size": result.unpacked_bytes}
    return {
        "derivation": result.derivation,
        "writer": str(result.writer),
        "manifest": str(result.manifest),
        **{key: size for key, size in sizes.items() if size is not None},
    }


def write_lock(path: Path, lock: Lock) -> bool:
    """Write the lockfile atomically; False where it already says this. Raises MachineError."""
    text = format_lock(lock)
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return False
        write_whole(path, text.encode())
    except OSError as error:
        raise MachineError(
            f"{path}: the lockfile can't be written: {error.strerror or error}",
            hint="make the folder writable, or pass --locked to leave the lockfile as it is",
        ) from error
    return True


_MEND = "`nixgen lock` writes it anew"


class _ShapeError(ValueError):
    """The document is JSON, but not a lockfile."""


def _parse(document: Any) -> Lock:
    table = _table(document, "the document")
    number = table.get("nixgen-lock")
    if number != FORMAT:
        raise _ShapeError(f"nixgen-lock is {number!r}; this nixgen reads format {FORMAT}")
    results: dict[ResultKey, LockedResult] = {}
    for profile, platforms in _table(table.get("results"), "results").items():
        for platform, systems in _table(platforms, f"results.{profile}").items():
            for system, result in _table(systems, f"results.{profile}.{platform}").items():
                where = f"results.{profile}.{platform}.{system}"
                results[profile, platform, system] = _parse_result(_table(result, where), where)
    return Lock(
        description=_digest(table, "description", ""),
        package_set=_parse_set(_table(table.get("packages"), "packages")),
        # why: a lock without a base has no such table, as none had before there were bases.
        bases=_parse_bases(_table(table.get("bases", {}), "bases")),
        results=results,
    )


def _parse_bases(table: dict[str, Any]) -> dict[BaseKey, PinnedBase]:
    bases: dict[BaseKey, PinnedBase] = {}
    for name, platforms in table.items():
        for platform, base in _table(platforms, f"bases.{name}").items():
            where = f"bases.{name}.{platform}"
            pinned = _table(base, where)
            bases[name, platform] = PinnedBase(
                manifest=_digest(pinned, "manifest", f"{where}."),
                named=_digest(pinned, "named", f"{where}."),
            )
    return bases


def _parse_set(table: dict[str, Any]) -> PinnedSet:
    kind = table.get("kind")
    path = table.get("path")
    if kind not in ("bundled", "path") or not (path is None or isinstance(path, str)):
        raise _ShapeError(f"packages: not a package set this nixgen knows: {kind!r}")
    return PinnedSet(kind=kind, digest=_digest(table, "digest", "packages."), path=path)


def _parse_result(table: dict[str, Any], where: str) -> LockedResult:
    derivation = table.get("derivation")
    if not isinstance(derivation, str):
        raise _ShapeError(f"{where}.derivation: expected a string")
    return LockedResult(
        derivation=derivation,
        writer=_digest(table, "writer", f"{where}."),
        manifest=_digest(table, "manifest", f"{where}."),
        # why: lockfiles had no sizes at first.
        size_bytes=_size(table, "size", where),
        unpacked_bytes=_size(table, "unpacked-size", where),
    )


def _size(table: dict[str, Any], key: str, where: str) -> int | None:
    size = table.get(key)
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise _ShapeError(f"{where}.{key}: expected a size in bytes")
    return size


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _ShapeError(f"{where}: expected an object")
    return value


def _digest(table: dict[str, Any], key: str, where: str) -> Digest:
    try:
        return Digest.parse(str(table.get(key)))
    except ValueError as error:
        raise _ShapeError(f"{where}{key}: {error}") from error
