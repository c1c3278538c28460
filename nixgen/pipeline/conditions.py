"""Under which conditions a build ran, as far as this run can tell.

Whether builds are in Nix's sandbox is found out by building (`probe_sandbox`), which takes most
of a second: what was found is remembered in the state folder for as long as the same Nix, the
same way to the store and the same machine-wide settings are used.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nixgen
from nixgen.nixcli import Nix, Sandbox, probe_sandbox
from nixgen.pipeline.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What this run saw of the machine; nothing of it reaches the image.

    `sandbox` is what a probe found, `unknown` where it could not tell.
    """

    nix: str
    build_system: str
    store_access: str
    build_users: bool
    sandbox: Sandbox
    substitute: bool

    def as_json(self) -> dict[str, Any]:
        """The conditions as a JSON object."""
        return {
            "nixgen": nixgen.__version__,
            "nix": self.nix,
            "build_system": self.build_system,
            "store_access": self.store_access,
            "build_users": self.build_users,
            "sandbox": self.sandbox.value,
            "substitute": self.substitute,
        }


def find_conditions(
    nix: Nix, state: State, *, build_system: str, environ: Mapping[str, str]
) -> Conditions:
    """Look at the machine; may build a probe. Raises MachineError."""
    return Conditions(
        nix=str(nix.version),
        build_system=build_system,
        store_access=nix.access.mode.value,
        build_users=nix.access.has_build_users,
        sandbox=_sandbox(nix, state, environ),
        substitute=nix.settings.substitute,
    )


def _sandbox(nix: Nix, state: State, environ: Mapping[str, str]) -> Sandbox:
    key = _probe_key(nix, environ)
    known = state.probe(key)
    if known in (Sandbox.ON.value, Sandbox.OFF.value):
        return Sandbox(known)
    found = probe_sandbox(nix.silent()).sandbox
    if found is not Sandbox.UNKNOWN:
        state.write_probe(key, found.value)
    return found


def _probe_key(nix: Nix, environ: Mapping[str, str]) -> str:
    """A name for all that the answer depends on, as far as it can be seen from here."""
    folder = Path(environ.get("NIX_CONF_DIR") or "/etc/nix")
    facts = [
        str(nix.version),
        nix.access.mode.value,
        nix.access.store_url or "",
        str(nix.access.root or ""),
        str(os.geteuid()),
        *_file_facts(folder / "nix.conf"),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _file_facts(path: Path) -> list[str]:
    try:
        info = path.stat()
    except OSError:
        return ["absent"]
    return [str(path), str(info.st_size), str(info.st_mtime_ns)]
