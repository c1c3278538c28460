from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.imagetest.files import judge_files
from nixgen.oci import StoreRoot
from nixgen.runtime import ImageFiles
from nixgen.spec import FileCheck, Test

STORE_PATH = "/nix/store/00000000000000000000000000000000-tool"


@pytest.fixture
def files(tmp_path: Path) -> ImageFiles:
    root, store = tmp_path / "root", tmp_path / "store"
    tool = store / STORE_PATH.lstrip("/") / "bin/tool"
    tool.parent.mkdir(parents=True)
    tool.write_text("")
    tool.chmod(0o555)
    for name in ("bin", "etc", "srv/site"):
        (root / name).mkdir(parents=True)
    (root / "bin/tool").symlink_to(f"{STORE_PATH}/bin/tool")
    (root / "bin/gone").symlink_to("/no/where")
    (root / "etc/shop.toml").write_text("")
    (root / "etc/shop.toml").chmod(0o640)
    return ImageFiles(root=root, store=StoreRoot(root=store), store_paths=frozenset([STORE_PATH]))


def judged(files: ImageFiles, *checks: FileCheck, absent: tuple[str, ...] = ()) -> list[str]:
    return judge_files(Test(name="files", files=checks, absent=absent), files)


@pytest.mark.parametrize(
    "check",
    [
        FileCheck(path="/"),
        FileCheck(path="/bin/tool"),
        FileCheck(path="/bin/tool", type="file", mode=0o555),
        FileCheck(path="/bin/tool", type="symlink"),
        FileCheck(path="/bin/gone", type="symlink"),
        FileCheck(path="/etc/shop.toml", mode=0o640),
        FileCheck(path="/srv/site", type="directory"),
        FileCheck(path="/nix/store", type="directory", mode=0o755),
        FileCheck(path=STORE_PATH, type="directory"),
        FileCheck(path=f"{STORE_PATH}/bin/tool", type="file"),
    ],
)
def test_what_is_there_is_found(files: ImageFiles, check: FileCheck) -> None:
    assert judged(files, check) == []


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (
            FileCheck(path="/etc/shop.tml"),
            "/etc/shop.tml is not there: in /etc there is shop.toml",
        ),
        (FileCheck(path="/srv/x/y"), "/srv/x/y is not there: in /srv there is site"),
        (FileCheck(path="/bin/gone"), "/bin/gone is a link that leads nowhere"),
        (FileCheck(path="/bin/tool", type="directory"), "/bin/tool is a file, not a directory"),
        (
            FileCheck(path="/etc/shop.toml", type="symlink"),
            "/etc/shop.toml is a file, not a symbolic link",
        ),
        (FileCheck(path="/etc", type="file"), "/etc is a directory, not a file"),
        (FileCheck(path="/etc/shop.toml", mode=0o644), "/etc/shop.toml has mode 0640, not 0644"),
        (FileCheck(path="/etc/shop.toml/x"), "/etc/shop.toml/x is not there"),
    ],
)
def test_what_is_not_so_is_said(files: ImageFiles, check: FileCheck, reason: str) -> None:
    (found,) = judged(files, check)
    assert found.startswith(reason)


def test_what_must_be_absent_is_not_there_even_as_a_broken_link(files: ImageFiles) -> None:
    assert judged(files, absent=("/bin/sh", "/etc/passwd", "/no/such/folder")) == []
    assert judged(files, absent=("/bin/gone", "/bin/sh", STORE_PATH, "/nix")) == [
        "/bin/gone is there, and must not be",
        f"{STORE_PATH} is there, and must not be",
        "/nix is there, and must not be",
    ]


def test_every_reason_is_told_at_once(files: ImageFiles) -> None:
    reasons = judged(
        files, FileCheck(path="/a"), FileCheck(path="/etc"), FileCheck(path="/b"), absent=("/etc",)
    )
    assert [reason.split()[0] for reason in reasons] == ["/a", "/b", "/etc"]


def test_many_names_in_a_folder_are_shown_in_part(files: ImageFiles) -> None:
    for number in range(30):
        (files.root / f"srv/site/{number:02}").touch()
    (reason,) = judged(files, FileCheck(path="/srv/site/index.html"))
    assert reason.endswith("in /srv/site there is 00, 01, 02, 03, 04, 05, 06, 07, 08, 09, ...")
