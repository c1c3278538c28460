"""Base images: what another image begins with, its layers kept byte for byte.

Layers are taken into the layer cache, under a key of their own digest, or where that takes
nothing in, into a work folder. Each is checked twice on its way: against the digest by which the
base's manifest names it, and unpacked, against the diffID of the base's config.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.digest import Digest
from nixgen.errors import BuildError
from nixgen.oci import faults
from nixgen.oci.blob import Summed, new_blob, write_all
from nixgen.oci.cache import CachedLayer, LayerCache, layer_key
from nixgen.oci.compress import CompressionKind
from nixgen.oci.conf import find_config_faults
from nixgen.oci.image import Descriptor, canonical_json
from nixgen.oci.layer import MEDIA_TYPES, BuiltLayer
from nixgen.oci.opening import ImageSource
from nixgen.oci.packing import Sink
from nixgen.oci.reading import LayoutImage, LayoutLayer
from nixgen.oci.store import StoreRoot
from nixgen.oci.unpacking import ZSTD, open_tar
from nixgen.oci.verified import Verified

# https://github.com/opencontainers/image-spec/blob/main/media-types.md#compatibility-matrix
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_KINDS: dict[str, CompressionKind] = {
    **{media_type: kind for kind, media_type in MEDIA_TYPES.items()},
    _DOCKER_LAYER: "none",
    f"{_DOCKER_LAYER}.gzip": "gzip",
    f"{_DOCKER_LAYER}.zstd": "zstd",
}
_READ_BYTES = 1 << 20
_NO_STORE = StoreRoot()


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """An image that another begins with; its layers lie ready as files.

    `digest` is of its manifest; `config` is its whole image configuration:
    https://github.com/opencontainers/image-spec/blob/main/config.md.
    """

    where: str
    digest: Digest
    config: Mapping[str, Any]
    layers: tuple[BuiltLayer, ...]

    @property
    def sources(self) -> tuple[BaseLayer, ...]:
        """What its layers can be read from, in their order."""
        return tuple(
            BaseLayer(
                layer=LayoutLayer(
                    descriptor=Descriptor(
                        media_type=layer.media_type,
                        digest=layer.digest,
                        size_bytes=layer.size_bytes,
                    ),
                    diff_id=layer.diff_id,
                    store_paths=layer.store_paths,
                ),
                blob=layer.blob,
            )
            for layer in self.layers
        )

    @property
    def history(self) -> list[Mapping[str, Any]]:
        """Its history, with an entry for each layer even where the base tells nothing usable."""
        history = self.config.get("history")
        if isinstance(history, list) and all(isinstance(entry, dict) for entry in history):
            told = sum(not entry.get("empty_layer") for entry in history)
        else:
            history, told = [], -1
        if told == len(self.layers):
            return history
        return [{"comment": "a layer of the base image"} for _ in self.layers]

    @property
    def env(self) -> list[str]:
        """The environment that it gives its process, as `NAME=VALUE`."""
        env = runtime_config(self.config).get("Env")
        return [str(entry) for entry in env] if isinstance(env, list) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseLayer:
    """See `LayerSource`: a layer that lies ready in the file `blob`, compressed or not."""

    layer: LayoutLayer
    blob: Path

    @property
    def where(self) -> str:
        """The file, for messages."""
        return str(self.blob)

    @property
    def store_paths(self) -> tuple[str, ...]:
        """See `LayerSource`; those that the base says are in it."""
        return self.layer.store_paths

    @property
    def key(self) -> tuple[str | int, ...]:
        """See `LayerSource`."""
        return _key_parts(self.layer)

    def open_blob(self, descriptor: Descriptor) -> Verified:
        """The layer as stored, checked while it is read."""
        return Verified(lambda: self.blob.open("rb"), descriptor, self.where)

    def write(self, sink: Sink) -> None:
        """See `LayerSource`; raises BuildError where the file is not what it was."""
        with open_tar(self, self.layer) as tar:
            while data := tar.read():
                sink(memoryview(data))

    def check(self, tar: Summed) -> None:
        """See `LayerSource`: `write` has checked it."""


def check_base(image: LayoutImage, where: str) -> None:
    """Raise BuildError where an image can't be a base: no other program could run it, either.

    Layers may be tars, or such in gzip or zstd, by their OCI or their Docker names.
    """
    for layer in image.layers:
        media_type = layer.descriptor.media_type
        if media_type not in _KINDS:
            raise BuildError(
                f"{where}: a layer of the base image is a {media_type}, which can't be taken over",
                hint="layers must be plain, gzip or zstd: neither encrypted nor kept elsewhere",
            )
    try:
        config = json.loads(image.config)
        # why: what has no canonical form (NaN, half a surrogate pair) can't be written again.
        canonical_json(config)
    except (ValueError, RecursionError) as error:
        raise BuildError(f"{where}: the base image's config is damaged: {error}") from error
    runtime = config.get("config") or {}
    faults_of = find_config_faults(runtime) if isinstance(runtime, dict) else [("", "no object")]
    for name, expected in faults_of:
        raise BuildError(f"{where}: the base image's config is damaged: config.{name}: {expected}")


def runtime_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of an image configuration that is about the process; empty where there is none."""
    part = config.get("config")
    return part if isinstance(part, dict) else {}


