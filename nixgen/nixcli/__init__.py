"""The gateway to Nix, 2.8 and newer: everything said to it and heard from it passes here."""

from nixgen.nixcli.access import Host, Mode, StoreAccess
from nixgen.nixcli.builders import BuildSystems, RemoteBuilder, build_systems, parse_builders
from nixgen.nixcli.calls import INSTALL_HINT
from nixgen.nixcli.failures import DerivationFailedError, SourceNames, ThrownError
from nixgen.nixcli.gateway import BuildPlan, BuildTarget, Nix
from nixgen.nixcli.probe import Sandbox, SandboxProbe, probe_sandbox
from nixgen.nixcli.settings import NixSettings
from nixgen.nixcli.shapes import Derivation, FixedOutput, PathInfo
from nixgen.nixcli.store import Collected, StoreTree
from nixgen.nixcli.storepath import StorePath, fixed_output_path
from nixgen.nixcli.version import OLDEST_NIX, NixVersion

__all__ = [
    "INSTALL_HINT",
    "OLDEST_NIX",
    "BuildPlan",
    "BuildSystems",
    "BuildTarget",
    "Collected",
    "Derivation",
    "DerivationFailedError",
    "FixedOutput",
    "Host",
    "Mode",
    "Nix",
    "NixSettings",
    "NixVersion",
    "PathInfo",
    "RemoteBuilder",
    "Sandbox",
    "SandboxProbe",
    "SourceNames",
    "StoreAccess",
    "StorePath",
    "StoreTree",
    "ThrownError",
    "build_systems",
    "fixed_output_path",
    "parse_builders",
    "probe_sandbox",
]
