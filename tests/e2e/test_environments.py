"""The whole way to an image on other kinds of machines: the digest is the same on each."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import EXAMPLES, BuildExample, Cli
from tests.e2e.machines import (
    NO_CACHE,
    build_inputs,
    copy_paths,
    load_paths,
    open_nixgen_to_all,
    path_variable,
    private_folder,
    registration,
    run_nixgen,
)
from tests.fakes.world import (
    USER_ID,
    Account,
    make_account,
    nix_daemon,
    run_as,
    run_in_world,
    world_folder,
)

_DAEMON = """
build-users-group = nixbld
sandbox = true
sandbox-fallback = false
sandbox-paths =
substitute = false
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What an image is built from, in this machine's store, and the digest it has here."""

    paths: list[str]
    registered: bytes
    digest: str


@pytest.fixture(scope="module")
def inputs(build_example: BuildExample) -> Inputs:
    built = build_example("http-c")
    paths = build_inputs(built.project)
    return Inputs(paths=paths, registered=registration(paths), digest=built.digest)


def _account_with_project(folder: Path, *, nix_user: bool) -> Account:
    account = make_account(folder, nix_user=nix_user)
    project = account.home / "http-c"
    shutil.copytree(EXAMPLES / "http-c", project)
    for path in (project, *project.rglob("*")):
        os.chown(path, USER_ID, USER_ID)
    return account


def _as_user(account: Account, *options: str) -> Callable[[], Any]:
    environ = {"PATH": path_variable(), "HOME": str(account.home)}
    return lambda: run_as(
        account,
        environ,
        lambda: {
            **run_nixgen("image", "http-c", *NO_CACHE, *options, environ=environ),
            "writable": os.access("/nix/store", os.W_OK),
            "record": _record(account.home),
        },
    )


def _record(home: Path) -> Any:
    found = list((home / ".local/state/nixgen/builds").glob("*.json"))
    return json.loads(found[0].read_text()) if found else None


def test_an_untrusted_user_builds_through_a_daemon_with_build_users(inputs: Inputs) -> None:
    with world_folder() as folder:

        def as_root() -> Any:
            open_nixgen_to_all(folder)
            account = _account_with_project(folder, nix_user=True)
            load_paths(inputs.registered)
            with nix_daemon(folder, _DAEMON):
                first = _as_user(account)()
                owners = {
                    path.name.partition("-")[2]: path.stat().st_uid
                    for path in Path("/nix/store").iterdir()
                }
                return {**first, "owner": owners["http-c-1.0.0"]}

        copy_paths(inputs.paths, folder)
        done = run_in_world(folder, as_root)
    assert done["exit_code"] == 0, done["stderr"]
    assert json.loads(done["stdout"])["digest"] == inputs.digest
    assert (done["writable"], done["owner"]) == (False, 0)
    conditions = done["record"]["conditions"]
    assert (conditions["store_access"], conditions["sandbox"]) == ("daemon", "on")


def test_a_daemon_without_a_sandbox_is_told_of_in_the_record(inputs: Inputs) -> None:
    with world_folder() as folder:

        def as_root() -> Any:
            open_nixgen_to_all(folder)
            account = _account_with_project(folder, nix_user=True)
            load_paths(inputs.registered)
            with nix_daemon(folder, _DAEMON.replace("sandbox = true", "sandbox = false")):
                return _as_user(account)()

        copy_paths(inputs.paths, folder)
        done = run_in_world(folder, as_root)
    assert done["exit_code"] == 0, done["stderr"]
    assert json.loads(done["stdout"])["digest"] == inputs.digest
    assert done["record"]["conditions"]["sandbox"] == "off"


def test_a_store_in_another_root_gives_the_same_digest(
    inputs: Inputs, cli: Cli, tmp_path: Path
) -> None:
    shutil.copytree(EXAMPLES / "http-c", tmp_path / "http-c")
    with private_folder() as root:
        copy_paths(inputs.paths, root)
        load_paths(inputs.registered, store=root)
        done = cli("image", "http-c", "--store", root, *NO_CACHE, cwd=tmp_path)
        assert done.exit_code == 0, done.stderr
        assert done.document["digest"] == inputs.digest
        assert [path for path in (root / "nix/store").iterdir() if path.name[33:] == "http-c-1.0.0"]


def test_a_cross_build_elsewhere_gives_the_same_digest(
    build_example: BuildExample, cli: Cli, tmp_path: Path
) -> None:
    platform = ("--platform", "linux/arm64" if os.uname().machine == "x86_64" else "linux/amd64")
    built = build_example("http-c", *platform)
    paths = build_inputs(built.project, platform[1])
    project = Path(shutil.copytree(EXAMPLES / "http-c", tmp_path / "another folder" / "http-c"))
    with private_folder() as root:
        copy_paths(paths, root)
        load_paths(registration(paths), store=root)
        done = cli("image", project, "--store", root, *platform, *NO_CACHE, cwd=tmp_path)
        assert done.exit_code == 0, done.stderr
        assert [path for path in (root / "nix/store").iterdir() if path.name[33:] == "http-c-1.0.0"]
    assert done.document["digest"] == built.digest


def test_without_a_daemon_and_without_rights_the_user_is_told_what_to_do() -> None:
    with world_folder() as folder:

        def as_root() -> Any:
            open_nixgen_to_all(folder)
            Path("/nix/var/nix").mkdir(parents=True)
            account = _account_with_project(folder, nix_user=False)
            return _as_user(account, "-q")()

        done = run_in_world(folder, as_root)
    assert done["exit_code"] == 3
    error = json.loads(done["stdout"])["error"]
    assert error["kind"] == "machine"
    assert "no way to the Nix store" in error["message"]
    assert "systemctl start nix-daemon" in error["hint"]
