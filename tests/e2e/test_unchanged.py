"""A run that would only repeat the last one asks nothing of Nix."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from nixgen.pipeline.state import State
from tests.e2e.conftest import Cli, change, content


@pytest.fixture
def no_nix(tmp_path: Path) -> str:
    """A PATH on which everything is as ever, except that there is no Nix."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "env"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return str(folder)


def test_a_repeated_run_needs_no_nix(project: Path, built: Path, no_nix: str, cli: Cli) -> None:
    before = content(built)
    first = cli("image", project, "-o", built, "--json")
    again = cli("image", project, "-o", built, "--json", PATH=no_nix)
    assert again.exit_code == 0, again.stderr
    assert again.document == first.document
    assert "nothing has changed" in again.stderr
    assert content(built) == before


def test_a_changed_source_is_built(project: Path, built: Path, no_nix: str, cli: Cli) -> None:
    first = cli("image", project, "-o", built, "--json")
    change(project)
    refused = cli("image", project, "-o", built, "--json", PATH=no_nix)
    assert refused.exit_code == 3
    second = cli("image", project, "-o", built, "--json")
    assert second.exit_code == 0, second.stderr
    assert second.document["digest"] != first.document["digest"]


@pytest.mark.parametrize("option", ["--no-cache", "--verify-cache", "--record"])
def test_options_that_want_work_done_get_it(
    project: Path, built: Path, option: str, cli: Cli
) -> None:
    outcome = cli("image", project, "-o", built, option)
    assert outcome.exit_code == 0, outcome.stderr
    assert "nothing has changed" not in outcome.stderr


def test_a_damaged_blob_is_written_anew(project: Path, built: Path, cli: Cli) -> None:
    before = content(built)
    blob = max((built / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    data = blob.read_bytes()
    blob.unlink()
    blob.write_bytes(data[:-1])
    assert cli("image", project, "-o", built, "-q").exit_code == 0
    assert content(built) == before


def test_roots_that_were_dropped_come_back(project: Path, built: Path, cli: Cli) -> None:
    link = State.of_user(os.environ).root_link(project / "app.toml", None)
    link.unlink()
    assert cli("image", project, "-o", built, "-q").exit_code == 0
    assert link.exists()
