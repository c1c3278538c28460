"""Images of every form to and from Debian's registry, by nixgen and by skopeo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.oci import (
    BuiltImage,
    LayerBuilder,
    build_image,
    gzip_compressor,
    write_docker_archive,
    write_layout,
    write_oci_archive,
)
from nixgen.pipeline.copying import copy, open_image
from nixgen.pipeline.publish import RegistryAccess
from nixgen.platforms import Platform
from tests.integration.test_registry import run_registry, skopeo
from tests.unit.oci.synthetic import hello_store

ACCESS = RegistryAccess(environ={})
FORMS = ("oci", "oci-archive", "docker-archive")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from run_registry(tmp_path_factory.mktemp("registry"), htpasswd=False)


@pytest.fixture
def image(tmp_path: Path) -> BuiltImage:
    synthetic, conf = hello_store(tmp_path / "root")
    (tmp_path / "work").mkdir()
    return build_image(
        conf,
        store=synthetic.store,
        platform=Platform.parse("linux/amd64"),
        builder=LayerBuilder(work=tmp_path / "work", compressor=gzip_compressor("pigz")),
    )


def write(image: BuiltImage, form: str, place: Path) -> str:
    """Write the image; what skopeo calls it."""
    if form == "oci":
        write_layout([image], place, tags=["1.0"])
    elif form == "oci-archive":
        write_oci_archive([image], place, tags=["1.0"])
    else:
        write_docker_archive(image, place, repo_tags=["hello:1.0"])
        return f"docker-archive:{place}"
    return f"{form}:{place}:1.0"


def config_digest(name: str) -> Digest:
    with open_image(name, ACCESS) as source:
        return source.images[0].config_digest


@pytest.mark.parametrize("form", FORMS)
def test_what_skopeo_brings_to_a_registry_is_what_comes_from_it(
    host: str, image: BuiltImage, tmp_path: Path, form: str
) -> None:
    written = write(image, form, tmp_path / "written")
    name = f"{host}/skopeo/{form}:1.0"
    keep = () if form == "docker-archive" else ("--preserve-digests",)
    skopeo("copy", *keep, "--dest-tls-verify=false", written, f"docker://{name}")
    # why: skopeo gives a config of its own to nothing but what has no manifest.
    assert config_digest(name) == image.config_digest
    back = tmp_path / "back.oci"
    outcome = copy(name, str(back), ACCESS)
    if keep:
        assert outcome.digest == image.digest


@pytest.mark.parametrize("form", FORMS)
def test_what_comes_from_a_registry_is_what_skopeo_reads(
    host: str, image: BuiltImage, tmp_path: Path, form: str
) -> None:
    write_layout([image], tmp_path / "layout", tags=["1.0"])
    name = f"{host}/nixgen/{form}"
    pushed = copy(str(tmp_path / "layout"), name, ACCESS)
    assert (pushed.digest, pushed.tags) == (image.digest, ("1.0",))
    raw = skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{name}:1.0")
    assert raw == image.manifest
    place = tmp_path / "copy"
    copy(f"{name}:1.0", f"{form}:{place}", ACCESS)
    shown = f"docker-archive:{place}" if form == "docker-archive" else f"{form}:{place}:1.0"
    config = skopeo("inspect", "--raw", "--config", shown)
    assert Digest.of_bytes(config) == image.config_digest
    layers = json.loads(skopeo("inspect", shown))["Layers"]
    assert len(layers) == len(image.layers)


def test_a_repository_takes_blobs_over_from_another(
    host: str, image: BuiltImage, tmp_path: Path
) -> None:
    write_layout([image], tmp_path / "layout", tags=["1.0"])
    copy(str(tmp_path / "layout"), f"{host}/mount/one", ACCESS)
    outcome = copy(f"{host}/mount/one:1.0", f"{host}/mount/two:2", ACCESS)
    assert outcome.details["mounted_blobs"] == len(image.layers) + 1
    assert outcome.details["uploaded_bytes"] == 0
    assert skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{host}/mount/two:2") == (
        image.manifest
    )
