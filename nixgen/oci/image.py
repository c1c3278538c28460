"""Images: config, manifest and index as canonical bytes, and what an image consists of.

https://github.com/opencontainers/image-spec: config.md, manifest.md, image-index.md.

All JSON that has a digest is written once, in one form: UTF-8, keys sorted, no white space, no
newline at the end. The store paths of a layer stand in its history entry's `comment`, as
`store paths: ["/nix/store/…"]`: the config survives every conversion between formats and every
registry, which annotations of layers do not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nixgen.digest import Digest
from nixgen.errors import BuildError
from nixgen.oci.conf import MAX_LAYERS, ImageConf
from nixgen.oci.layer import BuiltLayer, LayerBuilder
from nixgen.oci.store import StoreRoot
from nixgen.oci.trimmed import layer_sources
from nixgen.platforms import Platform

if TYPE_CHECKING:
    from nixgen.oci.base import BaseImage

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST_TYPE = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEX_TYPES = frozenset({INDEX_TYPE, DOCKER_LIST_TYPE})
IMAGE_TYPES = frozenset({MANIFEST_TYPE, DOCKER_MANIFEST_TYPE})
REF_NAME = "org.opencontainers.image.ref.name"

_CREATED_BY = "nixgen"
_STORE_PATHS = "store paths: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """An OCI descriptor: what a blob is and how it is named.

    https://github.com/opencontainers/image-spec/blob/main/descriptor.md
    """

    media_type: str
    digest: Digest
    size_bytes: int
    platform: Platform | None = None
    annotations: Mapping[str, str] | None = None
    artifact_type: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The descriptor as OCI writes it."""
        document: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size_bytes,
        }
        if self.platform is not None:
            document["platform"] = _platform_json(self.platform)
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.artifact_type is not None:
            document["artifactType"] = self.artifact_type
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """One image for one platform. `manifest` and `config` are the bytes that have the digests.

    `mtime` is the POSIX time in seconds that archives give their entries.
    """

    platform: Platform
    manifest: bytes
    config: bytes
    layers: tuple[BuiltLayer, ...]
    mtime: int

    @property
    def digest(self) -> Digest:
        """The manifest's digest: the image's name."""
        return Digest.of_bytes(self.manifest)

    @property
    def config_digest(self) -> Digest:
        """The config's digest, which engines call the image id."""
        return Digest.of_bytes(self.config)

    @property
    def size_bytes(self) -> int:
        """The layers as stored, in sum."""
        return sum(layer.size_bytes for layer in self.layers)

    @property
    def unpacked_bytes(self) -> int:
        """The layers' tars, in sum."""
        return sum(layer.unpacked_bytes for layer in self.layers)

    @property
    def descriptor(self) -> Descriptor:
        """What an index says of the manifest."""
        return Descriptor(
            media_type=MANIFEST_TYPE,
            digest=self.digest,
            size_bytes=len(self.manifest),
            platform=self.platform,
        )

    def as_json(self) -> dict[str, Any]:
        """The platform's part of what `nixgen image --json` prints."""
        return {
            "platform": str(self.platform),
            "digest": str(self.digest),
            "config_digest": str(self.config_digest),
            "size_bytes": self.size_bytes,
            "unpacked_bytes": self.unpacked_bytes,
            "layers": [layer.as_json() for layer in self.layers],
        }


def build_image(
    conf: ImageConf,
    *,
    store: StoreRoot,
    platform: Platform,
    builder: LayerBuilder,
    annotations: Mapping[str, str] | None = None,
    base: BaseImage | None = None,
) -> BuiltImage:
    """Make an image's layers, config and manifest; its layers' blobs lie where `builder` says.

    The layers of `base` come first, as they are, and its history; of its config nothing is taken
    over here. Raises BuildError where the conf is for another platform or there are more layers
    than engines run, and what building layers raises.
    """
    if (conf.os, conf.architecture) != (platform.os, platform.architecture):
        raise BuildError(
            f"the image conf is for {conf.os}/{conf.architecture}, wanted is {platform}",
            hint="the package set built for the wrong host platform",
        )
    sources = layer_sources(conf, store=store)
    below = () if base is None else base.layers
    if len(below) + len(sources) > MAX_LAYERS:
        raise BuildError(
            f"the image would have {len(below) + len(sources)} layers, {len(below)} of them from "
            f"its base; engines run at most {MAX_LAYERS}",
            hint="lower image.layers.max (maxLayers in Nix), or take a base with fewer layers",
        )
    own = builder.build(sources, store=store)
    layers = (*below, *own)
    config = make_config(conf, platform=platform, layers=own, base=base)
    return BuiltImage(
        platform=platform,
        manifest=make_manifest(config, layers, annotations=annotations or {}),
        config=config,
        layers=layers,
        mtime=max(0, int(conf.created.timestamp())),
    )


def make_config(
    conf: ImageConf,
    *,
    platform: Platform,
    layers: Sequence[BuiltLayer],
    base: BaseImage | None = None,
) -> bytes:
    """The image configuration; its digest is the image id. `layers` are those above the base's."""
    below = () if base is None else base.layers
    created = format_time(conf.created)
    document: dict[str, Any] = {
        "created": created,
        **_platform_json(platform),
        "config": dict(conf.config),
        "rootfs": {
            "type": "layers",
            "diff_ids": [str(layer.diff_id) for layer in (*below, *layers)],
        },
        "history": [
            *([] if base is None else base.history),
            *(
                {
                    "created": created,
                    "created_by": _CREATED_BY,
                    "comment": format_store_paths(layer.store_paths),
                }
                for layer in layers
            ),
        ],
    }
    return canonical_json(document)


def make_manifest(
    config: bytes, layers: Sequence[BuiltLayer], *, annotations: Mapping[str, str]
) -> bytes:
    """The image manifest; its digest names the image. `annotations` are the image's own."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": Descriptor(
            media_type=CONFIG_TYPE, digest=Digest.of_bytes(config), size_bytes=len(config)
        ).as_json(),
        "layers": [
            Descriptor(
                media_type=layer.media_type, digest=layer.digest, size_bytes=layer.size_bytes
            ).as_json()
            for layer in layers
        ],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return canonical_json(document)


def make_index(
    manifests: Sequence[Descriptor], *, annotations: Mapping[str, str] | None = None
) -> bytes:
    """An image index over manifests, in the order given."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [descriptor.as_json() for descriptor in manifests],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return canonical_json(document)


def canonical_json(document: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """The one form of JSON that has a digest."""
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def format_time(time: datetime) -> str:
    """A time as RFC 3339 in UTC, with a fraction only where there is one."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def format_store_paths(paths: Sequence[str]) -> str:
    """A history comment that says which store paths a layer holds."""
    return _STORE_PATHS + json.dumps(list(paths), ensure_ascii=False)


def parse_store_paths(comment: str) -> tuple[str, ...]:
    """The store paths of a history comment; none where the comment is something else."""
    if not comment.startswith(_STORE_PATHS):
        return ()
    try:
        paths = json.loads(comment[len(_STORE_PATHS) :])
    except (ValueError, RecursionError):
        return ()
    if not isinstance(paths, list):
        return ()
    return tuple(path for path in paths if isinstance(path, str))


def _platform_json(platform: Platform) -> dict[str, str]:
    document = {"architecture": platform.architecture, "os": platform.os}
    if platform.variant is not None:
        document["variant"] = platform.variant
    return document