def runtime_config_of(image: LayoutImage) -> Mapping[str, Any]:
    """The runtime part of an image that `check_base` has let pass."""
    return runtime_config(json.loads(image.config))


def read_base(
    source: ImageSource,
    image: LayoutImage,
    *,
    work: Path,
    cache: LayerCache | None,
    decompress: Sequence[str] = ZSTD,
) -> BaseImage:
    """Have every layer of one of a source's images here, checked; a layer that repeats, once.

    `work` takes what the cache does not. Raises BuildError (damaged, or no usable base),
    NetworkError, MachineError (no space, or no zstd for a layer that needs it).
    """
    check_base(image, source.where)
    taken: dict[tuple[Digest, Digest], BuiltLayer] = {}
    for layer in image.layers:
        if _names(layer) not in taken:
            built = _take(source, layer, work=work, cache=cache, decompress=decompress)
            taken[_names(layer)] = built
    return BaseImage(
        where=source.where,
        digest=image.digest,
        config=json.loads(image.config),
        layers=tuple(taken[_names(layer)] for layer in image.layers),
    )


def find_base(image: LayoutImage, where: str, *, cache: LayerCache | None) -> BaseImage | None:
    """The same from the cache alone, None where a layer is not there; raises BuildError."""
    check_base(image, where)
    layers = []
    for layer in image.layers:
        found = None if cache is None else _find(layer, cache)
        if found is None:
            return None
        layers.append(_built(layer, found, from_cache=True))
    return BaseImage(
        where=where,
        digest=image.digest,
        config=json.loads(image.config),
        layers=tuple(layers),
    )


def _take(
    source: ImageSource,
    layer: LayoutLayer,
    *,
    work: Path,
    cache: LayerCache | None,
    decompress: Sequence[str],
) -> BuiltLayer:
    if cache is not None:
        found = _find(layer, cache)
        if found is not None:
            return _built(layer, found, from_cache=True)
        try:
            place = cache.temporary()
            if place is not None:
                kept = _take_into_cache(source, layer, cache, *place, decompress)
                return _built(layer, kept, from_cache=False)
        except OSError as error:
            cache.disable(error)
    with faults.writing("a layer of the base image", work):
        file, blob = new_blob(work, "base-")
        tar = _receive(source, layer, file, blob, decompress)
    stored = _stored(layer)
    return _built(layer, CachedLayer(tar=tar, stored=stored, blob=blob), from_cache=False)


def _take_into_cache(
    source: ImageSource,
    layer: LayoutLayer,
    cache: LayerCache,
    file: int,
    temporary: Path,
    decompress: Sequence[str],
) -> CachedLayer:
    try:
        tar = _receive(source, layer, file, temporary, decompress)
        return cache.keep(
            layer_key(_key_parts(layer)),
            (),
            _NO_STORE,
            tar=tar,
            stored=_stored(layer),
            temporary=temporary,
            before=[],
        )
    finally:
        temporary.unlink(missing_ok=True)


def _receive(
    source: ImageSource, layer: LayoutLayer, file: int, place: Path, decompress: Sequence[str]
) -> Summed:
    """Write the layer as stored into `file`, closing it; gives what its tar sums to."""
    try:
        with source.open_blob(layer.descriptor) as blob:
            while data := blob.read(_READ_BYTES):
                write_all(file, data)
    finally:
        os.close(file)
    with open_tar(BaseLayer(layer=layer, blob=place), layer, decompress=decompress) as tar:
        return Summed(digest=layer.diff_id, size_bytes=tar.finish())


def _find(layer: LayoutLayer, cache: LayerCache) -> CachedLayer | None:
    found = cache.find(layer_key(_key_parts(layer)), (), _NO_STORE)
    # why: another base may have named the same blob, with a config that says a wrong diffID.
    return found if found is not None and found.tar.digest == layer.diff_id else None


def _built(layer: LayoutLayer, found: CachedLayer, *, from_cache: bool) -> BuiltLayer:
    return BuiltLayer(
        digest=found.stored.digest,
        diff_id=found.tar.digest,
        size_bytes=found.stored.size_bytes,
        unpacked_bytes=found.tar.size_bytes,
        compression=_KINDS[layer.descriptor.media_type],
        store_paths=layer.store_paths,
        blob=found.blob,
        source=BaseLayer(layer=layer, blob=found.blob),
        from_cache=from_cache,
    )


def _names(layer: LayoutLayer) -> tuple[Digest, Digest]:
    return layer.descriptor.digest, layer.diff_id


def _stored(layer: LayoutLayer) -> Summed:
    return Summed(digest=layer.descriptor.digest, size_bytes=layer.descriptor.size_bytes)


def _key_parts(layer: LayoutLayer) -> tuple[str | int, ...]:
    return ("base", str(layer.descriptor.digest), _KINDS[layer.descriptor.media_type])
