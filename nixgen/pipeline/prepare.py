"""From a description on disk to a plan and its generated files: everything before Nix builds."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nixgen.errors import DescriptionError, Problem
from nixgen.generate import GeneratedFile, render
from nixgen.lock import Lock
from nixgen.nixcli import Nix
from nixgen.pipeline.basepins import find_bases, pins_of
from nixgen.pipeline.bases import BaseAccess, BaseFinder, FoundBase
from nixgen.pipeline.machine import survey_machine
from nixgen.pipeline.pins import Pinned, locked, pin
from nixgen.pipeline.taken import survey_taken
from nixgen.plan import Plan, PlanOptions, make_plan, needs_survey
from nixgen.platforms import Platform, bundled_platforms, in_index_order
from nixgen.sourcetree import SourceTree
from nixgen.spec import AppSpec, Description, read_description
from nixgen.spec.model import Cross


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a command asks for: a description, and how to read it.

    An empty `platforms` means those of the description. `overrides` replaces `[vars]`, `cross`
    the description's own where it is not None. The machine in `options` is looked at more
    closely where what is wanted depends on it. `changes` are laid over the description, as
    `Description.with_changes` does. `frozen` refuses a lockfile that does not fit, and without
    `writes_lock` one that does not fit stays as it is.
    """

    description: Path
    profile: str | None = None
    platforms: tuple[Platform, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    cross: Cross | None = None
    options: PlanOptions
    changes: Mapping[str, Any] = field(default_factory=dict)
    frozen: bool = False
    writes_lock: bool = True
    base_access: BaseAccess = field(default_factory=BaseAccess)

    @property
    def may_write_lock(self) -> bool:
        """Whether the lockfile may be renewed."""
        return self.writes_lock and not self.frozen

    @property
    def looking(self) -> Request:
        """The same for what only looks: it leaves the lockfile as it is, there or not."""
        return dataclasses.replace(self, writes_lock=False)

    def read_description(self) -> Description:
        """The description with the changes; raises DescriptionError."""
        description = read_description(self.description)
        return description.with_changes(self.changes) if self.changes else description


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A description resolved, pinned, planned and rendered; nothing has been built.

    `source` is the project's, None where no image takes anything from it. `bases` are the base
    images, one for each of `specs`.
    """

    request: Request
    description: Description
    specs: tuple[AppSpec, ...]
    pinned: Pinned
    lock: Lock
    plan: Plan
    files: tuple[GeneratedFile, ...]
    source: SourceTree | None
    bases: tuple[FoundBase | None, ...]


def prepare(request: Request, nix: Nix) -> Prepared:
    """Read, resolve, pin, plan and render; raises every error that needs no evaluation."""
    description = request.read_description()
    specs = resolve_all(description, request)
    options = _surveyed(request.options, specs, nix)
    pinned = pin(specs[0].packages, nix)
    lock = locked(description.path, description.digest, pinned.package_set, frozen=request.frozen)
    bases = find_bases(
        specs,
        lock,
        make_finder(description, request, nix),
        description=description.path,
        frozen=request.frozen,
    )
    source = survey_taken(specs, description.path)
    plan = make_plan(
        specs,
        description_file=description.path.name,
        package_set=pinned.package_set,
        options=options,
        source_files=() if source is None else source.files,
        bases=[base.for_plan() if base is not None else None for base in bases],
    )
    return Prepared(
        request=request,
        description=description,
        specs=specs,
        pinned=pinned,
        lock=dataclasses.replace(lock, bases={**lock.bases, **pins_of(bases)}),
        plan=plan,
        files=render(plan),
        source=source,
        bases=bases,
    )


def make_finder(description: Description, request: Request, nix: Nix) -> BaseFinder:
    """Who finds the base images of a description."""
    return BaseFinder(
        project_dir=description.project_dir,
        access=request.base_access,
        environ=os.environ,
        reporter=nix.reporter,
    )


def _surveyed(options: PlanOptions, specs: Sequence[AppSpec], nix: Nix) -> PlanOptions:
    """The options with what this machine can build for, where a choice depends on it."""
    system = options.machine.system
    if not any(needs_survey(spec, system) for spec in specs):
        return options
    return dataclasses.replace(options, machine=survey_machine(nix, system=system))


def resolve_all(description: Description, request: Request) -> tuple[AppSpec, ...]:
    """The description resolved for each platform asked for, in the order of an image index.

    The order is one for all ways of naming the platforms: it is part of the index's digest.
    """
    platforms = request.platforms or description.platforms(request.profile)
    specs = tuple(
        description.resolve(platform=platform, profile=request.profile, overrides=request.overrides)
        for platform in in_index_order(platforms)
    )
    _refuse_unbuildable(description, specs, named=bool(request.platforms))
    if request.cross is not None:
        specs = tuple(dataclasses.replace(spec, cross=request.cross) for spec in specs)
    return specs


def _refuse_unbuildable(description: Description, specs: Sequence[AppSpec], *, named: bool) -> None:
    """`named` says whether the command line named the platforms."""
    served = bundled_platforms()
    problems = [
        Problem(
            message=f"the bundled package set can't build for {spec.platform}",
            file=None if named else str(description.path),
            key="--platform" if named else "image.platforms",
            hint=f"it builds for {', '.join(map(str, served))}",
        )
        for spec in specs
        if spec.packages.kind == "bundled" and spec.platform not in served
    ]
    if problems:
        raise DescriptionError("a platform can't be built", problems=problems)
