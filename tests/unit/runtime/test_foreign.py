"""Whether programs of another platform run here, asked of binfmt_misc as the kernel shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nixgen._process import Completed
from nixgen.errors import MachineError
from nixgen.platforms import Platform
from nixgen.runtime import check_platform

AMD64 = Platform.parse("linux/amd64")
ARM64 = Platform.parse("linux/arm64")
ARMV7 = Platform.parse("linux/arm/v7")
RISCV64 = Platform.parse("linux/riscv64")
AARCH64 = """enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: {flags}
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""


class Setarch:
    """setarch(1) on a processor that can or can't run 32-bit programs."""

    def __init__(self, *, works: bool) -> None:
        self.works = works

    def __call__(self, argv: Any, **_: Any) -> Completed:
        assert argv == ["setarch", "linux32", "true"]
        return Completed(argv=tuple(argv), exit_code=int(not self.works), stdout=b"", stderr="")


def binfmt(folder: Path, **entries: str) -> Path:
    (folder / "register").write_text("")
    (folder / "status").write_text("enabled\n")
    for name, text in entries.items():
        (folder / name).write_text(text)
    return folder


def test_the_machines_own_platform_needs_nothing(tmp_path: Path) -> None:
    assert check_platform(AMD64, native=AMD64, binfmt=tmp_path / "none") is None
    i386 = Platform.parse("linux/386")
    assert check_platform(i386, native=AMD64, binfmt=tmp_path / "none") is None


def test_a_registered_emulator_is_found_whatever_its_entry_is_called(tmp_path: Path) -> None:
    place = binfmt(tmp_path, other="enabled\ninterpreter /x\nflags: \nextension .py\n")
    (place / "any-name").write_text(AARCH64.format(flags="POCF"))
    found = check_platform(ARM64, native=AMD64, binfmt=place)
    assert found == "/usr/libexec/qemu-binfmt/aarch64-binfmt-P"


@pytest.mark.parametrize("platform", [RISCV64, ARMV7])
def test_an_emulator_of_another_machine_does_not_count(tmp_path: Path, platform: Platform) -> None:
    place = binfmt(tmp_path, aarch64=AARCH64.format(flags="POCF"))
    with pytest.raises(MachineError, match=f"can't run {platform}"):
        check_platform(platform, native=AMD64, binfmt=place)


def test_a_disabled_entry_does_not_count(tmp_path: Path) -> None:
    text = AARCH64.format(flags="F").replace("enabled", "disabled")
    with pytest.raises(MachineError, match="is not registered"):
        check_platform(ARM64, native=AMD64, binfmt=binfmt(tmp_path, aarch64=text))


def test_without_flag_f_the_emulator_is_to_be_registered_anew(tmp_path: Path) -> None:
    place = binfmt(tmp_path, aarch64=AARCH64.format(flags="POC"))
    with pytest.raises(MachineError, match="without flag F") as caught:
        check_platform(ARM64, native=AMD64, binfmt=place)
    assert caught.value.hint is not None
    assert "echo -1 > /proc/sys/fs/binfmt_misc/qemu-aarch64" in caught.value.hint


def test_the_hint_mounts_binfmt_misc_where_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        check_platform(ARM64, native=AMD64, binfmt=tmp_path / "none")
    hint = caught.value.hint or ""
    assert "apt-get install -y qemu-user-static && mount -t binfmt_misc" in hint
    assert "/usr/lib/binfmt.d/qemu-aarch64.conf" in hint
    with pytest.raises(MachineError) as caught:
        check_platform(ARM64, native=AMD64, binfmt=binfmt(tmp_path))
    assert "mount" not in (caught.value.hint or "")


def test_32_bit_arm_is_asked_of_the_processor(tmp_path: Path) -> None:
    none = tmp_path / "none"
    can = Setarch(works=True)
    assert check_platform(ARMV7, native=ARM64, binfmt=none, run=can) is None
    with pytest.raises(MachineError, match="qemu-arm is not registered"):
        check_platform(ARMV7, native=ARM64, binfmt=none, run=Setarch(works=False))


def test_an_older_arm_runs_on_a_newer_one_only(tmp_path: Path) -> None:
    v6 = Platform.parse("linux/arm/v6")
    assert check_platform(v6, native=ARMV7, binfmt=tmp_path / "none") is None
    with pytest.raises(MachineError):
        check_platform(ARMV7, native=v6, binfmt=tmp_path / "none")
