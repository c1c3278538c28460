"""The program `nixgen`, also as `python -m nixgen`."""

from __future__ import annotations

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line; an interrupt while it is still being loaded ends it without a word."""
    previous = signal.getsignal(signal.SIGINT)
    if previous is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    # why here: loading takes most of a short run, and nothing is there to be cleaned up yet.
    from nixgen.cli.main import main as run

    signal.signal(signal.SIGINT, previous)
    run()


def _leave(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()
