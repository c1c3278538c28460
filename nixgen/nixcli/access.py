"""How this user reaches the store: as its owner, through the daemon, or in another root."""

from __future__ import annotations

import enum
import grp
import os
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nixgen.errors import MachineError, UsageError
from nixgen.nixcli.machine import JOIN_GROUP_HINT, START_DAEMON_HINT

_STATE_DIR = Path("/nix/var/nix")
_BUILD_GROUP = "nixbld"
_URL = re.compile(r"[a-z][a-z0-9+.-]*://.+|(?:auto|daemon|local)(?:\?.*)?|dummy://")


class Mode(enum.Enum):
    """Who does the work in the store."""

    SINGLE_USER = "single-user"
    DAEMON = "daemon"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAccess:
    """How the store is reached.

    `root` is the folder that holds /nix/store, None for a store that is not on this machine.
    `has_build_users`: the group of build users exists and has members.
    """

    mode: Mode
    store_url: str | None
    root: Path | None
    is_root: bool
    has_build_users: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What is asked of the machine to find the access; tests give another one."""

    state_dir: Path
    socket: Path
    is_root: bool
    group_members: Callable[[str], list[str]]

    @classmethod
    def this(cls, environ: Mapping[str, str]) -> Host:
        """This machine, as this user sees it."""
        state_dir = Path(environ.get("NIX_STATE_DIR") or _STATE_DIR)
        socket = environ.get("NIX_DAEMON_SOCKET_PATH") or state_dir / "daemon-socket/socket"
        return cls(
            state_dir=state_dir,
            socket=Path(socket),
            is_root=os.geteuid() == 0,
            group_members=_group_members,
        )


def find_access(store: str | None, *, remote: str | None, host: Host) -> StoreAccess:
    """How `store` (of the settings; None: the machine's, or NIX_REMOTE `remote`) is reached.

    Raises UsageError for a store that is neither a folder nor a URL, MachineError when this
    user has no way to the machine's store.
    """
    url = _store_url(store) if store is not None else (remote or None)
    mode, root = _mode_of_machine(host) if url in (None, "auto") else _mode_of_url(url or "")
    return StoreAccess(
        mode=mode,
        store_url=url,
        root=root,
        is_root=host.is_root,
        has_build_users=bool(host.group_members(_BUILD_GROUP)),
    )


def _store_url(store: str) -> str:
    if _URL.fullmatch(store):
        return store
    if "://" in store or not store.strip():
        raise UsageError(f"not a store: {store!r}", hint="give a folder or a store URL")
    return str(Path(store).absolute())


def _mode_of_url(url: str) -> tuple[Mode, Path | None]:
    if url.startswith("/"):
        return Mode.SINGLE_USER, Path(url)
    parts = urllib.parse.urlsplit(url)
    if url.startswith("local") or parts.scheme == "local":
        root = urllib.parse.parse_qs(parts.query).get("root", ["/"])[0]
        return Mode.SINGLE_USER, Path(root)
    if url.startswith("daemon") or parts.scheme in {"unix", "daemon"}:
        root = urllib.parse.parse_qs(parts.query).get("root", ["/"])[0]
        return Mode.DAEMON, Path(root)
    return Mode.REMOTE, None


def _mode_of_machine(host: Host) -> tuple[Mode, Path]:
    # why: the order in which Nix itself looks, so that it finds the same.
    if os.access(host.state_dir, os.R_OK | os.W_OK):
        return Mode.SINGLE_USER, Path("/")
    try:
        has_socket = host.socket.exists()
    except PermissionError as error:
        raise _no_right(host) from error
    if has_socket:
        if not os.access(host.socket, os.W_OK):
            raise _no_right(host)
        return Mode.DAEMON, Path("/")
    if host.is_root:
        # why: Nix makes what is missing.
        return Mode.SINGLE_USER, Path("/")
    if host.socket.parent.exists() and not os.access(host.socket.parent, os.X_OK):
        raise _no_right(host)
    raise MachineError(
        f"no way to the Nix store: {host.state_dir} is not writable and no daemon listens on "
        f"{host.socket}",
        hint=START_DAEMON_HINT,
    )


def _no_right(host: Host) -> MachineError:
    return MachineError(
        f"no right to talk to the Nix daemon on {host.socket}", hint=JOIN_GROUP_HINT
    )


def _group_members(name: str) -> list[str]:
    try:
        return list(grp.getgrnam(name).gr_mem)
    except KeyError:
        return []
