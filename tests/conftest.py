"""What every run of the tests says about itself."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

from tests.nix.sets import VARIABLE, known_sets


def pytest_report_header() -> str:
    """Which package sets the contract is held against."""
    checkout = os.environ.get(VARIABLE)
    more = f" ({checkout})" if checkout else f"; {VARIABLE}=CHECKOUT adds a real nixpkgs"
    return f"package sets: bundled, {', '.join(known_sets())}{more}"


def pytest_configure() -> None:
    """Hold no example against a clock, and let programs that tests start hear signals.

    why: a shell starts background jobs with SIGINT ignored, and nohup what it starts with SIGHUP
    ignored; both are inherited, and honoured.
    """
    # why: how long an example takes says how busy the machine is.
    settings.register_profile(
        "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("untimed")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
