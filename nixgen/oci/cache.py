"""The layer cache: blobs and what is known of them, kept by what a layer is made from.

Below the cache's folder, `v1/`:

- `entries/<key>.json`: digests and sizes of one layer, with the facts that must still hold for
  them to be trusted. The key is a digest of all that the bytes depend on: the store paths in
  order, the owner and time of the entries, the compressor.
- `blobs/<hex>`: the layer as stored, never writable; `tmp/`: what is being written.
- `lock`: held in common by runs that use the cache, and alone by one that drops blobs.

Everything is written aside and renamed, so runs may share a cache. Nothing is believed without
its facts: the store paths are the same inodes as before and the blob has the recorded size,
inode and time. A blob for which that is not so is hashed before it is used again, as is one that
was written before the machine last started (it may have been lost with the power), once. A cache
that belongs to another user is not used at all.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import math
import os
import stat
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.digest import Digest
from nixgen.folders import cache_folder
from nixgen.oci import pruning
from nixgen.oci.blob import Summed, new_blob
from nixgen.oci.store import StoreRoot, path_facts

_FORMAT = "v1"
_TEMPORARY_AGE_S = 24 * 3600
_FIELDS = ("blob", "boot", "diff_id", "digest", "paths", "size_bytes", "unpacked_bytes")

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedLayer:
    """A layer as the cache holds it; `blob` is the file with `stored.digest`."""

    tar: Summed
    stored: Summed
    blob: Path


class LayerCache:
    """A folder of layers, for any number of threads and runs at a time.

    Where it can't be written it says so once by `warn`; what it holds already still serves.
    `rehash` has every blob hashed before it is used; `max_bytes` is what `bound` leaves.
    """

    def __init__(
        self,
        folder: Path,
        *,
        warn: Warn,
        rehash: bool = False,
        max_bytes: int = pruning.DEFAULT_MAX_BYTES,
    ) -> None:
        self._folder = folder / _FORMAT
        self._warn = warn
        self.rehash = rehash
        self._max_bytes = max_bytes
        self._usable = True
        self._lock = threading.Lock()
        self._boot = _boot_id()
        self._lock_file: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # why: what another user may put there would be believed.
            self._folder.mkdir(mode=0o700, exist_ok=True)
            for name in ("entries", "blobs", "tmp"):
                (self._folder / name).mkdir(exist_ok=True)
        except OSError as error:
            self.disable(error)
        self._trusted = not _is_foreign(self._folder)
        if self._trusted:
            self._hold()
        else:
            warn(f"the layer cache {self._folder} is another user's: it is not used")

    @classmethod
    def of_user(cls, environ: Mapping[str, str], *, warn: Warn, rehash: bool = False) -> LayerCache:
        """The user's own cache, bounded as the environment says; raises UsageError."""
        bound = pruning.user_bound(environ)
        return cls(cls.default_folder(), warn=warn, rehash=rehash, max_bytes=bound)

    @classmethod
    def default_folder(cls) -> Path:
        """`$XDG_CACHE_HOME/nixgen/layers`, by default below `~/.cache`."""
        return cache_folder(os.environ) / "layers"

    def _hold(self) -> None:
        """Keep the blobs in place for as long as this object lives."""
        # why: where there is no lock to open, nobody can drop blobs under one either.
        with contextlib.suppress(OSError):
            file = pruning.open_lock(self._folder)
            weakref.finalize(self, os.close, file)
            self._sweep(file)
            fcntl.flock(file, fcntl.LOCK_SH)
            self._lock_file = file

    def bound(self) -> None:
        """Drop what was used longest ago, down to the cache's bound; for the end of a run.

        Layers that this object gave may be gone afterwards. Nothing is dropped while another run
        uses the cache: that one will do it at its own end.
        """
        if not self._usable or self._lock_file is None:
            return
        with contextlib.suppress(OSError):
            if pruning.size_of_blobs(self._folder) <= self._max_bytes:
                return
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                pruning.prune(self._folder, max_bytes=self._max_bytes, older_than_s=None)
            finally:
                fcntl.flock(self._lock_file, fcntl.LOCK_SH)

    def disable(self, error: OSError) -> None:
        """Take nothing more in, and say once why; the work goes on without it."""
        with self._lock:
            was_usable, self._usable = self._usable, False
        if was_usable:
            reason = error.strerror or error
            self._warn(f"nothing more goes into the layer cache {self._folder}: {reason}")

    def find(self, key: str, paths: Sequence[str], store: StoreRoot) -> CachedLayer | None:
        """The layer of that key, if the cache has it and every recorded fact still holds."""
        entry = self._entry(key) if self._trusted else None
        try:
            if entry is None or entry["paths"] != self.facts(paths, store):
                return None
            layer = CachedLayer(
                tar=_summed(entry["diff_id"], entry["unpacked_bytes"]),
                stored=_summed(entry["digest"], entry["size_bytes"]),
                blob=self._folder / "blobs" / Digest.parse(entry["digest"]).hex,
            )
            return layer if self._is_sound(key, entry, layer) else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _is_sound(self, key: str, entry: dict[str, Any], layer: CachedLayer) -> bool:
        """Whether the blob is what its entry says, by its facts or else by its digest."""
        facts = _blob_facts(layer.blob)
        if facts["size"] != layer.stored.size_bytes:
            return False
        durable = entry["boot"] in ("", self._boot)
        trusted = durable and facts == entry["blob"] and not self.rehash
        if not trusted and Digest.of_file(layer.blob) != layer.stored.digest:
            return False
        # why: a cache that can't be written still serves.
        with contextlib.suppress(OSError):
            if trusted:
                # why: the age of its last use is what pruning goes by.
                os.utime(self._entry_path(key))
            else:
                boot = entry["boot"] if durable else ""
                self._write_entry(key, {**entry, "blob": facts, "boot": boot})
        return True

    def temporary(self) -> tuple[int, Path] | None:
        """A new file for a blob to be, open for writing; None where nothing is taken in.

        Raises OSError.
        """
        if not (self._usable and self._trusted):
            return None
        return new_blob(self._folder / "tmp", "blob-")

    def keep(
        self,
        key: str,
        paths: Sequence[str],
        store: StoreRoot,
        *,
        tar: Summed,
        stored: Summed,
        temporary: Path,
        before: Sequence[Any],
    ) -> CachedLayer:
        """Take a finished file of `temporary` as the blob of `stored`, under `key`.

        `before` is what `facts` gave before the layer was read. Raises OSError.
        """
        blob = self._folder / "blobs" / stored.digest.hex
        temporary.replace(blob)
        if list(before) == self.facts(paths, store):
            entry = {
                "diff_id": str(tar.digest),
                "unpacked_bytes": tar.size_bytes,
                "digest": str(stored.digest),
                "size_bytes": stored.size_bytes,
                "paths": list(before),
                "blob": _blob_facts(blob),
                "boot": self._boot,
            }
            self._write_entry(key, entry)
        return CachedLayer(tar=tar, stored=stored, blob=blob)

    def facts(self, paths: Sequence[str], store: StoreRoot) -> list[Any]:
        """What tells each store path from another of the same name; raises OSError."""
        return [path_facts(path, store) for path in paths]

    def _entry_path(self, key: str) -> Path:
        return self._folder / "entries" / f"{key}.json"

    def _entry(self, key: str) -> dict[str, Any] | None:
        try:
            entry = json.loads(pruning.read_entry(self._entry_path(key)))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(entry, dict) or tuple(sorted(entry)) != tuple(sorted((*_FIELDS, "sum"))):
            return None
        # why: a flipped bit in a digest would otherwise pass for a fact.
        return entry if entry.pop("sum") == _entry_sum(entry) else None

    def _write_entry(self, key: str, entry: dict[str, Any]) -> None:
        file, name = tempfile.mkstemp(dir=self._folder / "tmp", prefix="entry-")
        try:
            with open(file, "w", encoding="utf-8") as out:  # noqa: PTH123
                json.dump({**entry, "sum": _entry_sum(entry)}, out, sort_keys=True)
            Path(name).replace(self._entry_path(key))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _sweep(self, lock: int) -> None:
        """Remove what killed runs left: all where no other run is at work, else what is old."""
        limit = time.time() - _TEMPORARY_AGE_S
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            limit = math.inf
        for path in sorted((self._folder / "tmp").iterdir()):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < limit:
                    path.unlink()


