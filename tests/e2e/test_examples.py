"""Each example, built and then run from its image's own files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nixgen import runtime
from nixgen.oci import StoreRoot, read_conf
from nixgen.pipeline.state import State
from nixgen.platforms import Platform
from nixgen.runtime import RunnableImage
from tests.e2e.conftest import EXAMPLES, BuildExample, Built, Cli

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


@pytest.mark.parametrize("minimise", ["safe", "tight"])
@pytest.mark.parametrize(
    "example", sorted(path.parent.name for path in EXAMPLES.glob("*/app.toml"))
)
def test_every_example_passes_its_tests_on_amd64_and_arm64(
    build_example: BuildExample, cli: Cli, tmp_path: Path, example: str, minimise: str
) -> None:
    """Where this machine is of the other architecture, that image runs under qemu-user."""
    project = build_example(example).project
    if minimise != "safe":
        project = _minimised(project, tmp_path / example, minimise)
    platforms = ("linux/amd64", "linux/arm64")
    options = ("--runner", "bwrap", "--platform", ",".join(platforms))
    done = cli("test", project, "-q", "--json", *options)
    assert done.exit_code == 0, done.stdout
    tests = done.document["tests"]
    assert {one["platform"] for one in tests} == set(platforms)
    for platform in platforms:
        assert [one for one in tests if one["platform"] == platform and one["runner"]]
    assert {one["verdict"] for one in tests} == {"passed"}


def _minimised(project: Path, copy: Path, mode: str) -> Path:
    """A copy of a project that says how much is left out."""
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("*.oci", "nixgen.lock"))
    place = copy / "app.toml"
    text = place.read_text()
    assert "[closure]" not in text
    place.write_text(f'{text}\n[closure]\nminimise = "{mode}"\n')
    return copy


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
