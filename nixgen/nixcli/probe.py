"""Whether builds really run in Nix's sandbox, found out by building.

What Nix is configured to do does not tell: a daemon goes by its own settings and ignores those
of users whom it does not trust. So a derivation is built whose builder is a program of the host
outside the store, this Python: within the sandbox there is no such file.
"""

from __future__ import annotations

import enum
import os
import sys
import time
from dataclasses import dataclass

from nixgen.errors import MachineError
from nixgen.nixcli.failures import DerivationFailedError
from nixgen.nixcli.gateway import Nix
from nixgen.nixexpr import Call, Name, format_value
from nixgen.platforms import native_system

_NOT_THERE = "No such file or directory"


class Sandbox(enum.Enum):
    """What a probe found."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxProbe:
    """The answer of a probe. `fault` is the error that kept it from an answer, or None."""

    sandbox: Sandbox
    fault: MachineError | None = None


def probe_sandbox(nix: Nix) -> SandboxProbe:
    """Build a derivation that fails exactly when its build is in a sandbox; takes under 1 s.

    Raises nothing that the machine is to blame for: that is `fault`.
    """
    builder = os.path.realpath(sys.executable)
    expression = Call(
        Name("derivation"),
        (
            {
                # why: a name of its own, so that an earlier success is not taken for this one.
                "name": f"nixgen-sandbox-probe-{os.getpid()}-{time.time_ns()}",
                "system": native_system(),
                "builder": builder,
                "args": ["-I", "-c", "import os; os.mkdir(os.environ['out'])"],
                "preferLocalBuild": True,
                "allowSubstitutes": False,
            },
        ),
    )
    try:
        nix.build(format_value(expression), [""])
    except DerivationFailedError as error:
        # why: any other failure than this one comes from a builder that was found.
        absent = any(builder in line and _NOT_THERE in line for line in error.log_tail)
        return SandboxProbe(sandbox=Sandbox.ON if absent else Sandbox.OFF)
    except MachineError as error:
        return SandboxProbe(sandbox=Sandbox.UNKNOWN, fault=error)
    return SandboxProbe(sandbox=Sandbox.OFF)
