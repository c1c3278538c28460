"""Small images as layouts, made by hand."""

from __future__ import annotations

import json
from pathlib import Path

from nixgen.digest import Digest
from nixgen.oci import Descriptor, canonical_json, make_index
from nixgen.oci.image import CONFIG_TYPE, INDEX_TYPE, MANIFEST_TYPE
from nixgen.oci.layout import LayoutContent, write_content
from nixgen.oci.opening import StoredImage, open_stored
from nixgen.platforms import Platform
from nixgen.registry import Manifest
from tests.layouts import Layout, read_layout

LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"


def describe(media_type: str, data: bytes, platform: Platform | None = None) -> Descriptor:
    return Descriptor(
        media_type=media_type,
        digest=Digest.of_bytes(data),
        size_bytes=len(data),
        platform=platform,
    )


def make_manifest(config: bytes, layers: list[bytes]) -> bytes:
    return canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": describe(CONFIG_TYPE, config).as_json(),
            "layers": [describe(LAYER_TYPE, layer).as_json() for layer in layers],
        }
    )


def make_config(platform: Platform, layers: list[bytes]) -> bytes:
    diff_ids = [str(Digest.of_bytes(layer)) for layer in layers]
    return canonical_json(
        {
            "os": platform.os,
            "architecture": platform.architecture,
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    )


def make_referrer(subject: Descriptor, kind: str = "application/x.test") -> Manifest:
    data = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": kind,
            "config": describe(EMPTY_TYPE, EMPTY).as_json(),
            "layers": [describe(EMPTY_TYPE, EMPTY).as_json()],
            "subject": subject.as_json(),
            "annotations": {"made-by": "test"},
        }
    )
    return Manifest(media_type=MANIFEST_TYPE, digest=Digest.of_bytes(data), data=data)


def make_layout(
    folder: Path,
    *,
    layers: tuple[bytes, ...] = (b"first layer", b"second layer " * 100),
    platforms: tuple[str, ...] = ("linux/amd64",),
    refer: bool = False,
) -> Layout:
    """A layout tagged v1; each platform has a last layer of its own."""
    small: dict[Digest, bytes] = {}
    files: dict[Digest, Path] = {}
    entries = []
    for name in platforms:
        own = [*layers, name.encode()]
        for layer in own:
            place = folder / Digest.of_bytes(layer).hex
            folder.mkdir(exist_ok=True)
            place.write_bytes(layer)
            files[Digest.of_bytes(layer)] = place
        platform = Platform.parse(name)
        config = make_config(platform, own)
        manifest = make_manifest(config, own)
        small |= {Digest.of_bytes(data): data for data in (config, manifest)}
        entries.append(describe(MANIFEST_TYPE, manifest, platform))
    top = entries[0]
    if len(entries) > 1:
        index = make_index(entries)
        top = describe(INDEX_TYPE, index)
        small[top.digest] = index
    referrers = []
    if refer:
        referrers = [make_referrer(top)]
        small |= {Digest.of_bytes(EMPTY): EMPTY, referrers[0].digest: referrers[0].data}
    content = LayoutContent(
        top=top,
        small=small,
        layers=files,
        referrers=tuple(referrer.as_referrer() for referrer in referrers),
    )
    return read_layout(write_content(content, folder / "image.oci", tags=["v1"]))


def stored(layout: Layout) -> StoredImage:
    """A layout as what can be pushed."""
    return open_stored(layout.path)


def index_of(layout: Layout) -> object:
    return json.loads((layout.path / "index.json").read_bytes())
