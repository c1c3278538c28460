"""Images as others make them: Docker's own types, indexes in indexes, statements beside images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nixgen.digest import Digest
from nixgen.oci import canonical_json
from nixgen.oci.image import CONFIG_TYPE, INDEX_TYPE, MANIFEST_TYPE
from nixgen.platforms import Platform
from nixgen.registry import Registry, pull, push
from nixgen.registry.documents import DOCKER_LIST_TYPE, DOCKER_MANIFEST_TYPE, media_type_of
from nixgen.registry.errors import MalformedAnswerError
from tests.fakes.registry import FakeRegistry
from tests.layouts import read_layout
from tests.unit.registry.conftest import open_registry
from tests.unit.registry.images import LAYER_TYPE, make_config, stored

DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
UNKNOWN = {"os": "unknown", "architecture": "unknown"}


class Maker:
    """Puts images into a registry by hand."""

    def __init__(self, fake: FakeRegistry) -> None:
        self._fake = fake

    def blob(self, kind: str, data: bytes) -> dict[str, Any]:
        digest = str(Digest.of_bytes(data))
        self._fake.blobs["team/app", digest] = data
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    def manifest(self, kind: str, document: dict[str, Any], **more: Any) -> dict[str, Any]:
        # why indented: not in the form that this program writes, so that it must keep the bytes.
        data = json.dumps({"schemaVersion": 2, "mediaType": kind, **document}, indent=3).encode()
        digest = str(Digest.of_bytes(data))
        self._fake.manifests["team/app", digest] = (kind, data)
        return {"mediaType": kind, "digest": digest, "size": len(data), **more}

    def image(self, platform: Platform, *, docker: bool = True) -> dict[str, Any]:
        layer = f"layer of {platform}".encode()
        document = {
            "config": self.blob(
                DOCKER_CONFIG if docker else CONFIG_TYPE, make_config(platform, [layer])
            ),
            "layers": [self.blob(DOCKER_LAYER if docker else LAYER_TYPE, layer)],
        }
        told = {"os": platform.os, "architecture": platform.architecture}
        kind = DOCKER_MANIFEST_TYPE if docker else MANIFEST_TYPE
        return self.manifest(kind, document, platform=told)

    def tag(self, entry: dict[str, Any]) -> Digest:
        self._fake.tags["team/app", "v1"] = entry["digest"]
        return Digest.parse(entry["digest"])


def repository(fake: FakeRegistry, name: str) -> tuple[set[str], dict[str, object]]:
    """What a repository holds: the digests of blobs, manifests by their digests."""
    blobs = {digest for owner, digest in fake.blobs if owner == name}
    held = {digest: value for (owner, digest), value in fake.manifests.items() if owner == name}
    return blobs, held


@pytest.fixture
def maker(fake: FakeRegistry) -> Maker:
    return Maker(fake)


def test_an_image_of_docker_keeps_its_bytes_through_pull_and_push(
    fake: FakeRegistry, registry: Registry, maker: Maker, tmp_path: Path
) -> None:
    digest = maker.tag(maker.image(AMD64))
    assert pull(registry, tmp_path / "pulled").digest == digest
    layout = read_layout(tmp_path / "pulled")
    layout.verify_layers()
    assert [image.platform for image in layout.images] == [AMD64]
    with open_registry(fake, "other/app:v1") as other:
        assert push(stored(layout), other).digest == digest
    there, here = fake.manifests["other/app", str(digest)], fake.manifests["team/app", str(digest)]
    assert there == here
    assert there[0] == DOCKER_MANIFEST_TYPE


def test_a_list_of_docker_keeps_its_bytes_through_pull_and_push(
    fake: FakeRegistry, registry: Registry, maker: Maker, tmp_path: Path
) -> None:
    entries = [maker.image(AMD64), maker.image(ARM64)]
    digest = maker.tag(maker.manifest(DOCKER_LIST_TYPE, {"manifests": entries}))
    assert pull(registry, tmp_path / "pulled").digest == digest
    layout = read_layout(tmp_path / "pulled")
    layout.verify_layers()
    assert [image.platform for image in layout.images] == [AMD64, ARM64]
    with open_registry(fake, "other/app:v1") as other:
        assert push(stored(layout), other).digest == digest
    assert fake.manifests["other/app", str(digest)] == fake.manifests["team/app", str(digest)]


def test_one_platform_of_a_list_of_docker_can_be_pulled(
    registry: Registry, maker: Maker, tmp_path: Path
) -> None:
    entries = [maker.image(AMD64), maker.image(ARM64)]
    maker.tag(maker.manifest(DOCKER_LIST_TYPE, {"manifests": entries}))
    result = pull(registry, tmp_path / "pulled", platform=ARM64)
    assert str(result.digest) == entries[1]["digest"]
    assert [image.platform for image in read_layout(tmp_path / "pulled").images] == [ARM64]


def test_statements_of_builders_come_with_the_index_and_are_no_platforms(
    fake: FakeRegistry, registry: Registry, maker: Maker, tmp_path: Path
) -> None:
    image = maker.image(AMD64, docker=False)
    statement = {
        "config": maker.blob(CONFIG_TYPE, canonical_json({**UNKNOWN, "rootfs": {}})),
        "layers": [maker.blob("application/vnd.in-toto+json", b"{}")],
    }
    annotations = {"vnd.docker.reference.digest": image["digest"]}
    beside = maker.manifest(MANIFEST_TYPE, statement, platform=UNKNOWN, annotations=annotations)
    digest = maker.tag(maker.manifest(INDEX_TYPE, {"manifests": [image, beside]}))
    pull(registry, tmp_path / "pulled")
    layout = read_layout(tmp_path / "pulled")
    assert [image.platform for image in layout.images] == [AMD64]
    assert layout.blob(Digest.parse(beside["digest"])).is_file()
    assert layout.blob(Digest.of_bytes(b"{}")).is_file()
    with open_registry(fake, "other/app:v1") as other:
        assert push(stored(layout), other).digest == digest
    assert repository(fake, "other/app") == repository(fake, "team/app")


def test_indexes_in_indexes_are_pulled_and_pushed_to_the_bottom(
    fake: FakeRegistry, registry: Registry, maker: Maker, tmp_path: Path
) -> None:
    image, other = maker.image(AMD64, docker=False), maker.image(ARM64, docker=False)
    inner = maker.manifest(INDEX_TYPE, {"manifests": [other]})
    maker.tag(maker.manifest(INDEX_TYPE, {"manifests": [image, inner, inner]}))
    result = pull(registry, tmp_path / "pulled")
    assert result.downloaded_blobs == 4
    layout = read_layout(tmp_path / "pulled")
    assert layout.blob(Digest.parse(other["digest"])).is_file()
    with open_registry(fake, "other/app:v1") as there:
        push(stored(layout), there)
    assert repository(fake, "other/app") == repository(fake, "team/app")


def test_indexes_that_are_nested_too_deeply_are_refused(
    registry: Registry, maker: Maker, tmp_path: Path
) -> None:
    entry = maker.image(AMD64, docker=False)
    for _ in range(registry.limits.depth + 1):
        entry = maker.manifest(INDEX_TYPE, {"manifests": [entry]})
    maker.tag(entry)
    with pytest.raises(MalformedAnswerError, match="indexes in indexes"):
        pull(registry, tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


def test_an_index_may_refer_to_an_image(
    fake: FakeRegistry, registry: Registry, maker: Maker, tmp_path: Path
) -> None:
    image = maker.image(AMD64, docker=False)
    maker.tag(image)
    subject = {key: image[key] for key in ("mediaType", "digest", "size")}
    part = maker.image(ARM64, docker=False)
    index = maker.manifest(INDEX_TYPE, {"manifests": [part], "subject": subject})
    for _ in range(2):
        # why twice: the second pull goes over the layout of the first.
        result = pull(registry, tmp_path / "pulled")
        assert [str(digest) for digest in result.referrers] == [index["digest"]]
        layout = read_layout(tmp_path / "pulled")
        assert [str(entry.digest) for entry in layout.referrers] == [index["digest"]]
        assert layout.blob(Digest.parse(part["digest"])).is_file()
    with open_registry(fake, "other/app:v1") as other:
        assert push(stored(layout), other).referrers == result.referrers
    assert repository(fake, "other/app") == repository(fake, "team/app")


@pytest.mark.parametrize(
    ("document", "header", "kind"),
    [
        ({"mediaType": MANIFEST_TYPE}, MANIFEST_TYPE, MANIFEST_TYPE),
        ({"mediaType": MANIFEST_TYPE}, f"{MANIFEST_TYPE}; charset=utf-8", MANIFEST_TYPE),
        ({"mediaType": MANIFEST_TYPE}, "application/octet-stream", MANIFEST_TYPE),
        ({"mediaType": MANIFEST_TYPE}, "", MANIFEST_TYPE),
        ({}, DOCKER_MANIFEST_TYPE, DOCKER_MANIFEST_TYPE),
        ({"manifests": []}, "text/plain", INDEX_TYPE),
        ({"layers": []}, "", MANIFEST_TYPE),
    ],
)
def test_a_manifest_says_what_it_is(document: dict[str, Any], header: str, kind: str) -> None:
    data = json.dumps({"schemaVersion": 2, **document}).encode()
    assert media_type_of(data, header) == kind


@pytest.mark.parametrize(
    ("document", "header"),
    [
        ({"mediaType": MANIFEST_TYPE}, INDEX_TYPE),
        ({"mediaType": MANIFEST_TYPE}, DOCKER_MANIFEST_TYPE),
        ({"mediaType": INDEX_TYPE, "manifests": [], "layers": []}, INDEX_TYPE),
        ({"manifests": [], "config": {}}, MANIFEST_TYPE),
        ({"mediaType": "application/x"}, MANIFEST_TYPE),
        ({"mediaType": 1}, MANIFEST_TYPE),
        ({"schemaVersion": 1}, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        ({"schemaVersion": 1}, ""),
    ],
)
def test_a_manifest_that_two_readers_may_read_differently_is_refused(
    document: dict[str, Any], header: str
) -> None:
    data = json.dumps({"schemaVersion": 2, **document}).encode()
    with pytest.raises(MalformedAnswerError):
        media_type_of(data, header)
