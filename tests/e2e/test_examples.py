"""Each example, built and then run from its image's own files."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nixgen import runtime
from nixgen.oci import StoreRoot, read_conf
from nixgen.pipeline.state import State
from nixgen.platforms import Platform
from nixgen.runtime import RunnableImage
from tests.e2e.conftest import BuildExample, Built, Cli

_TIMEOUT_S = 60.0
_OUTPUT_BYTES = 1 << 20


def _runnable(built: Built, cli: Cli) -> RunnableImage:
    """The image as built: the conf that it was written from is in its build record."""
    import os

    record = State.of_user(os.environ).record(built.project / "app.toml", None)
    platform = built.image["platform"]
    conf = Path(record["derivations"][platform]["output"])
    store = StoreRoot()
    return RunnableImage(
        layout=built.layout,
        tag=built.document["tag"],
        platform=Platform.parse(platform),
        conf=read_conf(conf, store=store),
        store=store,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _get(port: int, path: str) -> tuple[int, bytes]:
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        finally:
            connection.close()


@contextmanager
def _serving(image: RunnableImage, argv: list[str]) -> Iterator[runtime.Running]:
    runner = runtime.choose_runner("bwrap", image.platform)
    with runtime.start(image, runner, argv) as running:
        yield running


def _capture(image: RunnableImage, runner: str, argv: list[str] | None = None, **more: object):
    return runtime.capture(
        image,
        runtime.choose_runner(runner, image.platform),
        argv,
        timeout_s=_TIMEOUT_S,
        max_output_bytes=_OUTPUT_BYTES,
        **more,
    )


@pytest.mark.parametrize("runner", ["podman", "bwrap", "unshare"])
def test_http_c_runs_by_every_runner(build_example: BuildExample, cli: Cli, runner: str) -> None:
    image = _runnable(build_example("http-c"), cli)
    done = _capture(image, runner, ["http-c", "--version"])
    assert (done.exit_code, done.stdout) == (0, b"http-c 1.0.0\n")


def test_http_c_answers_as_a_user_without_rights(build_example: BuildExample, cli: Cli) -> None:
    image = _runnable(build_example("http-c"), cli)
    port = _free_port()
    with _serving(image, ["http-c", "--port", str(port)]):
        assert _get(port, "/") == (200, b"hello from x86_64, user 65532\n")
        assert _get(port, "/healthz") == (200, b"ok\n")
        assert _get(port, "/nothing")[0] == 404


def test_http_c_is_small_and_brings_no_shell(build_example: BuildExample) -> None:
    built = build_example("http-c")
    paths = {
        path.partition("-")[2]: layer["unpacked_bytes"]
        for layer in built.image["layers"]
        for path in layer["store_paths"]
    }
    certificates = sum(size for name, size in paths.items() if name.startswith("cacert"))
    total = sum(layer["unpacked_bytes"] for layer in built.image["layers"])
    assert total - certificates < 200_000
    assert not [name for name in paths if name.startswith(("busybox", "bash"))]


def test_site_serves_its_files(build_example: BuildExample, cli: Cli) -> None:
    image = _runnable(build_example("site"), cli)
    port = _free_port()
    with _serving(image, ["busybox", "httpd", "-f", "-p", str(port), "-h", "/srv/site"]):
        status, body = _get(port, "/")
        assert status == 200
        assert b"<h1>It works</h1>" in body
        assert _get(port, "/style.css")[0] == 200
        assert _get(port, "/../etc/passwd")[0] in (400, 403, 404)


def test_notes_are_kept_in_the_database(build_example: BuildExample, cli: Cli) -> None:
    image = _runnable(build_example("sqlite-lua"), cli)
    script = "/share/notes/notes.lua"
    env = {"NOTES_DB": "/tmp/notes.db"}
    done = _capture(image, "bwrap", ["notes", script, "add", "it's", "ünïque"], env=env)
    assert (done.exit_code, done.stdout) == (0, b"1 notes\n")
    listed = _capture(image, "bwrap", ["notes", script, "list"])
    assert listed.exit_code == 0, listed.stderr
    unknown = _capture(image, "bwrap", ["notes", script, "burn"])
    assert unknown.exit_code == 1
    assert b"unknown command: burn" in unknown.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), b"Hello, world from amd64 (log warn)\n"),
        (("--var", "audience=tests"), b"Hello, tests from amd64 (log warn)\n"),
    ],
)
def test_profiles_example_says_what_it_was_told(
    build_example: BuildExample, cli: Cli, options: tuple[str, ...], said: bytes
) -> None:
    built = build_example("profiles", "--platform", "linux/amd64", *options)
    done = _capture(_runnable(built, cli), "bwrap")
    assert (done.exit_code, done.stdout) == (0, said)


def test_the_debug_profile_runs_from_the_command_line(
    cli: Cli, build_example: BuildExample
) -> None:
    project = build_example("profiles", "--platform", "linux/amd64").project
    done = cli("run", project, "--profile", "debug", "--runner", "bwrap", "-q")
    assert (done.exit_code, done.stdout) == (0, "Hello, developer from amd64 (log debug)\n")


@pytest.mark.parametrize("runner", ["podman", "bwrap"])
def test_an_arm64_image_runs_and_says_so(
    build_example: BuildExample, cli: Cli, runner: str
) -> None:
    built = build_example("profiles", "--platform", "linux/arm64")
    done = _capture(_runnable(built, cli), runner)
    assert (done.exit_code, done.stdout) == (
        0,
        b"Hello, world from arm64 (log warn)\nboard: arm\n",
    ), done.stderr


def test_run_passes_arguments_and_the_exit_code_on(cli: Cli, build_example: BuildExample) -> None:
    project = build_example("sqlite-lua").project
    done = cli("run", project, "-q", "--runner", "bwrap", "--", "burn")
    assert done.exit_code == 1
    assert "unknown command: burn" in done.stderr
