"""Images for other platforms: what gets into them, how they are made, and who can take them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from nixgen.elf import parse_header
from nixgen.platforms import Platform
from nixgen.runtime.foreign import BINFMT
from tests.e2e.conftest import Cli, Outcome, error_of
from tests.nix.sets import make_stand_in

_BOTH = "linux/amd64,linux/arm64"
_SCRIPT = """{ pkgs, ... }:
pkgs.runCommand "script" { } ''
  mkdir -p "$out/bin"
  printf '#!%s/bin/sh\\necho hello\\n' ${pkgs.buildPackages.bash} > "$out/bin/hello"
  chmod 755 "$out/bin/hello"
''
"""


def _project(folder: Path, image: str = "", build: str = "", **files: str | bytes) -> Path:
    """A project called `app` of an image table and files; gives its folder."""
    project = folder / "app"
    project.mkdir()
    (project / "app.toml").write_text(
        f'[app]\nname = "app"\n{build}\n[image]\nca-certificates = false\n{image}\n'
    )
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (project / name.replace("_", ".")).write_bytes(data)
    return project


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")


def _read(layout: Path, digest: str) -> Any:
    return json.loads(_blob(layout, digest).read_bytes())


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script whose interpreter is the build machine's, for 64-bit ARM."""
    return _project(
        tmp_path,
        'platforms = ["linux/arm64"]',
        '[build]\nkind = "nix"',
        default_nix=_SCRIPT,
    )


def test_a_program_of_the_build_machine_is_refused_with_who_refers_to_it(
    cli: Cli, script: Path, tmp_path: Path
) -> None:
    layout = tmp_path / "image.oci"
    for _ in ("found", "remembered"):
        outcome = cli("image", script, "-o", layout, "--json", "-q")
        assert outcome.exit_code == 4
        error = error_of(outcome)
        assert error["kind"] == "foreign-program"
        (problem,) = error["problems"]
        program = Path(problem["file"])
        assert parse_header(program.read_bytes()) == Platform.parse("linux/amd64").facts.elf
        assert "is for x86-64" in problem["message"]
        assert "linux/arm64 takes AArch64" in problem["message"]
        first, last = problem["message"].splitlines()[1:]
        assert first.endswith("-script")
        assert last.split()[-1] == str(program.parents[1])
        assert "foreign-binaries" in error["hint"]
        assert not layout.exists()
    name = program.parents[1].name.partition("-")[2]
    description = script / "app.toml"
    description.write_text(f'{description.read_text()}\nforeign-binaries = ["{name}/bin"]\n')
    outcome = cli("image", script, "-o", layout, "--json", "-q")
    assert outcome.exit_code == 0, outcome.stderr


def test_a_binary_for_another_platform_among_the_files_is_told_before_anything_is_built(
    cli: Cli, tmp_path: Path
) -> None:
    program = Platform.parse("linux/amd64").facts.elf.header() + bytes(40)
    files = 'files = [{ path = "/bin/tool", source = "tool" }]'
    platforms = 'platforms = ["linux/amd64", "linux/arm64", "linux/riscv64"]'
    project = _project(tmp_path, f"{files}\n{platforms}", tool=program)
    for command in ("check", "plan"):
        outcome = cli(command, project, "--json")
        assert outcome.exit_code == 2
        problems = error_of(outcome)["problems"]
        assert {problem["key"] for problem in problems} == {"image.files[0].source"}
        assert {problem["line"] for problem in problems} == {6}
        assert "linux/arm64 takes AArch64" in problems[0]["message"]


_GREETER = """#include <stdio.h>
#ifndef BOARD
#define BOARD "no board"
#endif
int main(void) { puts("built for " BOARD); return 0; }
"""
_OVERRIDES = """compression = "none"
contents = ["cacert"]
env = { COMMON = "1", BOARD = "none" }
files = [{ path = "/etc/board", text = "none" }]
[platform."linux/arm64".build]
cflags = { append = ["-DBOARD=\\"arm board\\""] }
[platform."linux/arm64".image]
contents = { append = ["tzdata"] }
env = { BOARD = "arm" }
files = { append = [{ path = "/etc/arm", text = "arm" }] }
"""


