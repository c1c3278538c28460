"""What a description takes from its folder has to be source."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nixgen.errors import DescriptionError
from nixgen.pipeline.taken import survey_taken
from nixgen.spec import AppSpec, read_description

_HEAD = '[app]\nname = "a"\nversion = "1"\n'


def _specs(folder: Path, text: str) -> list[AppSpec]:
    (folder / "app.toml").write_text(_HEAD + text)
    description = read_description(folder / "app.toml")
    return [description.resolve(platform=each) for each in description.platforms(None)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose ignored files are `*.env` and all of `dist`."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("*.env\ndist\n")
    for name in ("prod.env", "dist/a.txt", "site/index.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def _refusals(folder: Path, text: str) -> list[str]:
    with pytest.raises(DescriptionError) as caught:
        survey_taken(_specs(folder, text), folder / "app.toml")
    return [f"{each.key}: {each.message}" for each in caught.value.problems]


def test_files_that_git_ignores_are_told_all_at_once(project: Path) -> None:
    text = """
[build]
kind = "files"
src = "dist"
[image]
platforms = ["linux/amd64", "linux/arm64"]
files = [
  { path = "/ok", source = "site/index.html" },
  { path = "/env", source = "prod.env" },
]
"""
    assert _refusals(project, text) == [
        'build.src: "dist" is there, but is no part of the source',
        'image.files: "prod.env" is there, but is no part of the source',
    ]


def test_a_nix_file_that_git_ignores_is_told(project: Path) -> None:
    (project / "dist/default.nix").write_text("{ }")
    (project / "dist/.keep").write_text("")
    subprocess.run(["git", "add", "-f", "dist/.keep"], cwd=project, check=True)
    found = _refusals(project, '[build]\nkind = "nix"\nsrc = "dist"\n')
    assert found == ['build.file: "dist/default.nix" is there, but is no part of the source']


def test_a_link_to_a_file_that_git_ignores_is_told(project: Path) -> None:
    (project / "link").symlink_to("prod.env")
    (project / "to-site").symlink_to("site")
    text = """
[image]
files = [
  { path = "/env", source = "link" },
  { path = "/index", source = "to-site/index.html" },
]
"""
    assert _refusals(project, text) == [
        'image.files: "link" is there, but is no part of the source'
    ]


def test_the_private_half_of_a_key_pair_does_not_come_into_an_image(tmp_path: Path) -> None:
    (tmp_path / "team.key").write_text("-----BEGIN PRIVATE KEY-----\n")
    (tmp_path / "team.pub").write_text("-----BEGIN PUBLIC KEY-----\n")
    text = '[image]\nfiles = [{ path = "/key", source = "team.key" }]\n'
    assert len(_refusals(tmp_path, text)) == 1


def test_what_takes_nothing_is_not_surveyed(project: Path) -> None:
    assert survey_taken(_specs(project, ""), project / "app.toml") is None


def test_an_app_of_the_whole_folder_has_all_its_source(project: Path) -> None:
    tree = survey_taken(_specs(project, '[build]\nkind = "files"\n'), project / "app.toml")
    assert tree is not None
    assert [str(path) for path in tree.files] == [".gitignore", "app.toml", "site/index.html"]
