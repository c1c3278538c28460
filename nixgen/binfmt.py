"""Which emulators the kernel starts the programs of other platforms with, by binfmt_misc.

https://docs.kernel.org/admin-guide/binfmt-misc.html
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nixgen.platforms import Platform

BINFMT = Path("/proc/sys/fs/binfmt_misc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """An emulator that is registered for a platform.

    With `fixed` (flag F) it was opened when it was registered: it starts programs wherever they
    are, in an image or in Nix's sandbox, where there is no file of its name.
    """

    emulator: str
    fixed: bool


def find_registration(platform: Platform, *, binfmt: Path = BINFMT) -> Registration | None:
    """What is registered and enabled for a platform's programs, a fixed one before others."""
    found: Registration | None = None
    entries = sorted(binfmt.iterdir()) if binfmt.is_dir() else []
    for entry in entries:
        if entry.name in ("register", "status"):
            continue
        lines = entry.read_text().splitlines()
        facts = dict(line.split(" ", 1) for line in lines if " " in line)
        if "enabled" not in lines or not _takes(facts, platform):
            continue
        emulator = facts.get("interpreter", entry.name)
        if "F" in facts.get("flags:", ""):
            return Registration(emulator=emulator, fixed=True)
        found = found or Registration(emulator=emulator, fixed=False)
    return found


def find_emulator(platform: Platform, *, binfmt: Path = BINFMT) -> str | None:
    """The emulator of a platform that works in Nix's sandbox too; None where there is none."""
    found = find_registration(platform, binfmt=binfmt)
    return found.emulator if found is not None and found.fixed else None


def registering_command(
    platform: Platform, found: Registration | None, *, binfmt: Path = BINFMT
) -> str:
    """The command, for root, after which the platform's programs run everywhere."""
    name = f"qemu-{platform.facts.qemu}"
    register = f"cat /usr/lib/binfmt.d/{name}.conf > {BINFMT}/register"
    steps = ["apt-get install -y qemu-user-static"]
    if not (binfmt / "register").exists():
        steps.append(f"mount -t binfmt_misc binfmt_misc {BINFMT}")
    if found is not None and not found.fixed:
        steps.append(f"echo -1 > {BINFMT}/{name}")
    steps.append(f"{{ test -e {BINFMT}/{name} || {register}; }}")
    return f"sudo sh -c '{' && '.join(steps)}'"


def _takes(facts: dict[str, str], platform: Platform) -> bool:
    """Whether an entry's magic takes a static executable of the platform."""
    if "magic" not in facts or facts.get("offset") != "0":
        return False
    header = platform.facts.elf.header()
    magic = bytes.fromhex(facts["magic"])
    mask = bytes.fromhex(facts["mask"]) if "mask" in facts else b"\xff" * len(magic)
    pairs = zip(header, magic, mask, strict=False)
    return len(magic) <= len(header) and all(h & m == g & m for h, g, m in pairs)
