"""An ordinary user, whom the daemon does not trust, works through it; others are told why not."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from nixgen.errors import MachineError
from nixgen.nixcli import DerivationFailedError, Nix, NixSettings, StorePath
from tests.fakes.builds import add_program, derivation
from tests.fakes.world import make_account, nix_daemon, run_as, run_in_world, world_folder

CONFIGURATION = """
build-users-group = nixbld
sandbox = true
sandbox-fallback = false
sandbox-paths =
substitute = false
"""


def user_environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "NIX_PATH": "evil=/"}


def test_an_untrusted_user_adds_and_builds_through_the_daemon() -> None:
    def as_user(folder: Path) -> dict[str, Any]:
        nix = Nix(NixSettings(max_jobs=1))
        good = add_program(nix, folder / "home/good", "built well\n", "make-directory")
        bad = add_program(nix, folder / "home/bad", "it went wrong\n", 3)
        [built] = nix.build(derivation("good", good), [""], out_link=folder / "home/result")
        with pytest.raises(DerivationFailedError) as failed:
            nix.build(derivation("bad", bad), [""])
        return {
            "mode": nix.access.mode.value,
            "owner": nix.physical_path(built.path).stat().st_uid,
            "link": str((folder / "home/result").readlink()),
            "built": str(built.path),
            "valid": nix.is_valid([built.path]) == {built.path},
            "log": nix.log(built.drv_path),
            "failure": failed.value.message,
            "writable": os.access("/nix/store", os.W_OK),
        }

    with world_folder() as folder:

        def as_root() -> Any:
            account = make_account(folder, nix_user=True)
            with nix_daemon(folder, CONFIGURATION):
                return run_as(account, user_environment(folder), lambda: as_user(folder))

        result = run_in_world(folder, as_root)

    assert result["mode"] == "daemon"
    assert result["writable"] is False
    assert result["owner"] == 0
    assert result["valid"] is True
    assert result["link"] == result["built"]
    assert result["log"] == "built well\n"
    assert "the build of bad failed (exit code 3)" in result["failure"]
    assert "| it went wrong" in result["failure"]


def refusal(folder: Path) -> dict[str, str | None]:
    with pytest.raises(MachineError) as refused:
        Nix().is_valid([StorePath("0" * 32, "name")])
    return {"message": refused.value.message, "hint": refused.value.hint}


def test_a_user_outside_the_group_is_told_how_to_join_it() -> None:
    with world_folder() as folder:

        def as_root() -> Any:
            account = make_account(folder, nix_user=False)
            with nix_daemon(folder, CONFIGURATION):
                return run_as(account, user_environment(folder), lambda: refusal(folder))

        result = run_in_world(folder, as_root)
    assert "no right to talk to the Nix daemon" in result["message"]
    assert "nix-users" in result["hint"]


@pytest.mark.parametrize("stale_socket", [False, True])
def test_a_daemon_that_does_not_run_is_named_with_the_command_that_starts_it(
    stale_socket: bool,
) -> None:
    with world_folder() as folder:

        def as_root() -> Any:
            account = make_account(folder, nix_user=True)
            sockets = Path("/nix/var/nix/daemon-socket")
            sockets.mkdir(parents=True)
            if stale_socket:
                with socket.socket(socket.AF_UNIX) as listener:
                    listener.bind(str(sockets / "socket"))
                (sockets / "socket").chmod(0o666)
            return run_as(account, user_environment(folder), lambda: refusal(folder))

        result = run_in_world(folder, as_root)
    assert "daemon" in result["message"]
    assert "systemctl start nix-daemon" in result["hint"]
