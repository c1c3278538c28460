"""Whether this kernel runs programs of another platform, by itself or through binfmt_misc.

https://docs.kernel.org/admin-guide/binfmt-misc.html
"""

from __future__ import annotations

from pathlib import Path

from nixgen import _process
from nixgen.errors import MachineError
from nixgen.platforms import Platform, native_platform

BINFMT = Path("/proc/sys/fs/binfmt_misc")


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
    found, unfixed = _registered(platform, binfmt)
    if found is not None:
        return found
    raise _missing(platform, native, unfixed=unfixed, mounted=(binfmt / "register").exists())


def find_emulator(platform: Platform, *, binfmt: Path = BINFMT) -> str | None:
    """The emulator by which the kernel starts programs of the platform; None where it has none.

    It is one that needs no file where the programs are: it is there in Nix's sandbox too.
    """
    return _registered(platform, binfmt)[0]


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


def _registered(platform: Platform, binfmt: Path) -> tuple[str | None, bool]:
    """The interpreter that is registered for the platform; whether one lacks flag F."""
    unfixed = False
    entries = sorted(binfmt.iterdir()) if binfmt.is_dir() else []
    for entry in entries:
        if entry.name in ("register", "status"):
            continue
        lines = entry.read_text().splitlines()
        facts = dict(line.split(" ", 1) for line in lines if " " in line)
        if "enabled" not in lines or not _matches(facts, platform):
            continue
        # why: without F the kernel looks for the emulator inside the image.
        if "F" in facts.get("flags:", ""):
            return facts.get("interpreter", entry.name), False
        unfixed = True
    return None, unfixed


def _matches(facts: dict[str, str], platform: Platform) -> bool:
    """Whether an entry's magic takes a static executable of the platform."""
    if "magic" not in facts or facts.get("offset") != "0":
        return False
    header = platform.facts.elf.header()
    magic = bytes.fromhex(facts["magic"])
    mask = bytes.fromhex(facts["mask"]) if "mask" in facts else b"\xff" * len(magic)
    pairs = zip(header, magic, mask, strict=False)
    return len(magic) <= len(header) and all(h & m == g & m for h, g, m in pairs)


def _missing(platform: Platform, native: Platform, *, unfixed: bool, mounted: bool) -> MachineError:
    name = f"qemu-{platform.facts.qemu}"
    register = f"cat /usr/lib/binfmt.d/{name}.conf > {BINFMT}/register"
    steps = ["apt-get install -y qemu-user-static"]
    if not mounted:
        steps.append(f"mount -t binfmt_misc binfmt_misc {BINFMT}")
    if unfixed:
        steps.append(f"echo -1 > {BINFMT}/{name}")
    steps.append(f"{{ test -e {BINFMT}/{name} || {register}; }}")
    what = "is registered without flag F" if unfixed else "is not registered"
    return MachineError(
        f"this machine is {native} and can't run {platform}: {name} {what} in binfmt_misc",
        hint=f"sudo sh -c '{' && '.join(steps)}'",
    )
