"""Killing a run of nixgen at a moment drawn at random: by the clock, or before a file operation."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.conftest import ROOT

# why: what a kill by the clock seldom hits are the few operations that change what is on disk.
_COUNTING = """
import atexit, os, signal, sys
from nixgen.cli.main import main
fatal, place = int(sys.argv[1]), sys.argv[2]
done = 0
changes = {"os.rename", "os.link", "os.symlink", "os.mkdir", "os.rmdir", "os.remove", "os.chmod",
    "os.truncate", "os.utime", "fcntl.flock", "fcntl.ioctl", "subprocess.Popen"}
def count(event, arguments):
    global done
    if event == "open":
        if not isinstance(arguments[2], int) or not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
    elif event not in changes:
        return
    done += 1
    if done == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
def report():
    number = done
    open(place, "w").write(str(number))
atexit.register(report)
sys.addaudithook(count)
main(sys.argv[3:])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How long a whole run takes: in seconds, and in operations that change something on disk."""

    seconds: float
    operations: int


def measure(arguments: tuple[str, ...], *, work: Path, environment: dict[str, str]) -> Extent:
    """Run nixgen to its end, which must be a good one."""
    start = time.monotonic()
    _run(arguments, fatal=0, work=work, environment=environment).check_returncode()
    seconds = time.monotonic() - start
    return Extent(seconds=seconds, operations=int((work / "operations").read_text()))


def kill_at_random(
    arguments: tuple[str, ...],
    extent: Extent,
    source: random.Random,
    *,
    work: Path,
    environment: dict[str, str],
) -> str:
    """Run nixgen and kill it somewhere within its extent; gives the moment in words."""
    if source.random() < 0.5:
        fatal = source.randint(1, extent.operations)
        _run(arguments, fatal=fatal, work=work, environment=environment)
        return f"operation {fatal} of {extent.operations}"
    seconds = source.uniform(0, extent.seconds)
    with subprocess.Popen(
        [sys.executable, "-m", "nixgen", *arguments],
        env=_environment(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    return f"{seconds:.3f} s of {extent.seconds:.3f} s"


def _run(
    arguments: tuple[str, ...], *, fatal: int, work: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", _COUNTING, str(fatal), str(work / "operations"), *arguments],
        env=_environment(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def _environment(more: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}
