"""A machine of its own for a test: another /nix, other accounts, a daemon, an ordinary user.

It is made of a mount namespace, so it needs root, and it is gone when the test ends.
"""

import contextlib
import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CLONE_NEWNS = 0x00020000
BUILD_USERS = 4
USER_ID = 7000
NIX_USERS_ID = 7001
BUILD_GROUP_ID = 7100


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An ordinary user of the world; `groups` beside the user's own."""

    uid: int
    groups: tuple[int, ...]
    home: Path


@contextlib.contextmanager
def world_folder() -> Iterator[Path]:
    """A folder that every user can reach (pytest's own are closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="world-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_in_world(folder: Path, work: Callable[[], Any]) -> Any:
    """Call `work` in a process that has an empty /nix and the accounts below; give its result.

    The result must be what JSON can hold. An exception there fails the test here.
    """
    assert os.geteuid() == 0, "a world of its own needs root"
    return _in_child(lambda: _enter(folder) or work())


def run_as(account: Account, environ: Mapping[str, str], work: Callable[[], Any]) -> Any:
    """Call `work` in a process of that user, with that environment; give its result."""

    def become() -> Any:
        os.setgroups(account.groups)
        os.setgid(account.uid)
        os.setuid(account.uid)
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(account.home)
        return work()

    return _in_child(become)


def make_account(folder: Path, *, nix_user: bool) -> Account:
    """The world's ordinary user, in the group that may talk to the daemon or not."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    os.chown(home, USER_ID, USER_ID)
    return Account(uid=USER_ID, groups=(NIX_USERS_ID,) if nix_user else (), home=home)


@contextlib.contextmanager
def nix_daemon(folder: Path, configuration: str) -> Iterator[None]:
    """A daemon on the world's own socket, which only the group nix-users may use, as on Debian."""
    sockets = Path("/nix/var/nix/daemon-socket")
    sockets.mkdir(parents=True)
    os.chown(sockets, 0, NIX_USERS_ID)
    sockets.chmod(0o770)
    (folder / "etc-nix").mkdir()
    (folder / "etc-nix/nix.conf").write_text(configuration)
    environ = {"PATH": os.environ["PATH"], "NIX_CONF_DIR": str(folder / "etc-nix")}
    with (folder / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen(
            ["nix-daemon"], env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + 30
            while not (sockets / "socket").exists():
                assert daemon.poll() is None, (folder / "daemon.log").read_text()
                assert time.monotonic() < deadline, "the daemon makes no socket"
                time.sleep(0.02)
            yield
        finally:
            daemon.terminate()
            daemon.wait(30)


def _enter(folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(_CLONE_NEWNS) == 0, os.strerror(ctypes.get_errno())
    _mount("--make-rprivate", "/")
    (folder / "nix/store").mkdir(parents=True, exist_ok=True)
    Path("/nix").mkdir(exist_ok=True)
    _mount("--bind", str(folder / "nix"), "/nix")
    builders = [f"nixbld{number}" for number in range(1, BUILD_USERS + 1)]
    passwd = ["root:x:0:0::/root:/bin/sh", f"ordinary:x:{USER_ID}:{USER_ID}::/nowhere:/bin/sh"]
    passwd += [
        f"{name}:x:{BUILD_GROUP_ID + number}:{BUILD_GROUP_ID}::/var/empty:/usr/sbin/nologin"
        for number, name in enumerate(builders, 1)
    ]
    group = [
        "root:x:0:",
        f"ordinary:x:{USER_ID}:",
        f"nix-users:x:{NIX_USERS_ID}:ordinary",
        f"nixbld:x:{BUILD_GROUP_ID}:{','.join(builders)}",
    ]
    for name, lines in (("passwd", passwd), ("group", group)):
        (folder / name).write_text("\n".join(lines) + "\n")
        _mount("--bind", str(folder / name), f"/etc/{name}")


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _in_child(work: Callable[[], Any]) -> Any:
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        # why: nothing of the test's process may run on in its copy, whatever happens.
        try:
            os.close(reading)
            try:
                answer = {"result": work()}
            except BaseException:
                answer = {"error": traceback.format_exc()}
            with os.fdopen(writing, "w") as pipe:
                json.dump(answer, pipe)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = json.load(pipe)
    os.waitpid(child, 0)
    assert "error" not in answer, answer["error"]
    return answer["result"]
