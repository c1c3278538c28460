"""Layers: from their sources to blobs, each with the digest of its tar and of what is stored."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen import _process
from nixgen.digest import Digest
from nixgen.oci import faults
from nixgen.oci.blob import Summed, new_blob
from nixgen.oci.cache import LayerCache, layer_key
from nixgen.oci.compress import CompressionKind, Compressor, OpenFilter, compressing, cpu_count
from nixgen.oci.overlap import OverlappedSumming, SpareCores
from nixgen.oci.packing import Sink
from nixgen.oci.source import LayerSource
from nixgen.oci.store import StoreRoot

# https://github.com/opencontainers/image-spec/blob/main/layer.md
MEDIA_TYPES: dict[CompressionKind, str] = {
    "none": "application/vnd.oci.image.layer.v1.tar",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltLayer:
    """A layer as an image holds it.

    `digest` and `size_bytes` are of the bytes as stored, in the file `blob`; `diff_id` and
    `unpacked_bytes` are of the tar.
    """

    digest: Digest
    diff_id: Digest
    size_bytes: int
    unpacked_bytes: int
    compression: CompressionKind
    store_paths: tuple[str, ...]
    blob: Path
    source: LayerSource
    from_cache: bool

    @property
    def media_type(self) -> str:
        """The OCI media type of the blob."""
        return MEDIA_TYPES[self.compression]

    def as_json(self) -> dict[str, Any]:
        """The layer as `nixgen image --json` shows it."""
        return {
            "digest": str(self.digest),
            "diff_id": str(self.diff_id),
            "size_bytes": self.size_bytes,
            "unpacked_bytes": self.unpacked_bytes,
            "store_paths": list(self.store_paths),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerBuilder:
    """Makes layers: one pass over the bytes, several layers at a time.

    `work` is a folder for the blobs that the cache does not take; whoever gives it removes it.
    `compressor` None leaves layers as tar; `cache` None makes every layer anew.
    """

    work: Path
    compressor: Compressor | None = None
    cache: LayerCache | None = None
    workers: int = 0
    open_filter: OpenFilter = _process.open_filter

    def build(self, sources: Sequence[LayerSource], *, store: StoreRoot) -> tuple[BuiltLayer, ...]:
        """The layers of `sources`, in their order.

        Raises MachineError (missing store path, no space, compressor failed) or BuildError.
        """
        cores = self.workers or cpu_count()
        run = _Run(
            store=store,
            stop=threading.Event(),
            spare=SpareCores(cores=cores, layers=len(sources)),
        )
        with ThreadPoolExecutor(max_workers=cores, thread_name_prefix="nixgen-layer") as pool:
            # why: both layering algorithms put the large layers last; those should start first.
            jobs = [pool.submit(self._build_one, source, run) for source in reversed(sources)]
            try:
                wait(jobs, return_when=FIRST_EXCEPTION)
            finally:
                # why: nothing is left to stop where all went well.
                run.stop.set()
                pool.shutdown(cancel_futures=True)
        errors = [job.exception() for job in reversed(jobs) if not job.cancelled()]
        cause = _first_cause(errors)
        if cause is not None:
            raise cause
        return tuple(job.result() for job in reversed(jobs))

    def _build_one(self, source: LayerSource, run: _Run) -> BuiltLayer:
        try:
            return self._find_or_write(source, run)
        finally:
            run.spare.layer_done()

    def _find_or_write(self, source: LayerSource, run: _Run) -> BuiltLayer:
        paths, store = source.store_paths, run.store
        identity = self.compressor.identity if self.compressor else "none"
        key = layer_key((identity, str(store.root), *source.key))
        if self.cache is not None:
            found = self.cache.find(key, paths, store)
            if found is not None:
                return self._built(source, found.tar, found.stored, found.blob, from_cache=True)
            try:
                built = self._build_into_cache(self.cache, key, source, run)
            except OSError as error:
                self.cache.disable(error)
            else:
                if built is not None:
                    return built
        with faults.writing("a layer", self.work):
            file, blob = new_blob(self.work, "layer-")
            tar, stored = self._write_blob(source, file, run)
        return self._built(source, tar, stored, blob, from_cache=False)

    def _build_into_cache(
        self,
        cache: LayerCache,
        key: str,
        source: LayerSource,
        run: _Run,
    ) -> BuiltLayer | None:
        """The layer, made in the cache's folder; None where the cache takes nothing in."""
        try:
            before = cache.facts(source.store_paths, run.store)
        except OSError as error:
            raise faults.unreadable(str(error.filename), error) from error
        place = cache.temporary()
        if place is None:
            return None
        file, temporary = place
        try:
            tar, stored = self._write_blob(source, file, run)
            kept = cache.keep(
                key,
                source.store_paths,
                run.store,
                tar=tar,
                stored=stored,
                temporary=temporary,
                before=before,
            )
        finally:
            temporary.unlink(missing_ok=True)
        return self._built(source, tar, stored, kept.blob, from_cache=False)

    def _write_blob(self, source: LayerSource, file: int, run: _Run) -> tuple[Summed, Summed]:
        """Write the layer to `file`, closing it: what the tar sums to, and what was stored."""
        try:
            if self.compressor is None:
                with OverlappedSumming(run.spare, file) as summing:
                    source.write(_stoppable(summing, run.stop))
                    tar = stored = summing.summed()
            else:
                with (
                    OverlappedSumming(run.spare) as summing,
                    compressing(self.compressor, file, open_filter=self.open_filter) as (put, out),
                ):
                    source.write(_stoppable(_tee(summing, put), run.stop))
                    tar = summing.summed()
                stored = out.summed()
            source.check(tar)
        finally:
            os.close(file)
        return tar, stored

    def _built(
        self, source: LayerSource, tar: Summed, stored: Summed, blob: Path, *, from_cache: bool
    ) -> BuiltLayer:
        return BuiltLayer(
            digest=stored.digest,
            diff_id=tar.digest,
            size_bytes=stored.size_bytes,
            unpacked_bytes=tar.size_bytes,
            compression=self.compressor.kind if self.compressor else "none",
            store_paths=source.store_paths,
            blob=blob,
            source=source,
            from_cache=from_cache,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What the layers of one image share while they are made."""

    store: StoreRoot
    stop: threading.Event
    spare: SpareCores


class _StoppedError(Exception):
    """Another layer failed, or the user asked to stop."""


def _stoppable(sink: Sink, stop: threading.Event) -> Sink:
    def put(data: memoryview) -> None:
        if stop.is_set():
            raise _StoppedError
        sink(data)

    return put


def _tee(first: Sink, second: Sink) -> Sink:
    def put(data: memoryview) -> None:
        first(data)
        second(data)

    return put


def _first_cause(errors: Iterable[BaseException | None]) -> BaseException | None:
    """Of the failures, the one that is not only a consequence of another."""
    real = (error for error in errors if not isinstance(error, _StoppedError))
    return next((error for error in real if error is not None), None)
