"""The revision of a source, told by a real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nixgen.pipeline.revision import Revision, find_revision, public_address, public_url
from nixgen.sourcetree import survey_source


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    subprocess.run(["git", *who, "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "app.c").write_text("int main(){}")
    (tmp_path / ".gitignore").write_text("*.o\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def revision(folder: Path) -> Revision | None:
    source = survey_source(folder, lock_name="nixgen.lock")
    return find_revision(folder, source, lock_name="nixgen.lock")


def test_what_is_no_source_leaves_a_revision_clean(project: Path) -> None:
    (project / "nixgen.lock").write_text("{}")
    (project / "app.o").write_text("object")
    found = revision(project)
    assert found is not None
    assert (len(found.commit), found.repository, found.is_clean) == (40, None, True)


@pytest.mark.parametrize("name", ["app.c", "new.c"])
def test_a_changed_or_new_source_file_does_not(project: Path, name: str) -> None:
    (project / name).write_text("int other;")
    found = revision(project)
    assert found is not None
    assert not found.is_clean


def test_there_is_none_before_the_first_commit_or_outside_of_a_repository(tmp_path: Path) -> None:
    assert find_revision(tmp_path, None, lock_name="nixgen.lock") is None
    git(tmp_path, "init", "-q")
    assert find_revision(tmp_path, None, lock_name="nixgen.lock") is None


def test_names_and_passwords_of_a_remote_are_left_out(project: Path) -> None:
    git(project, "remote", "add", "origin", "https://me:s3cret@example.org/team/app.git")
    found = revision(project)
    assert found is not None
    assert found.repository == "https://example.org/team/app.git"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("git@example.org:team/app.git", "ssh://example.org/team/app.git"),
        ("ssh://git@example.org:22/app", "ssh://example.org:22/app"),
        ("/srv/git/app.git", None),
        ("../app", None),
        ("./a:b", None),
        ("file:///srv/app", None),
    ],
)
def test_addresses_of_git(address: str, public: str | None) -> None:
    assert public_address(address) == public


@pytest.mark.parametrize("url", ["https://[broken", "https://example.org:port/x", "x", ""])
def test_what_is_no_url_is_not_told(url: str) -> None:
    assert public_url(url) is None
