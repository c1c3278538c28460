"""Can this machine build images, and if not, which command mends it?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nixgen.doctor.finding import Finding, Status
from nixgen.doctor.machine import Machine, examine_machine
from nixgen.doctor.nix import examine_nix
from nixgen.doctor.systems import examine_builders, examine_emulation
from nixgen.errors import NixgenError
from nixgen.nixcli import Nix

__all__ = ["Finding", "Machine", "Status", "examine"]


def examine(
    nix: Nix, *, folders: Mapping[str, Path], machine: Machine | None = None
) -> tuple[Finding, ...]:
    """Look at everything that nixgen needs, in the order in which it needs it.

    `folders` are those that nixgen writes to, by the name to show (such as "state-folder"); they
    are made where missing. Builds one tiny derivation, adds one small file to the store,
    starts a tiny program of each platform and asks each remote builder whether it is there.
    """
    findings = list(examine_nix(nix))
    store: Path | None
    try:
        root = nix.access.root
        store = None if root is None else root / "nix/store"
    except NixgenError:
        store = Path("/nix/store")
    this = machine or Machine.this()
    findings += examine_machine(this, store=store, folders=folders)
    findings += examine_emulation(this)
    if all(finding.status != "fail" for finding in findings if finding.name in ("nix", "store")):
        findings += examine_builders(nix, this)
    return tuple(findings)
