"""Which runner is taken, and what each of them is told, word for word."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from nixgen._process import Completed, missing_program
from nixgen.errors import BuildError, MachineError, UsageError
from nixgen.platforms import native_platform
from nixgen.runtime import ImageProcess, available_runners, choose_runner, open_workspace
from nixgen.runtime.bwrap import add_own_folders, bwrap_argv
from nixgen.runtime.command import make_command
from nixgen.runtime.options import Job, RunOptions
from nixgen.runtime.podman import create_argv
from nixgen.runtime.root import add_store_paths, make_place
from nixgen.runtime.unshare import format_fstab, unshare_argv
from tests.unit.runtime.images import Entry, make_image

NATIVE = native_platform()
NOT_ROOT = os.geteuid() != 0


class Machine:
    """A machine on which some runners are installed, and some of those work."""

    def __init__(self, **state: str) -> None:
        self.state = state

    def __call__(self, argv: Sequence[str], **_: Any) -> Completed:
        name = next(name for name in ("podman", "bwrap", "unshare") if name in argv)
        what = self.state.get(name, "missing")
        if what == "missing":
            raise missing_program(name)
        stdout = b"4.3.1\n" if what == "works" else what.encode()
        failed = what not in ("works", "3.4.4", "5.0.0-dev")
        return Completed(
            argv=tuple(argv), exit_code=int(failed), stdout=stdout, stderr=f"first\n{what}\n"
        )


def test_podman_is_preferred_then_bubblewrap() -> None:
    both = Machine(podman="works", bwrap="works")
    assert choose_runner(None, NATIVE, run=both).name == "podman"
    assert choose_runner(None, NATIVE, run=Machine(bwrap="works")).name == "bwrap"
    broken = Machine(podman="no subuids", bwrap="works")
    assert choose_runner(None, NATIVE, run=broken).name == "bwrap"
    assert choose_runner("bwrap", NATIVE, run=both).name == "bwrap"


def test_unshare_is_for_root_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(unshare="works")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert choose_runner(None, NATIVE, run=machine).name == "unshare"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MachineError, match="unshare: it needs root"):
        choose_runner(None, NATIVE, run=machine)


def test_where_none_works_each_says_why_and_the_hint_installs() -> None:
    with pytest.raises(MachineError) as caught:
        choose_runner(None, NATIVE, run=Machine(bwrap="No permissions to create new namespace"))
    assert "podman: the program 'podman' was not found" in caught.value.message
    assert "bwrap: No permissions to create new namespace" in caught.value.message
    assert "apt-get install" in (caught.value.hint or "")


def test_a_preferred_runner_is_not_replaced_by_another() -> None:
    with pytest.raises(MachineError, match="bwrap can't run"):
        choose_runner("bwrap", NATIVE, run=Machine(podman="works"))
    with pytest.raises(UsageError, match="podman, bwrap, unshare"):
        choose_runner("docker", NATIVE, run=Machine(podman="works"))


def test_an_old_podman_is_not_usable() -> None:
    found = {info.name: info for info in available_runners(run=Machine(podman="3.4.4"))}
    assert found["podman"].why_not == "podman 3.4.4 is too old: 4.3 or newer is needed"
    found = {info.name: info for info in available_runners(run=Machine(podman="5.0.0-dev"))}
    assert found["podman"].usable


def jobs(
    folder: Path, *, more: tuple[Entry, ...] = (), without: tuple[str, ...] = (), **options: bool
) -> Iterator[Job]:
    image = make_image(folder, program=b"#", more=more, without=without)
    with open_workspace(image) as workspace:
        process = ImageProcess.of(image, workspace.files)
        command = make_command(process, workspace.files)
        yield Job(image=image, command=command, workspace=workspace, options=RunOptions(**options))


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    yield from jobs(tmp_path)


def test_podman_is_told_all_that_the_image_says(job: Job) -> None:
    argv = create_argv(job, "localhost/tmp/x", runtime="runc")
    assert argv[:4] == ("podman", "--runtime", "runc", "create")
    assert argv[-5:] == ("--entrypoint=", "--", "localhost/tmp/x", "probe", "report")
    words = set(argv)
    assert {"--network=none", "--read-only", "--read-only-tmpfs=false"} <= words
    assert {"--cap-drop=all", "--security-opt=no-new-privileges", "--http-proxy=false"} <= words
    assert {"--user=65532:65532", "--workdir=/desk", "--unsetenv-all"} <= words
    assert "GREETING=hello world" in words
    assert not [word for word in argv if word == "--tty" or word == "--interactive"]


def test_bubblewrap_is_told_all_that_the_image_says(job: Job) -> None:
    binds = add_store_paths(job.workspace, job.image)
    argv = bwrap_argv(job, binds=binds, shared=(), status_fd=9, as_root=False)
    text = "\0".join(argv)
    assert argv[:4] == ("bwrap", "--json-status-fd", "9", "--die-with-parent")
    assert argv[-5:] == ("--chdir", "/desk", "--", "probe", "report")
    assert "--unshare-net" in argv
    assert "--uid\x0065532\0--gid\x0065532" in text
    assert "--setenv\0GREETING\0hello world" in text
    assert f"--ro-bind\0{job.workspace.root}\0/\0" in text
    for physical, logical in binds:
        assert f"--ro-bind\0{physical}\0{logical}\0" in text
    as_root = bwrap_argv(job, binds=binds, shared=(), status_fd=9, as_root=True)
    assert as_root[:3] == ("setpriv", "--reuid=65532", "--regid=65532")
    assert as_root[-len(argv) :] == argv


def test_unshare_is_told_all_that_the_image_says(job: Job) -> None:
    argv = unshare_argv(job, fstab=Path("/x/fstab"))
    assert argv[:4] == ("setpriv", "--pdeathsig", "KILL", "--")
    assert "--net" in argv
    assert argv[-2:] == ("probe", "report")
    assert {"--no-new-privs", "--wd=/desk", "--setgid=65532", "--setuid=65532"} <= set(argv)
    words = list(argv)
    assert words[words.index("env") :][:2] == ["env", "-i"]


def test_mounts_are_written_with_their_spaces_escaped(job: Job) -> None:
    binds = add_store_paths(job.workspace, job.image)
    lines = format_fstab(job, binds=binds, shared=()).splitlines()
    assert all(len(line.split()) == 6 for line in lines)
    physical, logical = binds[0]
    assert " " in str(physical)
    escaped = str(physical).replace(" ", "\\040")
    assert f"{escaped} {job.workspace.root}{logical} none bind,ro,nodev 0 0" in lines
    assert lines[0].split()[3] == "bind,ro,nodev"
    assert f"tmpfs {job.workspace.root}/tmp tmpfs mode=1777,nosuid,nodev 0 0" in lines


def test_an_image_without_tmp_gets_none(tmp_path: Path) -> None:
    image = make_image(tmp_path, program=b"#", without=("./tmp",))
    with open_workspace(image) as workspace:
        command = make_command(ImageProcess.of(image, workspace.files), workspace.files)
        job = Job(image=image, command=command, workspace=workspace, options=RunOptions())
        for argv in (
            create_argv(job, "x", runtime=None),
            bwrap_argv(job, binds=(), shared=(), status_fd=9, as_root=False),
            (format_fstab(job, binds=(), shared=()),),
        ):
            assert not [word for word in argv if "/tmp:" in word or word == "/tmp"]
            assert "tmpfs mode=1777,nosuid,nodev 0 0\n" * 2 not in argv[0]


def test_a_link_of_the_image_never_leads_a_mount_out_of_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    more: tuple[Entry, ...] = (("./proc", 0o777, 0, str(outside)), ("./dev", 0o777, 0, "/etc"))
    for job in jobs(tmp_path / "image", more=more):
        with pytest.raises(BuildError, match="proc is in the way"):
            make_place(job.workspace, "/proc")
        with pytest.raises(BuildError, match="dev is in the way"):
            make_place(job.workspace, "/dev/null", folder=False)
        with pytest.raises(BuildError, match="what belongs there"):
            make_place(job.workspace, "/etc/passwd")
    assert list(outside.iterdir()) == []


def test_a_volume_behind_a_link_is_refused(tmp_path: Path) -> None:
    more: tuple[Entry, ...] = (("./data", 0o777, 0, str(tmp_path)),)
    for job in jobs(tmp_path / "linked", more=more, without=("./data",)):
        with pytest.raises(BuildError, match="data is in the way"):
            add_own_folders(job)


def test_a_workspace_is_gone_afterwards_even_with_folders_that_can_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more: tuple[Entry, ...] = (("./shut", 0o000, 0, None), ("./shut/in", 0o000, 0, b""))
    for job in jobs(tmp_path, more=more):
        folder = job.workspace.folder
        assert folder.is_dir()
    assert not folder.exists()


def test_a_store_path_that_is_gone_is_named(job: Job) -> None:
    missing = sorted(job.image.conf.store_paths)[-1]
    place = job.image.store.physical(missing)
    place.rename(place.with_name("gone"))
    with pytest.raises(MachineError, match=missing):
        add_store_paths(job.workspace, job.image)
