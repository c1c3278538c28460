"""The runners of this machine: which are there, which work, and which to take."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from nixgen import _process
from nixgen.errors import MachineError, UsageError
from nixgen.platforms import Platform
from nixgen.runtime.bwrap import open_bwrap
from nixgen.runtime.foreign import check_platform
from nixgen.runtime.options import Job, Launch
from nixgen.runtime.podman import open_podman
from nixgen.runtime.unshare import open_unshare

_PROBE_TIMEOUT_S = 30.0
_PROBE_USER = 65532
_OLDEST_PODMAN = (4, 3)
INSTALL_HINT = "sudo apt-get install podman runc, or: sudo apt-get install bubblewrap"

_OPENERS: dict[str, Callable[[Job], AbstractContextManager[Launch]]] = {
    "podman": open_podman,
    "bwrap": open_bwrap,
    "unshare": open_unshare,
}
RUNNER_NAMES = tuple(_OPENERS)
"""Every runner by name, the preferred one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerInfo:
    """One way to run an image on this machine; `why_not` says why it is not usable."""

    name: str
    usable: bool
    why_not: str | None = None

    def open(self, job: Job) -> AbstractContextManager[Launch]:
        """Make the job ready to be started."""
        return _OPENERS[self.name](job)


def available_runners(*, run: _process.Runner = _process.run) -> tuple[RunnerInfo, ...]:
    """Every runner, in the order of preference, each tried by running something harmless."""
    return tuple(_probe(name, run) for name in RUNNER_NAMES)


def check_runner_name(name: str) -> None:
    """Raise UsageError for a name that no runner has."""
    if name not in RUNNER_NAMES:
        raise UsageError(f"no runner {name!r}: there are {', '.join(RUNNER_NAMES)}")


def choose_runner(
    preferred: str | None, platform: Platform, *, run: _process.Runner = _process.run
) -> RunnerInfo:
    """The runner to take: the preferred one, else the first that works.

    Raises UsageError for a name that is none, MachineError where it (or any) does not work here,
    or where nothing runs programs of the platform.
    """
    if preferred is not None:
        check_runner_name(preferred)
    check_platform(platform, run=run)
    refused = []
    for name in RUNNER_NAMES if preferred is None else (preferred,):
        info = _probe(name, run)
        if info.usable:
            return info
        refused.append(f"  {info.name}: {info.why_not}")
    what = "nothing on this machine can run" if preferred is None else f"{preferred} can't run"
    raise MachineError("\n".join([f"{what} an image:", *refused]), hint=INSTALL_HINT)


def probe_argv(name: str, *, as_root: bool) -> Sequence[str]:
    """A harmless program that succeeds where the runner works."""
    if name == "podman":
        return ("podman", "info", "--format", "{{.Version.Version}}")
    if name == "bwrap":
        user = (f"--reuid={_PROBE_USER}", f"--regid={_PROBE_USER}", "--clear-groups", "--")
        space = ("--unshare-user", "--unshare-pid", "--unshare-net")
        argv = ("bwrap", *space, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true")
        return ("setpriv", *user, *argv) if as_root else argv
    spaces = ("--mount", "--pid", "--net", "--ipc", "--uts", "--fork")
    return ("unshare", *spaces, "--propagation", "private", "setpriv", "--no-new-privs", "true")


def _probe(name: str, run: _process.Runner) -> RunnerInfo:
    if run is _process.run:
        return _probe_once(name)
    return _try(name, run)


@functools.cache
def _probe_once(name: str) -> RunnerInfo:
    return _try(name, _process.run)


def _try(name: str, run: _process.Runner) -> RunnerInfo:
    as_root = os.geteuid() == 0
    if name == "unshare" and not as_root:
        return RunnerInfo(name=name, usable=False, why_not="it needs root")
    try:
        done = run(probe_argv(name, as_root=as_root), timeout_s=_PROBE_TIMEOUT_S)
    except MachineError as error:
        return RunnerInfo(name=name, usable=False, why_not=error.message)
    if done.exit_code != 0:
        said = done.stderr.strip().splitlines() or [f"exit code {done.exit_code}"]
        return RunnerInfo(name=name, usable=False, why_not=said[-1])
    too_old = _too_old_podman(done.stdout.decode().strip()) if name == "podman" else None
    return RunnerInfo(name=name, usable=too_old is None, why_not=too_old)


def _too_old_podman(version: str) -> str | None:
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is not None and (int(found[1]), int(found[2])) >= _OLDEST_PODMAN:
        return None
    oldest = ".".join(map(str, _OLDEST_PODMAN))
    return f"podman {version} is too old: {oldest} or newer is needed"
