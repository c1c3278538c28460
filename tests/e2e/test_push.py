"""From a description to a registry and back, against a real registry on this machine."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import BuildExample, Cli


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


def test_an_archive_is_pushed_under_every_tag(
    build_example: BuildExample, cli: Cli, registry: str, tmp_path: Path
) -> None:
    built = build_example("http-c")
    done = cli(
        *("image", built.project, "-f", "oci-archive", "-o", tmp_path / "i.tar"),
        *("--tag", "1.0", "--tag", "latest", "--push", f"{registry}/team/archive", "--json"),
    )
    assert done.exit_code == 0, done.stderr
    (pushed,) = done.document["pushed"]
    assert (pushed["tags"], pushed["digest"]) == (["1.0", "latest"], built.digest)
    assert done.document["tags"] == ["1.0", "latest"]
    for tag in ("1.0", "latest"):
        seen = cli("inspect", f"{registry}/team/archive:{tag}", "--json")
        assert seen.document["digest"] == built.digest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-f", "docker-archive", "--push", "127.0.0.1:1/a"), "has no manifest"),
        (("--push", f"127.0.0.1:1/a@sha256:{'0' * 64}"), "the digest that its bytes have"),
        (("--engine", "podman"), "--engine without --load"),
    ],
)
def test_a_sink_that_can_not_be_is_refused_before_anything_is_built(
    build_example: BuildExample,
    cli: Cli,
    tmp_path: Path,
    options: tuple[str, ...],
    message: str,
) -> None:
    done = cli("image", build_example("http-c").project, "-o", tmp_path / "i", *options)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not (tmp_path / "i").exists()


def test_an_image_is_loaded_into_podman_with_its_digest(
    build_example: BuildExample, cli: Cli, tmp_path: Path
) -> None:
    built = build_example("http-c")
    tags = [f"load-{secrets.token_hex(4)}", f"load-{secrets.token_hex(4)}"]
    done = cli(
        *("image", built.project, "-o", tmp_path / "i.oci", "--json", "-q"),
        *("--load", "--engine", "podman", "--tag", tags[0], "--tag", tags[1]),
    )
    assert done.exit_code == 0, done.stderr
    loaded = done.document["loaded"]
    names = [f"localhost/{done.document['name']}:{tag}" for tag in tags]
    try:
        assert loaded["names"] == names
        assert loaded["digest"] == built.digest
        for name in names:
            shown = subprocess.run(
                ["podman", "image", "inspect", "--format", "{{.Digest}} {{.Id}}", name],
                check=True,
                capture_output=True,
                text=True,
            )
            digest, image_id = shown.stdout.split()
            assert (digest, f"sha256:{image_id}") == (built.digest, loaded["image_id"])
    finally:
        subprocess.run(["podman", "rmi", *names], check=False, capture_output=True)


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