def test_a_platforms_own_table_reaches_contents_env_files_and_build_flags(
    cli: Cli, tmp_path: Path
) -> None:
    build = '[build]\nkind = "c"\n'
    project = _project(tmp_path, _OVERRIDES, build, main_c=_GREETER)
    layout = tmp_path / "image.oci"
    outcome = cli("image", project, "--platform", _BOTH, "-o", layout, "--json", "-q")
    assert outcome.exit_code == 0, outcome.stderr
    found = {}
    for image in outcome.document["platforms"]:
        env = _read(layout, image["config_digest"])["config"]["Env"]
        paths = [path for layer in image["layers"][:-1] for path in layer["store_paths"]]
        names = {Path(path).name.partition("-")[2].partition("-")[0] for path in paths}
        (app,) = (Path(path) for path in paths if "-app" in path)
        with tarfile.open(_blob(layout, image["layers"][-1]["digest"])) as own:
            files = {name for name in own.getnames() if name in ("./etc/board", "./etc/arm")}
        board = next(each for each in env if each.startswith("BOARD="))
        program = (app / "bin" / "app").read_bytes()
        flagged = b"arm board" in program, b"no board" in program
        found[image["platform"]] = (names - {"app"}, board, files, flagged, "COMMON=1" in env)
    assert found == {
        "linux/amd64": ({"cacert"}, "BOARD=none", {"./etc/board"}, (False, True), True),
        "linux/arm64": (
            {"cacert", "tzdata"},
            "BOARD=arm",
            {"./etc/board", "./etc/arm"},
            (True, False),
            True,
        ),
    }


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, str]:
    """An environment in which every call of Nix is written to the file `calls`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("nix", "nix-store"):
        place = folder / name
        place.write_text(
            f'#!/bin/sh\nprintf "%s\\0" {name} "$@" "" >> {tmp_path / "calls"}\n'
            f'exec {shutil.which(name)} "$@"\n'
        )
        place.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def _calls(tmp_path: Path) -> list[list[str]]:
    """The calls of Nix, each as its words."""
    text = (tmp_path / "calls").read_text()
    return [call.split("\0") for call in text.removesuffix("\0\0").split("\0\0")]


def test_all_platforms_are_evaluated_at_once_and_built_side_by_side(
    cli: Cli, tmp_path: Path, watched: dict[str, str]
) -> None:
    project = _project(tmp_path, 'contents = ["tzdata"]')
    platforms = "linux/amd64,linux/arm64,linux/arm/v7"
    outcome = cli(
        "image", project, "--platform", platforms, "--json", "-q", cwd=tmp_path, **watched
    )
    assert outcome.exit_code == 0, outcome.stderr
    calls = _calls(tmp_path)
    assert sum("eval" in call for call in calls) == 1
    (build,) = (call for call in calls if "--realise" in call and "--dry-run" not in call)
    assert sum(word.endswith("-conf.json.drv!out") for word in build) == 3


def test_an_index_is_the_same_whatever_order_the_platforms_are_named_in(
    cli: Cli, tmp_path: Path
) -> None:
    names = ["linux/amd64", "linux/arm64", "linux/arm/v7"]
    project = _project(tmp_path, f"platforms = {json.dumps(names[::-1])}\ncontents = ['tzdata']\n")
    layout = tmp_path / "image.oci"
    first = cli("image", project, "-o", layout, "--json", "-q")
    assert first.exit_code == 0, first.stderr
    flags = [word for name in (names[1], names[0], names[2]) for word in ("--platform", name)]
    second = cli("image", project, "-o", tmp_path / "2.oci", *flags, "--json", "-q")
    assert second.exit_code == 0, second.stderr
    assert first.document["digest"] == second.document["digest"]
    index = _read(layout, first.document["digest"])
    assert [entry["platform"] for entry in index["manifests"]] == [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm64"},
        {"os": "linux", "architecture": "arm", "variant": "v7"},
    ]


def test_layers_that_platforms_share_are_stored_once(cli: Cli, tmp_path: Path) -> None:
    project = _project(tmp_path, 'contents = ["tzdata"]')
    layout = tmp_path / "image.oci"
    outcome = cli("image", project, "--platform", _BOTH, "-o", layout, "--json", "-q")
    assert outcome.exit_code == 0, outcome.stderr
    first, second = ([layer["digest"] for layer in each["layers"]] for each in _images(outcome))
    assert first == second
    manifests_and_configs = {each[key] for each in _images(outcome) for key in _OWN}
    blobs = {blob.name for blob in (layout / "blobs" / "sha256").iterdir()}
    expected = {*first, *manifests_and_configs, outcome.document["digest"]}
    assert blobs == {digest.removeprefix("sha256:") for digest in expected}


_OWN = ("digest", "config_digest")


def _images(outcome: Outcome) -> Any:
    return outcome.document["platforms"]


@pytest.mark.parametrize("form", ["image.platforms", "--platform"])
def test_a_platform_that_the_bundled_set_can_not_build_is_told_with_those_it_can(
    cli: Cli, tmp_path: Path, form: str
) -> None:
    in_file = form == "image.platforms"
    project = _project(tmp_path, 'platforms = ["linux/s390x"]' if in_file else "")
    outcome = cli("plan", project, "--json", *([] if in_file else [form, "linux/s390x"]))
    assert outcome.exit_code == 2
    (problem,) = error_of(outcome)["problems"]
    assert problem["key"] == form
    assert problem["message"] == "the bundled package set can't build for linux/s390x"
    assert problem["hint"].endswith("linux/arm/v7, linux/arm/v6, linux/386, linux/riscv64")


@pytest.fixture
def small_set(tmp_path: Path) -> Path:
    """A project on a package set that has one other platform, and there no lua."""
    project = _project(tmp_path, 'contents = ["zlib", "lua"]', '[packages]\nset = "./set"')
    make_stand_in(project / "set")
    (project / "set" / "default.nix").rename(project / "set" / "stand-in.nix")
    (project / "set" / "default.nix").write_text(
        """{ system, config ? { }, overlays ? [ ] }:
