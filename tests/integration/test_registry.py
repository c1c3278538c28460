"""Debian's registry on this machine, and what skopeo makes of what is pushed there."""

from __future__ import annotations

import base64
import json
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.oci import (
    LayerBuilder,
    build_image,
    gzip_compressor,
    write_layout,
)
from nixgen.oci.opening import open_stored
from nixgen.platforms import Platform
from nixgen.registry import (
    Blob,
    Credentials,
    ImageReference,
    Limits,
    Registry,
    list_referrers,
    pull,
    push,
    put_referrer,
    send_blob,
)
from nixgen.registry.documents import DOCKER_LIST_TYPE
from nixgen.registry.errors import CredentialsError
from tests.e2e.conftest import run_cli
from tests.fakes.flaky import flaky_network
from tests.layouts import read_layout
from tests.unit.oci.bases import HandMade
from tests.unit.oci.synthetic import hello_store
from tests.unit.registry.images import EMPTY, make_layout, make_referrer, stored

BOTH = ("linux/amd64", "linux/arm64")
# The password is "open sesame"; by bcrypt, the only form that the registry takes.
HTPASSWD = "alice:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "the registry has ended"
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the registry does not listen")


def run_registry(folder: Path, *, htpasswd: bool) -> Iterator[str]:
    port = free_port()
    config = {
        "version": "0.1",
        "log": {"accesslog": {"disabled": True}, "level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if htpasswd:
        (folder / "htpasswd").write_text(HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "here", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(config))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log
        )
        try:
            wait_until_open(port, process)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from run_registry(tmp_path_factory.mktemp("registry"), htpasswd=False)


@pytest.fixture(scope="module")
def closed_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from run_registry(tmp_path_factory.mktemp("closed-registry"), htpasswd=True)


def open_registry(name: str, **options: object) -> Registry:
    return Registry(ImageReference.parse(name), **options)  # type: ignore[arg-type]


def skopeo(*argv: str | Path) -> bytes:
    result = subprocess.run(
        ["skopeo", "--insecure-policy", *(str(part) for part in argv)],
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode(errors="replace")
    return result.stdout


def test_skopeo_gets_the_image_that_was_pushed_bit_for_bit(host: str, tmp_path: Path) -> None:
    layout = make_layout(tmp_path, platforms=BOTH)
    with open_registry(f"{host}/skopeo/app:v1") as registry:
        assert push(stored(layout), registry).digest == layout.digest
    copy = tmp_path / "copy.oci"
    source = f"docker://{host}/skopeo/app:v1"
    # why --preserve-digests: skopeo compresses plain layers otherwise.
    options = ("--all", "--preserve-digests", "--src-tls-verify=false")
    skopeo("copy", *options, source, f"oci:{copy}:v1")
    copied = read_layout(copy)
    copied.verify_layers()
    assert copied.digest == layout.digest
    assert copied.images == layout.images


def test_what_skopeo_pushed_is_pulled_bit_for_bit(host: str, tmp_path: Path) -> None:
    layout = make_layout(tmp_path, platforms=BOTH)
    target = f"docker://{host}/from-skopeo/app:v1"
    skopeo("copy", "--all", "--dest-tls-verify=false", f"oci:{layout.path}:v1", target)
    with open_registry(f"{host}/from-skopeo/app:v1") as registry:
        assert pull(registry, tmp_path / "pulled").digest == layout.digest
        assert registry.list_tags() == ("v1",)
    pulled = read_layout(tmp_path / "pulled")
    pulled.verify_layers()
    assert pulled.images == layout.images


def test_an_image_of_docker_is_pulled_and_pushed_bit_for_bit(host: str, tmp_path: Path) -> None:
    layout = make_layout(tmp_path, platforms=BOTH)
    name = f"docker://{host}/docker/app:v1"
    options = ("--all", "--format", "v2s2", "--dest-tls-verify=false")
    skopeo("copy", *options, f"oci:{layout.path}:v1", name)
    with open_registry(f"{host}/docker/app:v1") as registry:
        digest = pull(registry, tmp_path / "pulled").digest
    pulled = read_layout(tmp_path / "pulled")
    pulled.verify_layers()
    assert [str(image.platform) for image in pulled.images] == list(BOTH)
    with open_registry(f"{host}/docker/copy:v1") as registry:
        assert push(stored(pulled), registry).digest == digest
    raw = ("inspect", "--raw", "--tls-verify=false")
    document = skopeo(*raw, name)
    assert document == skopeo(*raw, f"docker://{host}/docker/copy:v1")
    assert json.loads(document)["mediaType"] == DOCKER_LIST_TYPE


def test_an_image_gets_there_and_back_through_a_network_that_breaks(
    host: str, tmp_path: Path
) -> None:
    layers = tuple(random.Random(number).randbytes(1_500_000) for number in range(3))
    layout = make_layout(tmp_path / "made", layers=layers)
    limits = Limits(chunk_bytes=500_000, tries=12, back_off_s=0.01, least_bytes=1000)
    for step in ("push", "pull"):
        with flaky_network(host, after_bytes=200_000, breaks=8) as network:
            with open_registry(f"{network.host}/flaky/app:v1", limits=limits) as registry:
                if step == "push":
                    push(stored(layout), registry)
                else:
                    pull(registry, tmp_path / "pulled")
            assert network.broken == 8
    pulled = read_layout(tmp_path / "pulled")
    pulled.verify_layers()
    assert pulled.images == layout.images


def test_an_image_of_the_writer_gets_there_and_back(host: str, tmp_path: Path) -> None:
    synthetic, conf = hello_store(tmp_path / "root")
    image = build_image(
        conf,
        store=synthetic.store,
        platform=Platform.parse("linux/amd64"),
        builder=LayerBuilder(work=tmp_path, compressor=gzip_compressor("pigz")),
    )
    written = write_layout([image], tmp_path / "written", tags=["v1"])
    with open_registry(f"{host}/writer/app:v1") as registry:
        pushed = push(open_stored(written.path), registry, tags=["v1", "latest"])
        pulled = pull(registry, tmp_path / "pulled")
    assert pushed.digest == pulled.digest == written.digest
    pulled_layout, written_layout = read_layout(pulled.path), read_layout(written.path)
    pulled_layout.verify_layers()
    assert pulled_layout.images == written_layout.images


def test_chunks_mounts_and_a_second_push(host: str, tmp_path: Path) -> None:
    layout = make_layout(tmp_path, layers=(bytes(range(256)) * 400,))
    limits = Limits(chunk_bytes=30_000)
    with open_registry(f"{host}/chunks/app:v1", limits=limits) as registry:
        assert push(stored(layout), registry).uploaded_blobs == 3
        assert push(stored(layout), registry).uploaded_bytes == 0
    with open_registry(f"{host}/chunks/other:v1", limits=limits) as registry:
        assert push(stored(layout), registry, mount_from=["chunks/app"]).mounted_blobs == 3


def test_referrers_are_kept_under_a_tag_where_the_registry_has_no_list(
    host: str, tmp_path: Path
) -> None:
    layout = make_layout(tmp_path, refer=True)
    with open_registry(f"{host}/referrers/app:v1") as registry:
        push(stored(layout), registry)
        send_blob(
            registry, Blob(digest=Digest.of_bytes(EMPTY), size_bytes=len(EMPTY), content=EMPTY)
        )
        subject = registry.get_manifest(layout.digest).descriptor
        other = make_referrer(subject, "application/x.other")
        put_referrer(registry, other)
        signature = make_referrer(other.descriptor, "application/x.signature")
        put_referrer(registry, signature)
        found = list_referrers(registry, layout.digest)
        pulled = pull(registry, tmp_path / "pulled")
    kinds = sorted(entry.artifact_type or "" for entry in found)
    assert kinds == ["application/x.other", "application/x.test"]
    assert {(entry.annotations or {})["made-by"] for entry in found} == {"test"}
    assert pulled.referrers == (*(entry.digest for entry in found), signature.digest)
    assert {entry.digest for entry in read_layout(tmp_path / "pulled").referrers} == set(
        pulled.referrers
    )


def test_a_login_of_docker_opens_a_closed_registry(closed_host: str, tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "made")
    name = f"{closed_host}/team/app:v1"
    with open_registry(name) as registry, pytest.raises(CredentialsError, match="wants a login"):
        push(stored(layout), registry)
    for password, opens in (("wrong", False), ("open sesame", True)):
        auth = base64.b64encode(f"alice:{password}".encode()).decode()
        document = {"auths": {closed_host: {"auth": auth}}}
        (tmp_path / "config.json").write_text(json.dumps(document))
        known = Credentials.of_environment({"DOCKER_CONFIG": str(tmp_path)})
        with open_registry(name, credentials=known) as registry:
            if opens:
                assert push(stored(layout), registry).digest == layout.digest
            else:
                with pytest.raises(CredentialsError, match="were refused"):
                    push(stored(layout), registry)

                    push(layout, registry)


def test_a_base_image_is_pinned_from_a_registry(host: str, tmp_path: Path) -> None:
    base = HandMade(packing="gzip")
    base.write_layout(tmp_path / "base")
    target = f"{host}/bases/debian:1"
    skopeo("copy", "--dest-tls-verify=false", f"oci:{tmp_path / 'base'}:1", f"docker://{target}")
    (tmp_path / "app.toml").write_text(f'[app]\nname = "x"\n[image]\nfrom = "{target}"\n')
    own = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert run_cli("lock", tmp_path, **own).exit_code == 0
    pins = json.loads((tmp_path / "nixgen.lock").read_text())["bases"][target]
    (digest,) = {pin["manifest"] for pin in pins.values()}
    for options in ((), ("--locked",)):
        shown = run_cli("plan", tmp_path, "--static", "--json", *options, **own)
        assert shown.exit_code == 0, shown.stderr
        (image,) = shown.document["images"]
        assert image["base"]["digest"] == digest
        assert image["base"]["links"] == [["/bin", "/usr/bin"]]
        # why: the second time there is nothing to ask for.
        own |= {"NIXGEN_OFFLINE": "1"}
