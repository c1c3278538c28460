"""Base images: what another image begins with, its layers kept byte for byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.digest import Digest
from nixgen.errors import BuildError
from nixgen.oci.blob import Summed
from nixgen.oci.cache import LayerCache
from nixgen.oci.compress import CompressionKind
from nixgen.oci.conf import find_config_faults
from nixgen.oci.image import Descriptor, canonical_json
from nixgen.oci.layer import MEDIA_TYPES, BuiltLayer
from nixgen.oci.packing import Sink
from nixgen.oci.reading import LayoutImage, LayoutLayer
from nixgen.oci.unpacking import open_tar
from nixgen.oci.verified import Verified

# https://github.com/opencontainers/image-spec/blob/main/media-types.md#compatibility-matrix
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_KINDS: dict[str, CompressionKind] = {
    **{media_type: kind for kind, media_type in MEDIA_TYPES.items()},
    _DOCKER_LAYER: "none",
    f"{_DOCKER_LAYER}.gzip": "gzip",
    f"{_DOCKER_LAYER}.zstd": "zstd",
}


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
    """See `LayerSource`: a layer that lies ready in the file `blob`, compressed or not.

    Where that is in a cache, `cache` is that: it drops no layer while somebody has it.
    """

    layer: LayoutLayer
    blob: Path
    cache: LayerCache | None = None

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
        return ("base", str(self.layer.descriptor.digest), self.compression)

    @property
    def compression(self) -> CompressionKind:
        """How it is compressed."""
        return _KINDS[self.layer.descriptor.media_type]

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
