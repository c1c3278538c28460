"""The only door to other programs.

Programs are started from argument lists, never through a shell, in a session of their own, so
that whatever ends this process (Ctrl-C, SIGTERM, an exception) ends the program and all it
started: first SIGTERM, after a grace SIGKILL. Standard input is empty unless given. Text is
decoded as UTF-8 with replacement, so that no program's output can make nixgen fail.
"""

from nixgen._process.child import (
    Child,
    Limited,
    child_pids,
    open_child,
    run_limited,
    signal_process,
    wait_until_gone,
)
from nixgen._process.programs import (
    ProcessFailedError,
    ProcessLimitError,
    find_program,
    missing_program,
)
from nixgen._process.signals import ending_on_signals
from nixgen._process.start import (
    DEFAULT_MAX_OUTPUT_BYTES,
    Completed,
    Filter,
    Runner,
    open_filter,
    replace,
    run,
    run_attached,
)

__all__ = [
    "DEFAULT_MAX_OUTPUT_BYTES",
    "Child",
    "Completed",
    "Filter",
    "Limited",
    "ProcessFailedError",
    "ProcessLimitError",
    "Runner",
    "child_pids",
    "ending_on_signals",
    "find_program",
    "missing_program",
    "open_child",
    "open_filter",
    "replace",
    "run",
    "run_attached",
    "run_limited",
    "signal_process",
    "wait_until_gone",
]
