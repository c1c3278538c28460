"""Whether this kernel runs programs of another platform, by itself or through binfmt_misc."""

from __future__ import annotations

from pathlib import Path

from nixgen import _process
from nixgen.binfmt import BINFMT, Registration, find_registration, registering_command
from nixgen.errors import MachineError
from nixgen.platforms import Platform, native_platform


def check_platform(
    platform: Platform,
    *,
    native: Platform | None = None,
    binfmt: Path = BINFMT,
    run: _process.Runner = _process.run,
) -> str | None:
    """What runs the platform's programs: None for the processor itself, else the emulator's path.

    Raises MachineError with the command that mends it where nothing does.
    """
    native = native or native_platform()
    if _runs_natively(platform, native, run):
        return None
    found = find_registration(platform, binfmt=binfmt)
    if found is not None and found.fixed:
        return found.emulator
    raise _missing(platform, native, found, binfmt)


def _runs_natively(platform: Platform, native: Platform, run: _process.Runner) -> bool:
    if platform == native:
        return True
    if (native.architecture, platform.architecture) == ("amd64", "386"):
        return True
    if (platform.architecture, native.architecture) == ("arm", "arm"):
        return (platform.variant or "v7") <= (native.variant or "v7")
    if (native.architecture, platform.architecture) == ("arm64", "arm"):
        # why: many 64-bit ARM processors can't run 32-bit programs; the kernel says so here.
        return run(["setarch", "linux32", "true"]).exit_code == 0
    return False


def _missing(
    platform: Platform, native: Platform, found: Registration | None, binfmt: Path
) -> MachineError:
    what = "is not registered" if found is None else "is registered without flag F"
    return MachineError(
        f"this machine is {native} and can't run {platform}: qemu-{platform.facts.qemu} {what} in "
        "binfmt_misc",
        hint=registering_command(platform, found, binfmt=binfmt),
    )
