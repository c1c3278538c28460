"""Unfinished work: gone afterwards, swept when its run was killed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nixgen.aside import aside, scratch_folder
from nixgen.wholefile import write_whole


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o077, 0o000])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_what_is_renamed_stays_and_has_the_mode_that_the_umask_leaves(
    tmp_path: Path, umask: int
) -> None:
    with aside(tmp_path / "folder", folder=True) as folder:
        folder.rename(tmp_path / "folder")
    with aside(tmp_path / "file", folder=False) as file:
        file.rename(tmp_path / "file")
    write_whole(tmp_path / "whole", b"text")
    assert mode(tmp_path / "folder") == 0o777 & ~umask
    assert mode(tmp_path / "file") == mode(tmp_path / "whole") == 0o666 & ~umask
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "file", "whole"}


def test_scratch_is_for_the_user_alone_and_gone_afterwards_whatever_its_folders_allow(
    tmp_path: Path, umask: int
) -> None:
    with scratch_folder(tmp_path) as folder:
        assert mode(folder) == 0o700 & ~umask
        (folder / "closed").mkdir()
        (folder / "closed/file").write_bytes(b"x")
        (folder / "closed").chmod(0)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_runs_leavings_go_and_a_living_ones_stay(tmp_path: Path) -> None:
    dead = tmp_path / "nixgen-work-dead"
    dead.mkdir()
    (dead / "blob").write_bytes(b"x")
    (tmp_path / "nixgen-work-link").symlink_to(tmp_path / "mine")
    (tmp_path / "mine").mkdir()
    os.mkfifo(tmp_path / "nixgen-work-pipe")
    with scratch_folder(tmp_path) as first, scratch_folder(tmp_path) as second:
        assert first.is_dir()
        assert second.is_dir()
        assert not dead.exists()
        assert (tmp_path / "mine").is_dir()


def test_what_another_user_left_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "nixgen-work-theirs"
    theirs.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: theirs.stat().st_uid + 1)
    with scratch_folder(tmp_path):
        assert theirs.is_dir()


def test_runs_at_the_same_time_take_nothing_from_each_other(tmp_path: Path) -> None:
    def work(number: int) -> bool:
        with scratch_folder(tmp_path) as folder:
            (folder / "file").write_bytes(b"%d" % number)
            return (folder / "file").read_bytes() == b"%d" % number

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(200)))
    assert list(tmp_path.iterdir()) == []
