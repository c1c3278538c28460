"""What every run of the tests says about itself."""

from __future__ import annotations

import os
import signal

from tests.nix.sets import VARIABLE, known_sets


def pytest_report_header() -> str:
    """Which package sets the contract is held against."""
    checkout = os.environ.get(VARIABLE)
    more = f" ({checkout})" if checkout else f"; {VARIABLE}=CHECKOUT adds a real nixpkgs"
    return f"package sets: bundled, {', '.join(known_sets())}{more}"


def pytest_configure() -> None:
    """Let programs that tests start be interrupted, and told that their terminal is gone.

    why: a shell starts background jobs with SIGINT ignored, and nohup what it starts with SIGHUP
    ignored; both are inherited, and honoured.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
