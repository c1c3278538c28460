"""Running images that nixgen built, with what the machine has: podman, bubblewrap or unshare.

`choose_runner`, then `run` (on this terminal), `capture` (a program's output, within limits) or
`start` (a server beside this process).
"""

from nixgen.runtime.command import make_command
from nixgen.runtime.files import ImageFiles
from nixgen.runtime.foreign import check_platform
from nixgen.runtime.image import ImageProcess, RunnableImage
from nixgen.runtime.root import open_workspace
from nixgen.runtime.runners import (
    INSTALL_HINT,
    RUNNER_NAMES,
    RunnerInfo,
    available_runners,
    check_runner_name,
    choose_runner,
)
from nixgen.runtime.server import Running, start
from nixgen.runtime.session import STOP_GRACE_S, Captured, capture, run

__all__ = [
    "INSTALL_HINT",
    "RUNNER_NAMES",
    "STOP_GRACE_S",
    "Captured",
    "ImageFiles",
    "ImageProcess",
    "RunnableImage",
    "RunnerInfo",
    "Running",
    "available_runners",
    "capture",
    "check_platform",
    "check_runner_name",
    "choose_runner",
    "make_command",
    "open_workspace",
    "run",
    "start",
]
