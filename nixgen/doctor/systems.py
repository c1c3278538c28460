"""Which other platforms can be built for here: under emulation, and natively by Nix's builders."""

from __future__ import annotations

from collections.abc import Iterator

from nixgen.binfmt import Registration, find_emulator, find_registration, registering_command
from nixgen.doctor.finding import Finding, ok, warn
from nixgen.doctor.machine import Machine
from nixgen.doctor.trial import make_trial
from nixgen.errors import NixgenError
from nixgen.nixcli import BuildSystems, Mode, Nix, RemoteBuilder, build_systems
from nixgen.platforms import Platform, known_platforms

_BINFMT = "proc/sys/fs/binfmt_misc"
_ARM64 = Platform.parse("linux/arm64")
_REACHED_WITHIN_S = 15


def examine_emulation(machine: Machine) -> Iterator[Finding]:
    """What the kernel runs of other platforms: arm64 in particular, then all."""
    native = f"{machine.architecture}-linux"
    others = [each for each in known_platforms() if each.facts.system != native]
    found = {each: find_registration(each, binfmt=machine.root / _BINFMT) for each in others}
    running = {each: _runs(machine, each, at) for each, at in found.items()}
    if _ARM64 in found:
        yield _arm64(machine, found[_ARM64], runs=running[_ARM64])
    else:
        yield ok("arm64", "native")
    works = [str(each) for each, at in found.items() if at and at.fixed and running[each]]
    broken = [each for each, at in found.items() if at and not (at.fixed and running[each])]
    if broken:
        yield warn(
            "emulation",
            f"registered, but of no use to Nix's sandbox: {', '.join(map(str, broken))}",
            _command(machine, broken[0], found[broken[0]]),
        )
    elif works:
        yield ok("emulation", f'build.cross = "emulated" can build for {", ".join(works)}')
    else:
        yield ok("emulation", 'of no other platform: build.cross = "emulated" can\'t be used')


def _runs(machine: Machine, platform: Platform, found: Registration | None) -> bool:
    program = make_trial(platform)
    return found is not None and (program is None or machine.starts(program))


def _arm64(machine: Machine, found: Registration | None, *, runs: bool) -> Finding:
    if found is None:
        fault = "its images can be built but not run here"
    elif not found.fixed:
        fault = (
            f"{found.emulator} is registered without flag F: it is not found in images and in "
            "Nix's sandbox"
        )
    elif not runs:
        fault = f"{found.emulator} is registered, but its programs do not run"
    else:
        return ok("arm64", f"its programs run here, by {found.emulator}")
    return warn("arm64", fault, _command(machine, _ARM64, found))


def _command(machine: Machine, platform: Platform, found: Registration | None) -> str:
    return (
        f"{registering_command(platform, found, binfmt=machine.root / _BINFMT)}  (Debian, Ubuntu)"
    )


def examine_builders(nix: Nix, machine: Machine) -> Iterator[Finding]:
    """Whom Nix can have other platforms built by natively; asks each remote builder."""
    own = f"{machine.architecture}-linux"
    try:
        systems = build_systems(nix.show_config(), own_system=own)
    except NixgenError as error:
        yield warn("builders", error.message, error.hint)
        return
    yield ok("builders", _served(systems, own))
    for number, builder in enumerate(systems.builders, start=1):
        yield _reached(nix, f"builder-{number}", builder)
    yield from _unheard(nix, machine, systems)


def _served(systems: BuildSystems, own: str) -> str:
    known = {each.facts.system: str(each) for each in known_platforms()}
    here = [known[name] for name in systems.further if name in known]
    there = {name for builder in systems.builders for name in builder.systems if name != own}
    remote = [platform for name, platform in known.items() if name in there]
    parts = [f"{', '.join(here)} on this machine"] if here else []
    parts += [f"{', '.join(remote)} by remote builders"] if remote else []
    served = "; ".join(parts) or "no other platform"
    return f'build.cross = "native" can build for {served}'


def _reached(nix: Nix, name: str, builder: RemoteBuilder) -> Finding:
    fault = nix.unreachable(builder.store, timeout_s=_REACHED_WITHIN_S)
    served = ", ".join(builder.systems)
    if fault is None:
        return ok(name, f"{builder.store} answers ({served})")
    return warn(
        name,
        f"{builder.store} ({served}) can't be reached: {fault}",
        f"nix store ping --store {builder.store}",
    )


def _unheard(nix: Nix, machine: Machine, systems: BuildSystems) -> Iterator[Finding]:
    """A daemon takes it from users whom it trusts only that this machine builds for a system."""
    if nix.access.mode is not Mode.DAEMON or machine.is_root:
        return
    emulated = [
        each.facts.system
        for each in known_platforms()
        if find_emulator(each, binfmt=machine.root / _BINFMT) is not None
    ]
    missing = [name for name in emulated if name not in systems.further]
    if missing and not nix.is_trusted():
        line = f"extra-platforms = {' '.join([*systems.further, *missing])}"
        yield warn(
            "emulation-daemon",
            f"the Nix daemon has {', '.join(missing)} emulated only for users whom it trusts, or "
            "where it is set to",
            f"echo '{line}' | sudo tee -a /etc/nix/nix.conf && sudo systemctl restart nix-daemon",
        )