def cache_content(folder: Path) -> pruning.CacheContent:
    """What the cache at `folder` holds; raises OSError."""
    return pruning.read_content(folder / _FORMAT)


def prune_cache(
    folder: Path,
    *,
    max_bytes: int | None = None,
    older_than_s: float | None = None,
    warn: Warn,
) -> pruning.Pruned:
    """Drop layers from the cache at `folder`, see `pruning.prune`; raises OSError.

    Runs that use the cache are waited for, which `warn` tells.
    """
    place = folder / _FORMAT
    if not place.is_dir():
        return pruning.Pruned(removed_layers=0, removed_bytes=0, kept_layers=0, kept_bytes=0)
    with pruning.holding_alone(place, wait=False) as free:
        if free:
            return pruning.prune(place, max_bytes=max_bytes, older_than_s=older_than_s)
    warn("another run uses the layer cache: waiting for its end")
    with pruning.holding_alone(place, wait=True):
        return pruning.prune(place, max_bytes=max_bytes, older_than_s=older_than_s)


def layer_key(parts: Sequence[str | int]) -> str:
    """The cache key of a layer, from all that its bytes depend on, in a fixed order."""
    text = json.dumps([_FORMAT, *parts], separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _summed(digest: str, size_bytes: int) -> Summed:
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool):
        raise TypeError(f"not a size: {size_bytes!r}")
    return Summed(digest=Digest.parse(digest), size_bytes=size_bytes)


def _blob_facts(path: Path) -> dict[str, int]:
    info = path.lstat()
    if not stat.S_ISREG(info.st_mode):
        raise ValueError(f"not a plain file: {path}")
    return {"inode": info.st_ino, "size": info.st_size, "mtime_ns": info.st_mtime_ns}


def _is_foreign(folder: Path) -> bool:
    """Whether a folder is neither the user's own nor the system's."""
    try:
        return folder.stat().st_uid not in (os.geteuid(), 0)
    except OSError:
        return False


def _entry_sum(entry: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode("utf-8")).hexdigest()


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
