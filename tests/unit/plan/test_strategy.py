"""How each platform is built: what is wanted, what the machine can, and what is said otherwise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nixgen.errors import DescriptionError, MachineError
from nixgen.plan import BuildMachine, PlanOptions, make_plan, needs_survey
from nixgen.plan.model import Plan
from nixgen.plan.strategy import BUNDLED_BUILD_SYSTEMS
from nixgen.platforms import Platform
from nixgen.spec import AppSpec, parse_description
from nixgen.spec.model import Cross
from tests.unit.plan.pins import BUNDLED

AMD64, ARM64, ARMV7 = map(Platform.parse, ("linux/amd64", "linux/arm64", "linux/arm/v7"))
PLAIN = BuildMachine(system="x86_64-linux")
QEMU = BuildMachine(
    system="x86_64-linux",
    emulators={"aarch64-linux": "/usr/bin/qemu-aarch64", "armv7l-linux": "/usr/bin/qemu-arm"},
)
FARM = BuildMachine(
    system="x86_64-linux",
    further_systems=("i686-linux",),
    builders={"aarch64-linux": "ssh://arm.example.org"},
)


def spec_for(platform: Platform, cross: Cross, *, own_set: bool = False) -> AppSpec:
    description = parse_description('[app]\nname = "x"\n', path=Path("/project/app.toml"))
    spec = dataclasses.replace(description.resolve(platform=platform), cross=cross)
    if own_set:
        packages = dataclasses.replace(spec.packages, kind="path", path=Path("/set"), set="/set")
        spec = dataclasses.replace(spec, packages=packages)
    return spec


def plan(machine: BuildMachine, *specs: AppSpec) -> Plan:
    return make_plan(
        specs,
        description_file="app.toml",
        package_set=BUNDLED,
        options=PlanOptions(machine=machine),
        source_files=(),
    )


@pytest.mark.parametrize("cross", ["auto", "cross", "native", "emulated"])
def test_the_machines_own_platform_is_native_whatever_is_wanted(cross: Cross) -> None:
    spec = spec_for(AMD64, cross)
    assert not needs_survey(spec, "x86_64-linux")
    (image,) = plan(PLAIN, spec).images
    assert (image.strategy, image.build_system) == ("native", "x86_64-linux")


@pytest.mark.parametrize("cross", ["auto", "cross"])
def test_other_platforms_are_compiled_for_even_where_they_could_be_built(cross: Cross) -> None:
    spec = spec_for(ARM64, cross)
    assert not needs_survey(spec, "x86_64-linux")
    (image,) = plan(dataclasses.replace(FARM, emulators=QEMU.emulators), spec).images
    assert (image.strategy, image.build_system) == ("cross", "x86_64-linux")
    assert "x86_64-linux compiles for aarch64-linux" in image.strategy_reason


def test_native_goes_to_the_remote_builder_and_says_which() -> None:
    spec = spec_for(ARM64, "native")
    assert needs_survey(spec, "x86_64-linux")
    (image,) = plan(FARM, spec).images
    assert (image.strategy, image.build_system) == ("native", "aarch64-linux")
    assert "ssh://arm.example.org" in image.strategy_reason


def test_native_is_here_for_a_system_that_nix_takes_as_its_own() -> None:
    i386 = Platform.parse("linux/386")
    (image,) = plan(FARM, spec_for(i386, "native", own_set=True)).images
    assert (image.strategy, image.build_system) == ("native", "i686-linux")
    assert "on this machine" in image.strategy_reason


def test_emulated_names_the_emulator() -> None:
    spec = spec_for(ARM64, "emulated")
    assert needs_survey(spec, "x86_64-linux")
    (image,) = plan(QEMU, spec).images
    assert (image.strategy, image.build_system) == ("emulated", "aarch64-linux")
    assert "/usr/bin/qemu-aarch64" in image.strategy_reason


def test_each_platform_has_its_own_strategy_and_the_writer_its_own_machine() -> None:
    made = plan(QEMU, spec_for(AMD64, "auto"), spec_for(ARM64, "emulated"), spec_for(ARMV7, "auto"))
    assert [(image.strategy, image.build_system) for image in made.images] == [
        ("native", "x86_64-linux"),
        ("emulated", "aarch64-linux"),
        ("cross", "x86_64-linux"),
    ]
    assert made.machine_system == "x86_64-linux"


@pytest.mark.parametrize("cross", ["native", "emulated"])
def test_a_machine_that_can_not_is_told_with_key_and_command(cross: Cross) -> None:
    i386 = Platform.parse("linux/386")
    specs = (
        spec_for(AMD64, cross, own_set=True),
        spec_for(ARM64, cross, own_set=True),
        spec_for(i386, cross, own_set=True),
    )
    with pytest.raises(MachineError) as caught:
        plan(PLAIN, *specs)
    problems = caught.value.problems
    assert [problem.key for problem in problems] == ["build.cross"] * 2
    assert "aarch64-linux" in problems[0].message and "linux/386" in problems[1].message
    assert all("`nixgen doctor`" in str(problem.hint) for problem in problems)


@pytest.mark.parametrize("cross", ["native", "emulated"])
def test_the_bundled_set_is_not_built_where_it_has_no_seed(cross: Cross) -> None:
    with pytest.raises(DescriptionError) as caught:
        plan(QEMU, spec_for(ARMV7, cross))
    (problem,) = caught.value.problems
    assert "x86_64-linux and aarch64-linux" in problem.message
    assert 'cross = "cross"' in str(problem.hint)


def test_the_systems_with_a_seed_are_those_of_the_catalogue() -> None:
    from nixgen.pipeline.sourcing import bundled_catalogue

    seeds = {s for source in bundled_catalogue().sources if source.seed for s in source.systems}
    assert seeds == set(BUNDLED_BUILD_SYSTEMS)
