"""Packages that are no store path of an image, but parts of programs that are in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import BuildExample, Cli


@pytest.fixture
def project(build_example: BuildExample, tmp_path: Path) -> Path:
    """An app into which SQLite and Lua are linked."""
    return Path(shutil.copytree(build_example("sqlite-lua").project, tmp_path / "notes"))


def test_why_names_what_a_linked_package_is_in(project: Path, cli: Cli) -> None:
    outcome = cli("why", project, "sqlite", "-q")
    assert outcome.exit_code == 0
    assert "← notes-0.3.0" in outcome.stdout
    document = cli("why", project, "lua", "--json", "-q").document
    (platform,) = document["platforms"]
    assert platform["packages"] == []
    assert [each["into"] for each in platform["linked"]] == [["notes-0.3.0"]]


def test_what_was_used_for_the_build_alone_is_not_linked_in(project: Path, cli: Cli) -> None:
    assert cli("why", project, "zig", "-q").exit_code == 1
    assert cli("why", project, "*-dev", "-q").exit_code == 1


def test_a_linked_package_is_held_against_the_limits(project: Path, cli: Cli) -> None:
    with (project / "app.toml").open("a") as file:
        file.write('\n[closure]\nforbid = ["sqlite<99"]\nallow-only = ["notes", "sqlite"]\n')
    outcome = cli("image", project, "-o", project / "image.oci", "--json", "-q")
    assert outcome.exit_code == 1
    error = json.dumps(outcome.document["error"], ensure_ascii=False)
    assert "is forbidden: linked into notes-0.3.0 when that was built" in error
    assert error.count("is not allowed") == 1
    assert not (project / "image.oci").exists()
