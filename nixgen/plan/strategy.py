"""How each platform's packages come about: compiled across, built natively, or emulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, assert_never

from nixgen.errors import DescriptionError, MachineError, NixgenError, Problem
from nixgen.platforms import Platform
from nixgen.spec import AppSpec

Strategy = Literal["native", "cross", "emulated"]

BUNDLED_BUILD_SYSTEMS = ("x86_64-linux", "aarch64-linux")
"""What the bundled set can be built on: the systems with a zig seed, those of `build = true` in
nix/bundled/platforms.nix."""

_DOCTOR = "`nixgen doctor` says what this machine can build for, and how to have it build more"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildMachine:
    """What this machine can build for; Nix systems such as x86_64-linux throughout.

    `further_systems` are those that Nix is set to build here as well (its `extra-platforms`),
    `builders` maps those of its remote builders to the store of the first that has it,
    `emulators` those whose programs binfmt_misc starts, in Nix's sandbox too, to the emulator.
    """

    system: str
    further_systems: tuple[str, ...] = ()
    builders: Mapping[str, str] = field(default_factory=dict)
    emulators: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How one image is built: on which Nix system its derivations are, and why so."""

    strategy: Strategy
    build_system: str
    reason: str


class _CanNotError(Exception):
    """Why a strategy can't be followed; `of_machine` where another machine could."""

    def __init__(self, message: str, hint: str, *, of_machine: bool) -> None:
        super().__init__(message)
        self.hint = hint
        self.of_machine = of_machine


def needs_survey(spec: AppSpec, system: str) -> bool:
    """Whether the choice for this platform depends on more than this machine's own system."""
    return spec.cross in ("native", "emulated") and spec.platform.facts.system != system


def choose_strategies(
    specs: Sequence[AppSpec], machine: BuildMachine, *, description_file: str
) -> tuple[Choice, ...]:
    """The choice for each platform, in order.

    Raises DescriptionError where the package set can't be built so on any machine, MachineError
    where this one can't, each with a problem for every platform concerned.
    """
    choices: list[Choice] = []
    problems: list[tuple[Problem, bool]] = []
    for spec in specs:
        try:
            choices.append(_choose(spec, machine))
        except _CanNotError as refusal:
            found = Problem(
                message=f"{spec.platform}: {refusal}",
                file=description_file,
                key="build.cross",
                hint=refusal.hint,
            )
            problems.append((found, refusal.of_machine))
    if problems:
        raise _refusal(problems)
    return tuple(choices)


def _refusal(problems: Sequence[tuple[Problem, bool]]) -> NixgenError:
    found = [problem for problem, _ in problems]
    if all(of_machine for _, of_machine in problems):
        return MachineError("this machine can't build it in the way described", problems=found)
    return DescriptionError("a platform can't be built in the way described", problems=found)


def _choose(spec: AppSpec, machine: BuildMachine) -> Choice:
    platform, system = spec.platform, spec.platform.facts.system
    if system == machine.system:
        reason = f"{platform} is this build machine's own platform"
        return Choice(strategy="native", build_system=system, reason=reason)
    match spec.cross:
        case "auto" | "cross":
            return _compile_across(spec, machine)
        case "native":
            _refuse_unbuildable(spec)
            return _build_natively(system, machine)
        case "emulated":
            _refuse_unbuildable(spec)
            return _emulate(platform, machine)
        case _:
            assert_never(spec.cross)


def _compile_across(spec: AppSpec, machine: BuildMachine) -> Choice:
    reason = f"{machine.system} compiles for {spec.platform.facts.system}"
    if spec.cross == "auto":
        reason += ", which is the usual way"
    return Choice(strategy="cross", build_system=machine.system, reason=reason)


def _build_natively(system: str, machine: BuildMachine) -> Choice:
    # why in this order: Nix takes a remote builder where there is one.
    if system in machine.builders:
        reason = f"the remote builder {machine.builders[system]} builds for {system}"
    elif system in machine.further_systems:
        reason = f"Nix is set to build {system} on this machine too"
    else:
        raise _CanNotError(
            f"Nix knows no machine that builds natively for {system}: it is neither in its "
            "extra-platforms nor a system of one of its remote builders",
            _DOCTOR,
            of_machine=True,
        )
    return Choice(strategy="native", build_system=system, reason=reason)


def _emulate(platform: Platform, machine: BuildMachine) -> Choice:
    system = platform.facts.system
    emulator = machine.emulators.get(system)
    if emulator is None:
        raise _CanNotError(
            f"no emulator is registered with the kernel by which {system} programs would run "
            "in Nix's sandbox",
            _DOCTOR,
            of_machine=True,
        )
    reason = f"{emulator} runs the builds for {system} on this machine"
    return Choice(strategy="emulated", build_system=system, reason=reason)


def _refuse_unbuildable(spec: AppSpec) -> None:
    if spec.packages.kind == "bundled" and spec.platform.facts.system not in BUNDLED_BUILD_SYSTEMS:
        raise _CanNotError(
            f"the bundled package set can be built on {' and '.join(BUNDLED_BUILD_SYSTEMS)} only",
            'cross = "cross" compiles for it on this machine',
            of_machine=False,
        )
