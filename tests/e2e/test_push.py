"""From a description to a registry and back, against a real registry on this machine."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import BuildExample, Cli

_CONFIG = """
version: 0.1
log: {{ level: error }}
storage: {{ filesystem: {{ rootdirectory: {folder} }} }}
http: {{ addr: 127.0.0.1:{port} }}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host and port of an empty registry."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "config.yml"
    config.write_text(_CONFIG.format(folder=folder / "data", port=port))
    server = subprocess.Popen(
        ["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def test_an_image_is_pushed_once_and_comes_back_the_same(
    build_example: BuildExample, cli: Cli, registry: str, tmp_path: Path
) -> None:
    built = build_example("http-c")
    arguments = ("image", built.project, "-o", tmp_path / "i.oci", "--json", "-q")
    first = cli(*arguments, "--push", f"{registry}/team/http-c")
    assert first.exit_code == 0, first.stderr
    (pushed,) = first.document["pushed"]
    assert pushed["digest"] == built.digest
    assert pushed["tags"] == ["1.0.0"]
    assert pushed["uploaded_blobs"] > 0
    again = cli(*arguments, "--push", f"{registry}/team/http-c:next")
    (pushed,) = again.document["pushed"]
    assert (pushed["uploaded_blobs"], pushed["tags"]) == (0, ["next"])
    pulled = cli("pull", f"{registry}/team/http-c:next", "-o", tmp_path / "back.oci", "--json")
    assert pulled.exit_code == 0, pulled.stderr
    assert pulled.document["digest"] == built.digest
    shown = subprocess.run(
        [
            *("skopeo", "inspect", "--tls-verify=false"),
            f"docker://{registry}/team/http-c:1.0.0",
        ],
        check=True,
        capture_output=True,
    )
    assert json.loads(shown.stdout)["Digest"] == built.digest


def test_a_malformed_reference_is_refused_before_anything_is_built(
    build_example: BuildExample, cli: Cli, tmp_path: Path
) -> None:
    project = build_example("http-c").project
    done = cli("image", project, "-o", tmp_path / "i.oci", "--push", "host/UPPER:tag")
    assert done.exit_code == 2
    assert "UPPER" in done.stderr
    assert not (tmp_path / "i.oci").exists()


def test_an_archive_is_not_pushed(build_example: BuildExample, cli: Cli, tmp_path: Path) -> None:
    project = build_example("http-c").project
    archive = tmp_path / "i.tar"
    done = cli("image", project, "-f", "oci-archive", "-o", archive, "--push", "127.0.0.1:1/a")
    assert done.exit_code == 2
    assert not archive.exists()


def test_a_registry_that_is_not_there_is_a_network_error_after_the_image_is_written(
    build_example: BuildExample, cli: Cli, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
        done = cli(
            "image",
            build_example("http-c").project,
            "-o",
            tmp_path / "i.oci",
            "--push",
            f"{host}/a",
        )
    assert done.exit_code == 5
    assert host in done.stderr
    assert (tmp_path / "i.oci" / "index.json").exists()


def test_an_image_that_is_not_in_the_registry_is_named(
    cli: Cli, registry: str, tmp_path: Path
) -> None:
    done = cli("pull", f"{registry}/nobody/nothing:1", "-o", tmp_path / "x.oci")
    assert done.exit_code == 5
    assert "nobody/nothing" in done.stderr
    assert not (tmp_path / "x.oci").exists()
