"""Images for other platforms: what gets into them, how they are made, and who can take them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nixgen.elf import parse_header
from nixgen.platforms import Platform
from tests.e2e.conftest import Cli, error_of

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


def _skopeo(*arguments: str | Path) -> bytes:
    argv = ["skopeo", *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


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
