"""Having the layers of a base image here: from the layer cache, else from where the image is.

Each layer is checked twice on its way: against the digest by which the base's manifest names it,
and unpacked, against the diffID of the base's config.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from nixgen.oci import faults
from nixgen.oci.base import BaseImage, BaseLayer, check_base
from nixgen.oci.blob import Summed, new_blob, write_all
from nixgen.oci.cache import CachedLayer, LayerCache, layer_key
from nixgen.oci.layer import BuiltLayer
from nixgen.oci.opening import ImageSource
from nixgen.oci.reading import LayoutImage, LayoutLayer
from nixgen.oci.store import StoreRoot
from nixgen.oci.unpacking import ZSTD, open_tar

_READ_BYTES = 1 << 20
_AT_A_TIME = 4
_NO_STORE = StoreRoot()


def read_base(
    source: ImageSource,
    image: LayoutImage,
    *,
    work: Path,
    cache: LayerCache | None,
    decompress: Sequence[str] = ZSTD,
    moved: Callable[[int], None] | None = None,
) -> BaseImage:
    """Have every layer of one of a source's images here, checked; a layer that repeats, once.

    `work` takes what the cache does not; `moved` is told of bytes that come. Raises BuildError
    (damaged, or no usable base), NetworkError, MachineError (no space, or no zstd for a layer that
    needs it).
    """
    check_base(image, source.where)
    taker = _Taker(source=source, work=work, cache=cache, decompress=decompress, moved=moved)
    wanted = {(layer.descriptor.digest, layer.diff_id): layer for layer in image.layers}
    taken = dict(zip(wanted, taker.take_all(list(wanted.values())), strict=True))
    return BaseImage(
        where=source.where,
        digest=image.digest,
        config=json.loads(image.config),
        layers=tuple(taken[layer.descriptor.digest, layer.diff_id] for layer in image.layers),
    )


def find_base(image: LayoutImage, where: str, *, cache: LayerCache) -> BaseImage | None:
    """The same from the cache alone, None where a layer is not there; raises BuildError."""
    check_base(image, where)
    layers = []
    for layer in image.layers:
        found = _find(layer, cache)
        if found is None:
            return None
        layers.append(found)
    return BaseImage(
        where=where, digest=image.digest, config=json.loads(image.config), layers=tuple(layers)
    )


class _StoppedError(Exception):
    """Another layer failed, or the user asked to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taker:
    """Takes layers from a source into the cache, or where that takes nothing, into `work`."""

    source: ImageSource
    work: Path
    cache: LayerCache | None
    decompress: Sequence[str]
    moved: Callable[[int], None] | None
    stop: threading.Event = field(default_factory=threading.Event)

    def take_all(self, layers: Sequence[LayoutLayer]) -> list[BuiltLayer]:
        """The layers in their order, some at a time; the first failure ends the others."""
        with ThreadPoolExecutor(max_workers=_AT_A_TIME, thread_name_prefix="nixgen-base") as pool:
            jobs = [pool.submit(self.take, layer) for layer in layers]
            try:
                wait(jobs, return_when=FIRST_EXCEPTION)
            finally:
                # why: nothing is left to stop where all went well.
                self.stop.set()
                pool.shutdown(cancel_futures=True)
        errors = [job.exception() for job in jobs if not job.cancelled()]
        for error in errors:
            if error is not None and not isinstance(error, _StoppedError):
                raise error
        return [job.result() for job in jobs]

    def take(self, layer: LayoutLayer) -> BuiltLayer:
        if self.cache is not None:
            found = _find(layer, self.cache)
            if found is not None:
                return found
            try:
                place = self.cache.temporary()
                if place is not None:
                    return self._take_into(self.cache, layer, *place)
            except OSError as error:
                self.cache.disable(error)
        with faults.writing("a layer of the base image", self.work):
            file, blob = new_blob(self.work, "base-")
            tar = self._receive(layer, file, blob)
        return _built(layer, CachedLayer(tar=tar, stored=_stored(layer), blob=blob), cache=None)

    def _take_into(
        self, cache: LayerCache, layer: LayoutLayer, file: int, temporary: Path
    ) -> BuiltLayer:
        try:
            tar = self._receive(layer, file, temporary)
            kept = cache.keep(
                _key(layer),
                (),
                _NO_STORE,
                tar=tar,
                stored=_stored(layer),
                temporary=temporary,
                before=[],
            )
        finally:
            temporary.unlink(missing_ok=True)
        return _built(layer, kept, cache=cache)

    def _receive(self, layer: LayoutLayer, file: int, place: Path) -> Summed:
        """Write the layer as stored into `file`, closing it; gives what its tar sums to."""
        try:
            with self.source.open_blob(layer.descriptor) as blob:
                while data := blob.read(_READ_BYTES):
                    if self.stop.is_set():
                        raise _StoppedError
                    write_all(file, data)
                    if self.moved is not None:
                        self.moved(len(data))
        finally:
            os.close(file)
        stored = BaseLayer(layer=layer, blob=place)
        with open_tar(stored, layer, decompress=self.decompress) as tar:
            return Summed(digest=layer.diff_id, size_bytes=tar.finish())


def _find(layer: LayoutLayer, cache: LayerCache) -> BuiltLayer | None:
    found = cache.find(_key(layer), (), _NO_STORE)
    # why: another base may have named the same blob, with a config that says a wrong diffID.
    if found is None or found.tar.digest != layer.diff_id:
        return None
    return _built(layer, found, cache=cache, from_cache=True)


def _built(
    layer: LayoutLayer, found: CachedLayer, *, cache: LayerCache | None, from_cache: bool = False
) -> BuiltLayer:
    source = BaseLayer(layer=layer, blob=found.blob, cache=cache)
    return BuiltLayer(
        digest=found.stored.digest,
        diff_id=found.tar.digest,
        size_bytes=found.stored.size_bytes,
        unpacked_bytes=found.tar.size_bytes,
        compression=source.compression,
        store_paths=layer.store_paths,
        blob=found.blob,
        source=source,
        from_cache=from_cache,
    )


def _stored(layer: LayoutLayer) -> Summed:
    return Summed(digest=layer.descriptor.digest, size_bytes=layer.descriptor.size_bytes)


def _key(layer: LayoutLayer) -> str:
    # why a place that is none: the key does not depend on where the layer lies.
    return layer_key(BaseLayer(layer=layer, blob=Path()).key)
