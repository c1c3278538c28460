"""What other tools make of our images: skopeo, umoci and podman, on a synthetic store."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from nixgen.oci import (
    BuiltImage,
    Compressor,
    ImageConf,
    LayerBuilder,
    build_image,
    gzip_compressor,
    write_docker_archive,
    write_layout,
    write_oci_archive,
    zstd_compressor,
)
from nixgen.platforms import Platform
from tests.unit.oci.synthetic import SyntheticStore, hello_store

COMPRESSORS = {
    "none": None,
    "gzip": gzip_compressor("pigz"),
    "zstd": zstd_compressor("zstd"),
}


def output(*argv: str | Path) -> bytes:
    result = subprocess.run([str(part) for part in argv], capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode(errors="replace")
    return result.stdout


def static_program(folder: Path) -> bytes:
    """A program without any library: x86-64 code in an ELF file made by hand.

    It writes `hello from the image` and ends with 0.
    """
    text = b"hello from the image\n"
    code = (
        b"\xb8\x01\x00\x00\x00"  # mov eax, 1 (write)
        b"\xbf\x01\x00\x00\x00"  # mov edi, 1
        b"\x48\x8d\x35\x10\x00\x00\x00"  # lea rsi, [rip + 16]
        + b"\xba"
        + len(text).to_bytes(4, "little")  # mov edx, length
        + b"\x0f\x05"  # syscall
        b"\xb8\x3c\x00\x00\x00"  # mov eax, 60 (exit)
        b"\x31\xff"  # xor edi, edi
        b"\x0f\x05"  # syscall
    )
    base, head = 0x400000, 64 + 56
    size = head + len(code) + len(text)

    def number(value: int, width: int) -> bytes:
        return value.to_bytes(width, "little")

    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + number(2, 2) + number(62, 2) + number(1, 4)
    elf += number(base + head, 8) + number(64, 8) + number(0, 8) + number(0, 4)
    elf += number(64, 2) + number(56, 2) + number(1, 2) + number(0, 6)
    segment = number(1, 4) + number(5, 4) + number(0, 8) + number(base, 8) + number(base, 8)
    segment += number(size, 8) + number(size, 8) + number(4096, 8)
    return elf + segment + code + text


@pytest.fixture
def world(tmp_path: Path) -> tuple[SyntheticStore, ImageConf]:
    synthetic, conf = hello_store(tmp_path / "root")
    program = synthetic.add_file("runs", static_program(tmp_path), mode=0o555)
    layers = [*(list(layer) for layer in conf.store_layers), [program]]
    config: dict[str, Any] = {
        "Entrypoint": [program],
        "User": "65532:65532",
        "Env": ["PATH=/bin"],
        "WorkingDir": "/",
    }
    return synthetic, synthetic.conf(layers, conf.customisation_layer, config=config)


def build(
    world: tuple[SyntheticStore, ImageConf], work: Path, compressor: Compressor | None
) -> BuiltImage:
    synthetic, conf = world
    work.mkdir(exist_ok=True)
    return build_image(
        conf,
        store=synthetic.store,
        platform=Platform.parse("linux/amd64"),
        builder=LayerBuilder(work=work, compressor=compressor),
        annotations={"org.opencontainers.image.title": "hello"},
    )


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_skopeo_inspects_and_copies_a_layout(
    world: tuple[SyntheticStore, ImageConf], tmp_path: Path, compression: str
) -> None:
    image = build(world, tmp_path / "work", COMPRESSORS[compression])
    write_layout([image], tmp_path / "out", tags=["1.0"])
    seen = json.loads(output("skopeo", "inspect", f"oci:{tmp_path}/out:1.0"))
    assert seen["Digest"] == str(image.digest)
    assert seen["Architecture"] == "amd64"
    assert seen["Layers"] == [str(layer.digest) for layer in image.layers]
    output(
        "skopeo", "copy", "-q", "--preserve-digests",
        f"oci:{tmp_path}/out:1.0", f"oci:{tmp_path}/copy:1.0",
    )  # fmt: skip
    copied = json.loads(output("skopeo", "inspect", f"oci:{tmp_path}/copy:1.0"))
    assert copied["Digest"] == str(image.digest)


def test_skopeo_reads_both_archives(
    world: tuple[SyntheticStore, ImageConf], tmp_path: Path
) -> None:
    image = build(world, tmp_path / "work", COMPRESSORS["zstd"])
    write_oci_archive([image], tmp_path / "oci.tar", tags=["1.0"])
    write_docker_archive(image, tmp_path / "docker.tar", repo_tags=["hello:1.0"])
    seen = json.loads(output("skopeo", "inspect", f"oci-archive:{tmp_path}/oci.tar:1.0"))
    assert seen["Digest"] == str(image.digest)
    config = output(
        "skopeo", "inspect", "--config", "--raw", f"docker-archive:{tmp_path}/docker.tar"
    )
    assert hashlib.sha256(config.rstrip(b"\n")).hexdigest() == image.config_digest.hex
    output(
        "skopeo", "copy", "-q",
        f"docker-archive:{tmp_path}/docker.tar:hello:1.0", f"oci:{tmp_path}/from-docker:1",
    )  # fmt: skip


PLATFORMS = tuple(
    Platform.parse(f"linux/{name}") for name in ("amd64", "arm64", "arm/v7", "arm/v6")
)


@pytest.fixture
def index(world: tuple[SyntheticStore, ImageConf], tmp_path: Path) -> list[BuiltImage]:
    """Images of the same files for several platforms, in the layout `out` under the tag 1.0."""
    synthetic, conf = world
    layers = [list(layer) for layer in conf.store_layers]
    (tmp_path / "work").mkdir()
    images = [
        build_image(
            synthetic.conf(layers, conf.customisation_layer, architecture=platform.architecture),
            store=synthetic.store,
            platform=platform,
            builder=LayerBuilder(work=tmp_path / "work", compressor=COMPRESSORS["gzip"]),
        )
        for platform in PLATFORMS
    ]
    write_layout(images, tmp_path / "out", tags=["1.0"])
    return images


def override(platform: Platform) -> list[str]:
    variant = [f"--override-variant={platform.variant}"] if platform.variant else []
    return [f"--override-arch={platform.architecture}", *variant]


def test_skopeo_chooses_from_an_index(index: list[BuiltImage], tmp_path: Path) -> None:
    for image in index:
        seen = output(
            "skopeo", *override(image.platform),
            "inspect", "--config", "--raw", f"oci:{tmp_path}/out:1.0",
        )  # fmt: skip
        assert seen.rstrip(b"\n") == image.config


def test_skopeo_copies_an_index_whole_and_by_platform(
    index: list[BuiltImage], tmp_path: Path
) -> None:
    source = f"oci:{tmp_path}/out:1.0"
    raw = output("skopeo", "inspect", "--raw", source)
    whole = f"oci:{tmp_path}/whole:1.0"
    output("skopeo", "copy", "-q", "--all", "--preserve-digests", source, whole)
    assert output("skopeo", "inspect", "--raw", whole) == raw
    layers = {layer.digest for image in index for layer in image.layers}
    blobs = list((tmp_path / "whole" / "blobs" / "sha256").iterdir())
    assert len(blobs) == 1 + 2 * len(index) + len(layers)
    assert len(layers) == len(index[0].layers)
    for number, image in enumerate(index):
        one = f"oci:{tmp_path}/{number}:1.0"
        choice = override(image.platform)
        output("skopeo", *choice, "copy", "-q", "--preserve-digests", source, one)
        assert output("skopeo", *choice, "inspect", "--raw", one) == image.manifest


def test_podman_chooses_from_an_index(index: list[BuiltImage], tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(
        prefix="podman-", dir="/tmp", ignore_cleanup_errors=True
    ) as state:
        podman = ["podman", "--root", f"{state}/storage", "--runroot", f"{state}/run"]
        podman += ["--storage-driver", "vfs"]
        for image in index:
            variant = [f"--variant={image.platform.variant}"] if image.platform.variant else []
            choice = [f"--arch={image.platform.architecture}", *variant]
            pulled = output(*podman, "pull", "-q", *choice, f"oci:{tmp_path}/out:1.0")
            assert pulled.decode().strip() == image.config_digest.hex


# why: umoci of Debian 12 and 13 knows no zstd layers.
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_umoci_unpacks_a_layout(
    world: tuple[SyntheticStore, ImageConf], tmp_path: Path, compression: str
) -> None:
    synthetic, conf = world
    image = build(world, tmp_path / "work", COMPRESSORS[compression])
    write_layout([image], tmp_path / "out", tags=["1.0"])
    output("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/out:1.0", tmp_path / "bundle")
    rootfs = tmp_path / "bundle" / "rootfs"
    assert (rootfs / "bin" / "hello").read_bytes() == b"hello"
    for path in conf.store_paths:
        assert (rootfs / path.lstrip("/")).exists()
    program = conf.store_layers[1][0].lstrip("/")
    assert (rootfs / program / "bin" / "hi").readlink() == Path("hello")
    assert synthetic.place(conf.store_layers[2][0]).stat().st_mode & 0o777 == 0o555


@pytest.mark.parametrize("form", ["oci:none", "oci:gzip", "oci:zstd", "docker-archive:zstd"])
def test_podman_runs_the_image_as_an_ordinary_user(
    world: tuple[SyntheticStore, ImageConf], tmp_path: Path, form: str
) -> None:
    kind, compression = form.split(":")
    image = build(world, tmp_path / "work", COMPRESSORS[compression])
    if kind == "oci":
        write_layout([image], tmp_path / "out", tags=["1.0"])
        source = f"oci:{tmp_path}/out:1.0"
    else:
        write_docker_archive(image, tmp_path / "out", repo_tags=["localhost/hello:1.0"])
        source = f"docker-archive:{tmp_path}/out"
    # why: podman takes no --runroot longer than 50 characters, and newer ones still tidy up in it
    # when they have ended.
    with tempfile.TemporaryDirectory(
        prefix="podman-", dir="/tmp", ignore_cleanup_errors=True
    ) as state:
        seen = output(
            "podman", "--root", f"{state}/storage", "--runroot", f"{state}/run",
            "--storage-driver", "vfs", "--runtime", "runc", "run", "--rm", "--network=none",
            "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--read-only",
            "--cap-drop=all", "--security-opt", "no-new-privileges", source,
        )  # fmt: skip
    assert seen == b"hello from the image\n"
