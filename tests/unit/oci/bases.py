"""Base images made by hand: small layers, in any of the forms that a base can come in."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_PACK = {"": lambda data: data, "gzip": lambda data: gzip.compress(data, mtime=0)}


def folder(name: str, mode: int = 0o755, uid: int = 0, gid: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid = tarfile.DIRTYPE, mode, uid, gid
    return info


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, target
    return info


def make_tar(*members: tarfile.TarInfo | tuple[str, bytes] | tuple[str, bytes, int]) -> bytes:
    """A layer: folders and links as they are, files as (name, content) or (…, mode)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            info.mode = member[2] if len(member) > 2 else 0o644
            tar.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


SMALL = make_tar(folder("usr/bin"), link("bin", "usr/bin"), ("usr/bin/sh", b"#!", 0o755))
"""A layer in which `/bin` is a link."""

SECOND = make_tar(folder("opt"), ("opt/data", b"data" * 100))


@dataclass(frozen=True, kw_only=True)
class HandMade:
    """An image of given layer tars; `packing` is "", "gzip" or "zstd", `media_type` of a layer."""

    layers: Sequence[bytes] = (SMALL, SECOND)
    runtime: dict[str, Any] = field(default_factory=lambda: {"Env": ["PATH=/usr/bin", "A=base"]})
    packing: str = ""
    media_type: str | None = None
    architecture: str = "amd64"
    history: Any = None

    @property
    def diff_ids(self) -> list[str]:
        return [sha256(tar) for tar in self.layers]

    @property
    def config(self) -> bytes:
        document = {
            "architecture": self.architecture,
            "os": "linux",
            "config": self.runtime,
            "rootfs": {"type": "layers", "diff_ids": self.diff_ids},
        }
        if self.history is not None:
            document["history"] = self.history
        return json.dumps(document).encode()

    @property
    def stored(self) -> list[bytes]:
        return [pack(tar, self.packing) for tar in self.layers]

    @property
    def manifest(self) -> bytes:
        suffix = f"+{self.packing}" if self.packing else ""
        media_type = self.media_type or OCI_LAYER + suffix
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": describe(self.config, OCI_CONFIG),
            "layers": [describe(data, media_type) for data in self.stored],
        }
        return json.dumps(document).encode()

    @property
    def digest(self) -> str:
        return sha256(self.manifest)

    def write_layout(self, place: Path, *others: HandMade, tag: str = "1") -> Path:
        """An OCI layout, with an index where there are several platforms."""
        blobs = place / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        entries = []
        for image in (self, *others):
            for data in (image.manifest, image.config, *image.stored):
                (blobs / sha256(data)[7:]).write_bytes(data)
            platform = {"os": "linux", "architecture": image.architecture}
            entries.append({**describe(image.manifest, OCI_MANIFEST), "platform": platform})
        if others:
            index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
            data = json.dumps(index).encode()
            (blobs / sha256(data)[7:]).write_bytes(data)
            entries = [describe(data, OCI_INDEX)]
        entries[0]["annotations"] = {"org.opencontainers.image.ref.name": tag}
        (place / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        (place / "index.json").write_text(json.dumps(index))
        return place

    def write_docker_folder(self, place: Path) -> Path:
        """What a docker-archive holds, as files in a folder."""
        place.mkdir(parents=True)
        config_name = f"{sha256(self.config)[7:]}.json"
        (place / config_name).write_bytes(self.config)
        names = []
        for tar, diff_id in zip(self.layers, self.diff_ids, strict=True):
            names.append(f"{diff_id[7:]}/layer.tar")
            (place / names[-1]).parent.mkdir(exist_ok=True)
            (place / names[-1]).write_bytes(tar)
        manifest = [{"Config": config_name, "RepoTags": ["base:1"], "Layers": names}]
        (place / "manifest.json").write_text(json.dumps(manifest))
        return place

    def write_docker_archive(self, place: Path, *, mode: str = "w") -> Path:
        """A docker-archive; `mode` is tarfile's, such as `w:gz` for one that is compressed."""
        folder_of = self.write_docker_folder(place.with_name(place.name + ".d"))
        with tarfile.open(place, mode) as tar:
            for file in sorted(folder_of.rglob("*")):
                if file.is_file():
                    tar.add(file, str(file.relative_to(folder_of)))
        return place


def pack(tar: bytes, packing: str) -> bytes:
    if packing == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=tar, capture_output=True).stdout
    return _PACK[packing](tar)


def describe(data: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(data), "size": len(data)}


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
