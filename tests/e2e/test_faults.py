"""Faults of the machine: what is said, how it ends, what is left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import EXAMPLES, ROOT, BuildExample, Cli, change, content, error_of


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def fill(place: Path) -> None:
    """Write a file that takes all the space there is."""
    with place.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"\0" * 4096)


def program_named_nix(folder: Path, says: str) -> str:
    """A PATH on which Nix is a program that says only that."""
    folder.mkdir()
    (folder / "nix").write_text(f"#!/bin/sh\necho '{says}'\n")
    (folder / "nix").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_without_nix_the_command_that_installs_it_is_named(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    outcome = cli("image", project, "--json", "-q", PATH=str(tmp_path / "empty"))
    assert outcome.exit_code == 3
    error = error_of(outcome)
    assert error["kind"] == "machine"
    assert "'nix' was not found" in error["message"]
    assert "apt-get install nix-bin" in error["hint"]


def test_a_nix_that_is_too_old_is_told_with_its_version(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    path = program_named_nix(tmp_path / "old", "nix (Nix) 2.3.16")
    outcome = cli("image", project, "--json", "-q", PATH=path)
    assert outcome.exit_code == 3
    assert "Nix 2.3.16 is too old: 2.8.0 or newer" in error_of(outcome)["message"]


def test_a_program_named_nix_that_is_not_nix_is_refused(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    path = program_named_nix(tmp_path / "other", "the northern indexer, 7.1")
    outcome = cli("image", project, "--json", "-q", PATH=path)
    assert outcome.exit_code == 3
    assert error_of(outcome)["kind"] == "machine"


def test_a_store_that_cannot_be_written_is_told_with_a_way_out(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "8M") as disk:
        (disk / "nix").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        outcome = cli("image", project, "--json", "-q", "--store", disk)
    assert outcome.exit_code == 3
    error = error_of(outcome)
    assert error["kind"] == "machine"
    assert error["hint"]


def test_a_full_disk_leaves_the_old_image_whole_and_nothing_else(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "4M") as disk:
        layout = disk / "image.oci"
        assert cli("image", project, "-o", layout, "-q").exit_code == 0
        before = content(layout)
        change(project)
        fill(disk / "filler")
        outcome = cli("image", project, "-o", layout, "--json", "-q", "--no-cache")
        assert outcome.exit_code == 3
        assert "No space left on device" in error_of(outcome)["message"]
        assert content(layout) == before
        assert {path.name for path in disk.iterdir()} == {"image.oci", "filler"}


def test_a_full_disk_leaves_no_half_of_a_first_image(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    for form in ("oci", "oci-archive", "docker-archive"):
        with small_disk(tmp_path / f"disk-{form}", "64k") as disk:
            outcome = cli("image", project, "-f", form, "-o", disk / "image", "--json", "-q")
            assert outcome.exit_code == 3
            assert "No space left on device" in error_of(outcome)["message"]
            assert list(disk.iterdir()) == []


def test_a_read_only_place_for_the_image_is_named(cli: Cli, project: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "4M") as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        outcome = cli("image", project, "-o", disk / "image.oci", "--json", "-q")
    assert outcome.exit_code == 3
    assert str(disk / "image.oci") in error_of(outcome)["message"]
    assert "-o" in error_of(outcome)["hint"]


def test_a_read_only_project_is_refused_before_the_build_and_built_with_a_lock(
    cli: Cli, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "4M") as disk:
        project = Path(shutil.copytree(EXAMPLES / "site", disk / "site"))
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        refused = cli("image", project, "-o", tmp_path / "a.oci", "--json")
        assert refused.exit_code == 3
        assert "the lockfile can't be written" in error_of(refused)["message"]
        assert "--locked" in error_of(refused)["hint"]
        assert "build" not in refused.stderr.split()
        assert not (tmp_path / "a.oci").exists()
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        assert cli("lock", project).exit_code == 0
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        built = cli("image", project, "-o", tmp_path / "a.oci", "--locked", "-q")
        assert built.exit_code == 0, built.stderr


def test_a_project_on_another_file_system_gives_the_same_digest(
    cli: Cli, tmp_path: Path, build_example: BuildExample
) -> None:
    with small_disk(tmp_path / "disk", "8M") as disk:
        project = Path(shutil.copytree(EXAMPLES / "site", disk / "site"))
        outcome = cli("image", project, "-o", tmp_path / "a.oci", "--json", "-q")
        assert outcome.exit_code == 0, outcome.stderr
        assert outcome.document["digest"] == build_example("site").digest


@pytest.mark.parametrize("mask", ["077", "000"])
def test_the_umask_does_not_change_the_digest(
    mask: str, tmp_path: Path, build_example: BuildExample
) -> None:
    script = (
        'umask "$1"; cp -r "$2" "$3/site"; '
        'exec "$4" -m nixgen image "$3/site" -o "$3/image.oci" --json -q --no-cache'
    )
    done = subprocess.run(
        ["sh", "-c", script, "sh", mask, EXAMPLES / "site", tmp_path, sys.executable],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["digest"] == build_example("site").digest


@pytest.mark.parametrize("name", ["with space", "ünï-cødé ✓", "line\nfeed", "quote\"'$x`", "-dash"])
def test_the_project_may_have_any_name(
    name: str, cli: Cli, tmp_path: Path, build_example: BuildExample
) -> None:
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / "site", folder)
    outcome = cli("image", "--json", "-q", cwd=folder)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.document["digest"] == build_example("site").digest


# The user's own folders


def test_a_cache_folder_that_cannot_be_made_is_a_warning(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    outcome = cli(
        "image", project, "-o", tmp_path / "a.oci", "-q", XDG_CACHE_HOME="/proc/nothing-here"
    )
    assert outcome.exit_code == 0
    assert "nothing more goes into the layer cache /proc/nothing-here" in outcome.stderr


def test_a_state_folder_that_cannot_be_made_is_named_with_its_variable(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    outcome = cli("image", project, "--json", "-q", XDG_STATE_HOME="/proc/nothing-here")
    assert outcome.exit_code == 3
    error = error_of(outcome)
    assert "/proc/nothing-here" in error["message"]
    assert "XDG_STATE_HOME" in error["hint"]


def test_no_home_is_needed(project: Path, tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "HOME"}
    done = subprocess.run(
        [sys.executable, "-m", "nixgen", "image", project, "-o", tmp_path / "a.oci", "-q"],
        env={**environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_full_temporary_folder_is_named_with_its_variable(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "16k") as disk:
        outcome = cli("image", project, "--json", "-q", TMPDIR=str(disk))
        assert list(disk.iterdir()) == []
    assert outcome.exit_code == 3
    error = error_of(outcome)
    assert "No space left on device" in error["message"]
    assert "TMPDIR" in error["hint"]


def test_a_full_cache_folder_is_a_warning(cli: Cli, project: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    options = ("image", project, "-o", tmp_path / "a", "-q")
    with small_disk(tmp_path / "cache/nixgen", "16k"):
        outcome = cli(*options, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert outcome.exit_code == 0
    assert "nothing more goes into the layer cache" in outcome.stderr
