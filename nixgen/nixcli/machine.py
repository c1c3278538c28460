"""Faults of the machine as Nix words them, and the commands that mend them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nixgen.errors import MachineError, NetworkError

JOIN_GROUP_HINT = 'sudo usermod -aG nix-users "$USER"  (Debian), then log in again'
START_DAEMON_HINT = "sudo systemctl start nix-daemon.socket"
NAMESPACES_HINT = (
    "sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000"
    "  (in a container: run it with the rights to make namespaces)"
)
SPACE_HINT = "nixgen gc  frees old results"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    pattern: re.Pattern[str]
    message: str
    hint: str
    network: bool = False


def _fault(pattern: str, message: str, hint: str, *, network: bool = False) -> _Fault:
    return _Fault(pattern=re.compile(pattern), message=message, hint=hint, network=network)


_NO_SPACE = _fault(
    r"No space left on device|database or disk is full|Disk quota exceeded",
    "no space left on the disk",
    SPACE_HINT,
)
_FAULTS = (
    _NO_SPACE,
    _fault(
        r"cannot connect to (?:socket|daemon) at '[^']*': Permission denied",
        "no right to talk to the Nix daemon",
        JOIN_GROUP_HINT,
    ),
    _fault(
        r"cannot connect to (?:socket|daemon) at|cannot open connection to remote store"
        r"|Nix daemon disconnected unexpectedly",
        "the Nix daemon does not answer",
        START_DAEMON_HINT,
    ),
    _fault(
        r"(?s)(?:/nix/(?:store|var)|big-lock|SQLite database).*"
        r"(?:Permission denied|Read-only file system|readonly database)"
        r"|(?:Permission denied|Read-only file system).*/nix/(?:store|var)",
        "the Nix store is not writable",
        "use the Nix daemon, or --store with a folder of your own",
    ),
    _fault(
        r"does not support the kernel namespaces|user namespaces? (?:is|are) (?:not|disabled)"
        r"|(?:clon|unshar|creat)ing (?:builder process|.*namespace).*(?:not permitted|No space)"
        r"|unable to start build process|mounting '?/proc'?.*not permitted"
        r"|changing ownership of path .*Invalid argument",
        "this machine does not let Nix make its sandbox",
        NAMESPACES_HINT,
    ),
    _fault(
        r"is world-writable or a symlink",
        "Nix does not build in a store below a folder that everybody can write",
        "--store with a folder whose parents only you or root can write",
    ),
    _fault(
        r"the group '[^']*' specified in 'build-users-group' does not exist"
        r"|build users group '[^']*' has no members|no build users",
        "the group of Nix's build users is not usable",
        "sudo apt-get install --reinstall nix-setup-systemd  (Debian)",
    ),
    _fault(
        r"is required to build '[^']*', but I am a|Reason: platform mismatch"
        r"|unable to start any build",
        "this machine can't build for that system",
        "nixgen doctor  says which systems it can build for",
    ),
    _fault(
        r"unable to download|Could(?:n't| not) resolve host|Connection timed out"
        r"|Failed to connect to",
        "a download failed",
        "check the network, or name a folder of sources",
        network=True,
    ),
)


def machine_failure(
    texts: Sequence[str], *, only_space: bool = False
) -> MachineError | NetworkError | None:
    """The fault of this machine that Nix's words tell of, or None.

    `only_space` looks for a full disk alone: build logs may hold any other words.
    """
    for fault in (_NO_SPACE,) if only_space else _FAULTS:
        for text in texts:
            if fault.pattern.search(text):
                kind = NetworkError if fault.network else MachineError
                return kind(f"{fault.message}: {text.strip()}", hint=fault.hint)
    return None
