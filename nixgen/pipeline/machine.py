"""What this machine can build for: by itself, through Nix's settings, builders and the kernel."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from nixgen.binfmt import find_emulator
from nixgen.nixcli import Nix, build_systems
from nixgen.plan import BuildMachine, Plan
from nixgen.platforms import Platform, known_platforms


def survey_machine(
    nix: Nix, *, system: str, emulator_of: Callable[[Platform], str | None] = find_emulator
) -> BuildMachine:
    """Look at Nix's settings and the emulators that the kernel knows; builds nothing.

    `system` is this machine's own Nix system. Raises MachineError where Nix does not answer.
    """
    systems = build_systems(nix.show_config(), own_system=system)
    builders: dict[str, str] = {}
    for builder in systems.builders:
        for name in builder.systems:
            builders.setdefault(name, builder.store)
    emulators = {
        platform.facts.system: emulator
        for platform in known_platforms()
        if platform.facts.system != system and (emulator := emulator_of(platform)) is not None
    }
    return BuildMachine(
        system=system,
        further_systems=systems.further,
        builders=builders,
        emulators=emulators,
    )


def emulating(nix: Nix, plan: Plan) -> Nix:
    """The same Nix, which builds for the systems that the plan has emulated on this machine too."""
    systems = {image.build_system for image in plan.images if image.strategy == "emulated"}
    if not systems:
        return nix
    # why `extra-` twice: the setting is called extra-platforms, and what it has is to stay.
    option = ("extra-extra-platforms", " ".join(sorted(systems)))
    settings = nix.settings
    return nix.with_settings(
        dataclasses.replace(settings, extra_options=(*settings.extra_options, option))
    )