let
  pkgs = import ./stand-in.nix { inherit system; };
  other = pkgs.pkgsCross.aarch64-multiplatform;
in
pkgs // {
  pkgsCross.aarch64-multiplatform = other // {
    lua = other.lua // { meta = other.lua.meta // { unsupported = true; }; };
  };
}
"""
    )
    return project


def test_a_package_that_one_platform_lacks_is_told_with_how_to_leave_it_out_there(
    cli: Cli, small_set: Path
) -> None:
    call = ("image", small_set, "--platform", _BOTH, "--dry-run", "--json", "-q")
    outcome = cli(*call)
    assert outcome.exit_code == 2
    (problem,) = error_of(outcome)["problems"]
    assert problem["message"] == "the package 'lua' is not available for linux/arm64"
    assert (problem["key"], problem["line"]) == ("image.contents[1]", 7)
    override = 'leave it out there: [platform."linux/arm64".image] contents = { remove = ["lua"] }'
    assert problem["hint"] == override
    description = small_set / "app.toml"
    table, change = override.removeprefix("leave it out there: ").split("] ", 1)
    description.write_text(f"{description.read_text()}\n{table}]\n{change}\n")
    assert cli(*call).exit_code == 0


def test_a_platform_that_a_set_can_not_build_is_told_with_those_it_can(
    cli: Cli, small_set: Path
) -> None:
    outcome = cli("image", small_set, "--platform", "linux/riscv64", "--dry-run", "--json", "-q")
    assert outcome.exit_code == 2
    error = error_of(outcome)
    assert "can't build for linux/riscv64" in error["message"]
    assert error["hint"] == "it builds for linux/amd64, linux/arm64"


def test_where_nothing_runs_a_platform_it_is_told_before_anything_is_built(tmp_path: Path) -> None:
    project = _project(tmp_path, 'entrypoint = ["/bin/none"]')
    nixgen = [sys.executable, "-m", "nixgen", "run", str(project), "--platform", "linux/riscv64"]
    # why: whatever emulators this machine has, none are seen under an empty folder.
    hide = f'mount -t tmpfs none {BINFMT} && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", hide, "sh", *nixgen],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "can't run linux/riscv64: qemu-riscv64 is not registered" in done.stderr
    assert "apt-get install -y qemu-user-static && mount -t binfmt_misc" in done.stderr
    assert not (project / "nixgen.lock").exists()
