"""The installed package, away from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import EXAMPLES, ROOT, BuildExample


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """nixgen as pip installs it, in a folder of its own."""
    source = tmp_path_factory.mktemp("source") / "nixgen"
    ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "*.oci")
    shutil.copytree(ROOT, source, ignore=ignored)
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", target, source], check=True, capture_output=True)
    return target


def _run(installed: Path, cwd: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "nixgen", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_the_wheel_brings_templates_nix_and_types(installed: Path) -> None:
    for name in (
        "_data/templates/default.nix.j2",
        "_data/templates/closure/page.html",
        "_data/nix/bundled/default.nix",
        "py.typed",
    ):
        assert (installed / "nixgen" / name).is_file(), name
    assert (installed / "bin" / "nixgen").is_file()


def test_an_installed_nixgen_builds_the_same_image(
    installed: Path, build_example: BuildExample, tmp_path: Path
) -> None:
    shutil.copytree(EXAMPLES / "http-c", tmp_path / "http-c")
    where = _run(installed, tmp_path, "--version")
    assert where.startswith("nixgen ")
    _run(installed, tmp_path, "image", "http-c", "-o", "image.oci", "-q", "--json")
    index = (tmp_path / "image.oci" / "index.json").read_text()
    assert build_example("http-c").digest in index
