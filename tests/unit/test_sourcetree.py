"""What counts as source, in git repositories and elsewhere."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from nixgen.errors import DescriptionError
from nixgen.sourcetree import GENERATED_MARK, list_source, stage_source


def _write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def _listed(root: Path) -> list[str]:
    return [str(path) for path in list_source(root, lock_name="nixgen.lock")]


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments],
        cwd=root,
        check=True,
        capture_output=True,
    )


def test_without_git_every_file_is_source_in_component_order(tmp_path: Path) -> None:
    _write(tmp_path, "a/b", "a-b", "a.c", "z")
    assert _listed(tmp_path) == ["a/b", "a-b", "a.c", "z"]


def test_lock_results_generated_nix_and_caches_are_not_source(tmp_path: Path) -> None:
    _write(tmp_path, "app.toml", "nixgen.lock", "shop.oci/oci-layout", "shop.oci/index.json")
    _write(tmp_path, f"out/{GENERATED_MARK}", "out/default.nix", "__pycache__/a.pyc")
    _write(tmp_path, "shop.oci.tar", "shop.docker.tar", "lib/nixgen.lock")
    assert _listed(tmp_path) == ["app.toml", "lib/nixgen.lock"]


def test_an_image_archive_is_known_by_its_first_entry(tmp_path: Path) -> None:
    _write(tmp_path, "data.tar")
    (tmp_path / "image.tar").write_bytes(b"blobs/sha256/" + b"\0" * 600)
    assert _listed(tmp_path) == ["data.tar"]


def test_git_ignores_count_and_untracked_files_are_source(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    _write(tmp_path, "kept.c", "new.c", "drop.o", "forced.o")
    (tmp_path / ".gitignore").write_text("*.o\n")
    _git(tmp_path, "add", "kept.c", ".gitignore")
    _git(tmp_path, "add", "-f", "forced.o")
    assert _listed(tmp_path) == [".gitignore", "forced.o", "kept.c", "new.c"]


def test_the_users_global_excludes_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "git").mkdir(parents=True)
    (home / "git" / "ignore").write_text("*.c\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    repository = tmp_path / "repository"
    _write(repository, "a.c")
    _git(repository, "init", "-q")
    assert _listed(repository) == ["a.c"]


def test_a_folder_of_a_repository_lists_itself_only(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    _write(tmp_path, "other/x.c", "app/y.c")
    assert _listed(tmp_path / "app") == ["y.c"]


def test_a_tracked_file_that_was_deleted_is_not_source(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    _write(tmp_path, "a.c", "b.c")
    _git(tmp_path, "add", ".")
    (tmp_path / "a.c").unlink()
    assert _listed(tmp_path) == ["b.c"]


def test_names_that_git_would_quote_are_listed_as_they_are(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    _write(tmp_path, 'we"ird\n.c', "ünï.c")
    assert _listed(tmp_path) == ['we"ird\n.c', "ünï.c"]


def _key_pair(root: Path, name: str, head: str = "-----BEGIN ENCRYPTED PRIVATE KEY-----") -> None:
    (root / f"{name}.key").write_text(f"{head}\nMI\n")
    (root / f"{name}.pub").write_text("-----BEGIN PUBLIC KEY-----\n")


def test_a_key_pair_to_sign_with_is_not_source(tmp_path: Path) -> None:
    _write(tmp_path, "app.toml", "lone.pub", "tls/server.key")
    _key_pair(tmp_path, "team")
    _key_pair(tmp_path, "cosign", "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----")
    _key_pair(tmp_path, "layout", "[keys]")
    assert _listed(tmp_path) == [
        "app.toml",
        "layout.key",
        "layout.pub",
        "lone.pub",
        "tls/server.key",
    ]


def test_a_key_pair_that_git_tracks_is_source(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    _write(tmp_path, "app.toml")
    _key_pair(tmp_path, "fixture")
    _git(tmp_path, "add", "fixture.key", "fixture.pub")
    _key_pair(tmp_path, "team")
    assert _listed(tmp_path) == ["app.toml", "fixture.key", "fixture.pub"]


def test_special_files_are_refused_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DescriptionError) as caught:
        _listed(tmp_path)
    assert "pipe" in str(caught.value)


def test_staging_keeps_links_modes_and_content(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    _write(origin, "a/run")
    (origin / "a/run").chmod(0o755)
    (origin / "link").symlink_to("a/run")
    staged = tmp_path / "staged"
    staged.mkdir()
    stage_source(origin, [PurePosixPath("a/run"), PurePosixPath("link")], staged)
    assert (staged / "link").readlink() == Path("a/run")
    assert (staged / "a/run").read_text() == "a/run"
    assert os.access(staged / "a/run", os.X_OK)
