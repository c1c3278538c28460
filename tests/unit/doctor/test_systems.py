"""What a machine can build for is found out by asking the kernel and each remote builder."""

from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.doctor.trial import make_trial, starts
from nixgen.elf import parse_header
from nixgen.nixcli import NixSettings
from nixgen.platforms import Platform, known_platforms, native_platform
from tests.unit.doctor.test_examine import (
    AARCH64,
    Simulated,
    absent_builder,
    findings,
    machine,
)

ENTRY = "proc/sys/fs/binfmt_misc/qemu-aarch64"
ARM64 = Platform.parse("linux/arm64")


@pytest.mark.parametrize("text", ["disabled\n", None])
def test_without_an_emulator_arm64_images_can_not_run(tmp_path: Path, text: str | None) -> None:
    this = machine(tmp_path)
    entry = this.root / ENTRY
    entry.unlink() if text is None else entry.write_text(text)
    found = findings(tmp_path, this=this)
    assert found["arm64"].status == "warn"
    assert "qemu-user-static" in str(found["arm64"].hint)
    assert found["emulation"].status == "ok"
    assert "of no other platform" in found["emulation"].detail


def test_an_arm64_machine_needs_no_emulator(tmp_path: Path) -> None:
    found = findings(tmp_path, this=machine(tmp_path, architecture="aarch64"))
    assert found["arm64"].detail == "native"


def test_an_emulator_that_works_is_named_with_what_it_is_good_for(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert "/usr/bin/qemu-aarch64" in found["arm64"].detail
    assert found["emulation"].detail == 'build.cross = "emulated" can build for linux/arm64'


def test_without_flag_f_the_entry_is_to_be_made_anew(tmp_path: Path) -> None:
    this = machine(tmp_path)
    (this.root / ENTRY).write_text(AARCH64.format(flags="OC"))
    found = findings(tmp_path, this=this)
    assert found["arm64"].status == found["emulation"].status == "warn"
    assert "flag F" in found["arm64"].detail
    assert "echo -1 > /proc/sys/fs/binfmt_misc/qemu-aarch64" in str(found["arm64"].hint)


def test_an_emulator_that_does_not_start_programs_is_a_fault(tmp_path: Path) -> None:
    found = findings(tmp_path, this=machine(tmp_path, starts=lambda program: program == b""))
    assert found["arm64"].status == found["emulation"].status == "warn"
    assert "do not run" in found["arm64"].detail


def test_what_can_be_built_natively_is_listed(tmp_path: Path) -> None:
    simulated = Simulated(probe=absent_builder())
    assert findings(tmp_path, simulated)["builders"].detail.endswith("linux/386 on this machine")
    simulated.config = {"builders": "arm.example.org aarch64-linux,x86_64-linux"}
    found = findings(tmp_path, simulated)
    assert found["builders"].detail.endswith("for linux/arm64 by remote builders")
    assert found["builder-1"].status == "ok"
    assert "ssh://arm.example.org" in found["builder-1"].detail
    simulated.config = {}
    assert "no other platform" in findings(tmp_path, simulated)["builders"].detail


def test_a_builder_that_does_not_answer_is_named_with_the_reason(tmp_path: Path) -> None:
    simulated = Simulated(probe=absent_builder())
    simulated.config = {"builders": "ssh://gone.example.org aarch64-linux"}
    simulated.fails["ping"] = []
    finding = findings(tmp_path, simulated)["builder-1"]
    assert finding.status == "warn"
    assert "can't be reached: it does not answer" in finding.detail
    assert finding.hint == "nix store ping --store ssh://gone.example.org"


@pytest.mark.parametrize(
    ("trusted", "further", "is_root", "told"),
    [
        (False, ["i686-linux"], False, True),
        (True, ["i686-linux"], False, False),
        (False, ["aarch64-linux"], False, False),
        (False, [], True, False),
    ],
)
def test_a_daemon_that_would_not_listen_is_to_be_set(
    tmp_path: Path, trusted: bool, further: list[str], is_root: bool, told: bool
) -> None:
    simulated = Simulated(version="2.26.3", probe=absent_builder())
    simulated.trusted, simulated.config = trusted, {"extra-platforms": further}
    this = machine(tmp_path, is_root=is_root)
    found = findings(tmp_path, simulated, settings=NixSettings(store="daemon"), this=this)
    assert ("emulation-daemon" in found) == told
    if told:
        hint = str(found["emulation-daemon"].hint)
        assert "extra-platforms = i686-linux aarch64-linux" in hint


def test_this_machine_starts_its_own_trial_and_no_other_file() -> None:
    program = make_trial(native_platform())
    assert program is not None
    assert starts(program)
    assert not starts(b"#!/no/such/interpreter\n")


@pytest.mark.parametrize("platform", known_platforms(), ids=str)
def test_a_trial_is_a_program_of_its_platform(platform: Platform) -> None:
    program = make_trial(platform)
    if program is not None:
        assert parse_header(program) == platform.facts.elf


def test_the_platforms_of_the_bundled_set_have_a_trial() -> None:
    assert all(make_trial(each) for each in known_platforms() if each.facts.bundled)
