"""How the store is reached is found as Nix itself finds it."""

import os
from pathlib import Path

import pytest

from nixgen.errors import MachineError, UsageError
from nixgen.nixcli import Host, Mode, NixSettings, StoreAccess, StorePath
from nixgen.nixcli.access import find_access
from nixgen.nixcli.settings import option_arguments
from tests.fakes.nix import fake_nix


def host(folder: Path, *, members: tuple[str, ...] = (), is_root: bool = False) -> Host:
    return Host(
        state_dir=folder / "state",
        socket=folder / "state/daemon-socket/socket",
        is_root=is_root,
        group_members=lambda _name: list(members),
    )


def test_who_can_write_the_state_is_its_only_user(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    access = find_access(None, remote=None, host=host(tmp_path))
    assert (access.mode, access.root, access.store_url) == (Mode.SINGLE_USER, Path("/"), None)


def test_root_on_a_machine_without_a_store_makes_one(tmp_path: Path) -> None:
    access = find_access(None, remote=None, host=host(tmp_path, is_root=True))
    assert access.mode is Mode.SINGLE_USER


def test_no_store_and_no_daemon_is_an_error_with_a_command(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as refused:
        find_access(None, remote=None, host=host(tmp_path))
    assert refused.value.hint == "sudo systemctl start nix-daemon.socket"


def test_a_folder_is_a_store_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    access = find_access("my/root", remote=None, host=host(tmp_path))
    assert access.store_url == str(tmp_path / "my/root")
    assert access.root == tmp_path / "my/root"
    assert access.mode is Mode.SINGLE_USER


@pytest.mark.parametrize(
    ("url", "mode", "root"),
    [
        ("daemon", Mode.DAEMON, Path("/")),
        ("unix:///run/nix.sock", Mode.DAEMON, Path("/")),
        ("unix:///run/nix.sock?root=/srv", Mode.DAEMON, Path("/srv")),
        ("local?root=/srv/x", Mode.SINGLE_USER, Path("/srv/x")),
        ("local", Mode.SINGLE_USER, Path("/")),
        ("ssh-ng://build@host", Mode.REMOTE, None),
        ("https://cache.example.org", Mode.REMOTE, None),
    ],
)
def test_store_urls(tmp_path: Path, url: str, mode: Mode, root: Path | None) -> None:
    for store, remote in ((url, None), (None, url)):
        access = find_access(store, remote=remote, host=host(tmp_path))
        assert (access.mode, access.root, access.store_url) == (mode, root, url)


@pytest.mark.parametrize("store", ["", " ", "Foo://x", "://"])
def test_what_is_no_store_is_refused(tmp_path: Path, store: str) -> None:
    with pytest.raises(UsageError):
        find_access(store, remote=None, host=host(tmp_path))


def test_files_of_a_store_elsewhere_have_no_path_here(tmp_path: Path) -> None:
    path = StorePath("0" * 32, "x")
    nix, _, _ = fake_nix(tmp_path, settings=NixSettings(store="ssh://host"))
    with pytest.raises(MachineError, match="not on this machine"):
        nix.physical_path(path)
    nix, _, _ = fake_nix(tmp_path, settings=NixSettings(store="/srv/root"))
    assert nix.physical_path(path) == Path(f"/srv/root{path}")


@pytest.mark.parametrize(
    ("mode", "is_root", "has_build_users", "given"),
    [
        (Mode.SINGLE_USER, True, False, True),
        (Mode.SINGLE_USER, True, True, False),
        (Mode.SINGLE_USER, False, False, False),
        (Mode.DAEMON, True, False, False),
    ],
)
def test_only_root_without_build_users_builds_without_them(
    mode: Mode, is_root: bool, has_build_users: bool, given: bool
) -> None:
    access = StoreAccess(
        mode=mode, store_url=None, root=Path("/"), is_root=is_root, has_build_users=has_build_users
    )
    assert ("build-users-group" in option_arguments(NixSettings(), access)) is given


def test_this_machine_is_looked_at_where_the_environment_says() -> None:
    seen = Host.this({"NIX_STATE_DIR": "/elsewhere"})
    assert seen.socket == Path("/elsewhere/daemon-socket/socket")
    assert Host.this({"NIX_DAEMON_SOCKET_PATH": "/run/s"}).socket == Path("/run/s")
    assert seen.is_root is (os.geteuid() == 0)
