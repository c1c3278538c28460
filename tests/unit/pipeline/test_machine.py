"""What a machine can build for, gathered from Nix and the kernel; and how Nix is told to do so."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from nixgen.pipeline.machine import emulating, survey_machine
from nixgen.plan import BuildMachine, Plan, PlanOptions, make_plan
from nixgen.platforms import Platform
from nixgen.spec import parse_description
from nixgen.spec.model import Cross
from tests.fakes.nix import OPTIONS, REPORTING, argv, fake_nix
from tests.fakes.runner import Answer
from tests.unit.plan.pins import BUNDLED

QEMU = BuildMachine(system="x86_64-linux", emulators={"aarch64-linux": "/qemu"})
ARM64 = Platform.parse("linux/arm64")


def settings_of_nix(**values: object) -> Answer:
    return Answer(stdout=json.dumps({name: {"value": value} for name, value in values.items()}))


def plan(cross: Cross) -> Plan:
    spec = parse_description('[app]\nname = "x"\n', path=Path("/p/app.toml")).resolve(
        platform=ARM64
    )
    return make_plan(
        [dataclasses.replace(spec, cross=cross)],
        description_file="app.toml",
        package_set=BUNDLED,
        options=PlanOptions(machine=QEMU),
        source_files=(),
    )


def test_the_first_builder_of_a_system_and_every_emulator_are_found(tmp_path: Path) -> None:
    config = settings_of_nix(
        **{
            "extra-platforms": ["i686-linux"],
            "builders": "ssh://a aarch64-linux; ssh://b aarch64-linux,riscv64-linux",
        }
    )
    nix, _, _ = fake_nix(tmp_path, {argv("nix", "show-config", "--json"): config})
    machine = survey_machine(
        nix,
        system="x86_64-linux",
        emulator_of=lambda platform: "/qemu" if platform == ARM64 else None,
    )
    assert machine == BuildMachine(
        system="x86_64-linux",
        further_systems=("i686-linux",),
        builders={"aarch64-linux": "ssh://a", "riscv64-linux": "ssh://b"},
        emulators={"aarch64-linux": "/qemu"},
    )


def test_nix_is_told_of_emulated_systems_beside_those_it_has(tmp_path: Path) -> None:
    told = ("--option", "extra-extra-platforms", "aarch64-linux")
    call = ("nix", "eval", "--json", "--pure-eval", "--show-trace", "--expr", "1")
    nix, runner, _ = fake_nix(tmp_path, {(*call, *OPTIONS, *told, *REPORTING): Answer(stdout="1")})
    assert emulating(nix, plan("emulated")).eval_json("1") == 1
    assert told == runner.calls[-1][len(call) + len(OPTIONS) :][:3]


def test_nix_is_told_nothing_where_nothing_is_emulated(tmp_path: Path) -> None:
    nix, _, _ = fake_nix(tmp_path)
    assert emulating(nix, plan("cross")) is nix
