"""What to find out about the machine beside Nix: kernel, disk, memory, programs, folders."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nixgen.doctor.finding import Finding, fail, ok, warn
from nixgen.doctor.trial import starts
from nixgen.nixcli.machine import NAMESPACES_HINT, SPACE_HINT
from nixgen.progress import format_bytes
from nixgen.runtime import INSTALL_HINT, RunnerInfo, available_runners

_GB = 1_000_000_000
_STORE_WARN_BYTES, _STORE_FAIL_BYTES = 10 * _GB, 2 * _GB
_TEMP_WARN_BYTES, _TEMP_FAIL_BYTES = 4 * _GB, 1 * _GB
_MEMORY_WARN_BYTES = 2 * _GB


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where the facts come from; tests give another machine.

    `root` is the folder that holds /proc, `free_bytes` gives the space left where a path lies,
    `starts` whether an executable file of these bytes runs, `runners` what images can be run by.
    """

    root: Path
    is_root: bool
    architecture: str
    cores: int
    temp: Path
    free_bytes: Callable[[Path], int]
    starts: Callable[[bytes], bool]
    runners: Callable[[], Sequence[RunnerInfo]]

    @classmethod
    def this(cls) -> Machine:
        """This machine, as this user sees it."""
        return cls(
            root=Path("/"),
            is_root=os.geteuid() == 0,
            architecture=os.uname().machine,
            cores=len(os.sched_getaffinity(0)),
            temp=Path(tempfile.gettempdir()),
            free_bytes=lambda path: shutil.disk_usage(path).free,
            starts=starts,
            runners=available_runners,
        )

    def read(self, path: str) -> str | None:
        """A small file of the kernel's, without the line's end; None where it is not there."""
        try:
            return (self.root / path).read_text(errors="replace").strip()
        except OSError:
            return None


def examine_machine(
    machine: Machine, *, store: Path | None, folders: Mapping[str, Path]
) -> Iterator[Finding]:
    """Findings about the machine; `store` is where /nix/store lies, None if not here."""
    yield _namespaces(machine)
    if store is not None:
        yield _space(machine, "disk-store", store, _STORE_WARN_BYTES, _STORE_FAIL_BYTES)
    yield _space(machine, "disk-temp", machine.temp, _TEMP_WARN_BYTES, _TEMP_FAIL_BYTES)
    yield _power(machine)
    yield _runners(machine)
    for name, folder in sorted(folders.items()):
        yield _folder(name, folder)


def _namespaces(machine: Machine) -> Finding:
    name = "user-namespaces"
    if machine.read("proc/sys/user/max_user_namespaces") == "0":
        return fail(name, "the kernel allows none", NAMESPACES_HINT)
    if machine.is_root:
        return ok(name, "allowed (and root can do without)")
    if machine.read("proc/sys/kernel/unprivileged_userns_clone") == "0":
        return warn(name, "only root may make them: images can't be run", NAMESPACES_HINT)
    if machine.read("proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        return warn(
            name,
            "AppArmor keeps them from programs without a profile",
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        )
    return ok(name, "allowed")


def _space(machine: Machine, name: str, path: Path, warn_below: int, fail_below: int) -> Finding:
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        free = machine.free_bytes(path)
    except OSError as error:
        return warn(name, f"can't tell: {error}", None)
    detail = f"{format_bytes(free)} free in {path}"
    if free < fail_below:
        return fail(name, f"{detail}; at least {format_bytes(fail_below)} is needed", SPACE_HINT)
    if free < warn_below:
        return warn(name, f"{detail}; {format_bytes(warn_below)} is comfortable", SPACE_HINT)
    return ok(name, detail)


def _power(machine: Machine) -> Finding:
    memory = _available_memory(machine.read("proc/meminfo"))
    cores = f"{machine.cores} core{'s' if machine.cores != 1 else ''}"
    if memory is None:
        return ok("power", cores)
    detail = f"{cores}, {format_bytes(memory)} of memory available"
    if memory < _MEMORY_WARN_BYTES:
        return warn("power", f"{detail}: compilers may run out of it", "nixgen image --jobs 1")
    return ok("power", detail)


def _available_memory(meminfo: str | None) -> int | None:
    for line in (meminfo or "").splitlines():
        key, _, value = line.partition(":")
        amount = value.removesuffix("kB").strip()
        if key == "MemAvailable" and amount.isdecimal():
            return int(amount) * 1024
    return None


def _runners(machine: Machine) -> Finding:
    """What `nixgen run` and `nixgen test` can use, each tried."""
    found = machine.runners()
    usable = [runner.name for runner in found if runner.usable]
    others = [f"{runner.name}: {runner.why_not}" for runner in found if not runner.usable]
    if usable:
        return ok("runners", "; ".join([", ".join(usable), *others]))
    return warn("runners", f"images can't be run here: {'; '.join(others)}", INSTALL_HINT)


def _folder(name: str, folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return fail(name, f"{folder} is not writable: {error.strerror}", f"ls -ld {folder.parent}")
    return ok(name, str(folder))
