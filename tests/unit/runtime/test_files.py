"""Paths of an image found on the machine, and never outside the image."""

from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.oci import StoreRoot
from nixgen.runtime import ImageFiles

PROGRAM = "/nix/store/aaa-program"
LINK = "/nix/store/bbb-link"


@pytest.fixture
def files(tmp_path: Path) -> ImageFiles:
    root, store = tmp_path / "root", tmp_path / "store"
    program = store / PROGRAM.lstrip("/")
    (program / "bin").mkdir(parents=True)
    (program / "bin" / "run").write_text("x")
    (program / "bin" / "run").chmod(0o555)
    (program / "bin" / "doc").write_text("x")
    (store / LINK.lstrip("/")).symlink_to(PROGRAM)
    (store / "nix/store/ccc-not-in-the-image").write_text("x")
    (root / "etc").mkdir(parents=True)
    (root / "etc/up").symlink_to("../../../../etc/passwd")
    (root / "etc/machine").symlink_to("/etc/hostname")
    (root / "etc/round").symlink_to("round")
    (root / "etc/gone").symlink_to("/nowhere")
    (root / "bin").symlink_to(f"{LINK}/bin")
    (root / "sbin").symlink_to("bin")
    return ImageFiles(
        root=root, store=StoreRoot(root=store), store_paths=frozenset({PROGRAM, LINK})
    )


def test_links_are_followed_through_the_store(files: ImageFiles) -> None:
    assert files.resolve("/sbin/run") == f"{PROGRAM}/bin/run"
    found = files.find("/sbin/../bin/./run")
    assert found is not None
    assert found.read_text() == "x"


@pytest.mark.parametrize("path", ["/etc/up", "/etc/machine", "/../../etc/hostname", "/etc/round"])
def test_nothing_of_the_machine_is_found(files: ImageFiles, path: str) -> None:
    assert files.find(path) is None


def test_only_the_images_own_store_paths_are_found(files: ImageFiles) -> None:
    assert files.find("/nix/store/ccc-not-in-the-image") is None
    assert files.resolve("/nix/store") == "/nix/store"


def test_a_link_that_leads_nowhere_is_there(files: ImageFiles) -> None:
    assert files.has("/etc/gone")
    assert files.find("/etc/gone") is None
    assert files.has("/bin/run")
    assert not files.has("/etc/never")
    assert files.has("/")


def test_programs_are_searched_as_execvp_does(files: ImageFiles) -> None:
    search = ["relative", "/none", "/sbin", "/bin"]
    assert files.find_program("run", search=search, workdir="/") == "/sbin/run"
    assert files.find_program("doc", search=search, workdir="/") is None
    assert files.find_program("./run", search=search, workdir="/sbin") == "/sbin/./run"
    assert files.find_program("/bin", search=search, workdir="/") is None
    assert files.programs("/bin") == ("doc", "run")
    assert files.programs("/none") == ()
