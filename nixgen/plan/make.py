"""Making the Plan: pure functions from AppSpecs, pins and options to frozen data."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, assert_never

import nixgen
from nixgen.closure.variants import choose_candidates
from nixgen.errors import UsageError
from nixgen.lock import PinnedSet
from nixgen.plan.accounts import find_accounts
from nixgen.plan.base import Base, BasePlan, layers_left
from nixgen.plan.config import has_own_certificates, make_annotations, make_config
from nixgen.plan.entries import make_entries
from nixgen.plan.globs import select_files
from nixgen.plan.model import BuildPlan, ImagePlan, Plan
from nixgen.plan.strategy import BuildMachine, Choice, choose_strategies
from nixgen.spec import AppSpec
from nixgen.spec.model import Build, CBuild, FilesBuild, NixBuild


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What the command line adds to the description.

    `machine` is what this machine can build for. `source_date_epoch` is the variable of that name
    in seconds, None where unset; `tags` and `created` replace the description's own.
    """

    machine: BuildMachine
    tags: tuple[str, ...] = ()
    created: int | Literal["source-date-epoch"] | None = None
    source_date_epoch: int | None = None


def make_plan(
    specs: Sequence[AppSpec],
    *,
    description_file: str,
    package_set: PinnedSet,
    options: PlanOptions,
    source_files: Sequence[PurePosixPath],
    bases: Sequence[Base | None] | None = None,
) -> Plan:
    """The plan for one description, resolved for each of its platforms (at least one).

    `bases` holds the base image of each; None means that there are none.
    `source_files` are the files of the project's source, relative to its folder; only those
    that a build's patterns choose are looked at. Raises DescriptionError for a pattern that
    matches none, UsageError as `make_image_plan` does, and as `choose_strategies` does.
    """
    first = specs[0]
    choices = choose_strategies(specs, options.machine, description_file=description_file)
    images = tuple(
        make_image_plan(spec, choice, options, source_files, base)
        for spec, choice, base in zip(specs, choices, bases or [None] * len(specs), strict=True)
    )
    _check_tags(images)
    return Plan(
        app_name=first.app.name,
        app_version=first.app.version,
        nixgen_version=nixgen.__version__,
        description_file=description_file,
        description_digest=first.digest,
        profile=first.profile,
        package_set=package_set,
        machine_system=options.machine.system,
        images=images,
    )


def _check_tags(images: Sequence[ImagePlan]) -> None:
    """Raise UsageError where platforms of one image want different tags."""
    for image in images[1:]:
        if image.tags != images[0].tags:
            raise UsageError(
                f"image.tags: {', '.join(images[0].tags)} for {images[0].platform}, but "
                f"{', '.join(image.tags)} for {image.platform}: all platforms are one image",
                hint="keep what differs by platform out of the tags, or name one --platform",
            )


def make_image_plan(
    spec: AppSpec,
    choice: Choice,
    options: PlanOptions,
    source_files: Sequence[PurePosixPath],
    base: Base | None = None,
) -> ImagePlan:
    """The plan of one image.

    Raises UsageError where `created` needs a variable that is unset, DescriptionError where the
    description does not fit the base image.
    """
    image = spec.image
    accounts = find_accounts(image, base)
    contents = _contents(spec, base)
    return ImagePlan(
        platform=spec.platform,
        build_system=choice.build_system,
        strategy=choice.strategy,
        strategy_reason=choice.reason,
        name=spec.app.name,
        tags=options.tags or image.tags,
        created=_created(spec, options),
        base=BasePlan.of(base) if base is not None else None,
        contents=contents,
        candidates=choose_candidates(
            contents, mode=spec.closure.minimise, as_named=spec.closure.as_named
        ),
        build=_build(spec.build, source_files) if spec.build is not None else None,
        config=make_config(spec, accounts, base),
        entries=make_entries(spec, accounts, base),
        max_layers=layers_left(image.layers.max, base),
        layer_strategy=image.layers.strategy,
        compression=image.compression,
        annotations=make_annotations(spec, base),
        foreign_binaries=image.foreign_binaries,
        closure=spec.closure,
    )


def _contents(spec: AppSpec, base: Base | None) -> tuple[str, ...]:
    wanted = list(spec.image.contents)
    if has_own_certificates(spec, base):
        wanted.append("cacert")
    if spec.image.timezones or spec.image.timezone is not None:
        wanted.append("tzdata")
    return tuple(dict.fromkeys(wanted))


def _created(spec: AppSpec, options: PlanOptions) -> str:
    wanted = options.created if options.created is not None else spec.image.created
    if wanted == "source-date-epoch":
        if options.source_date_epoch is None:
            raise UsageError(
                "created is source-date-epoch, and SOURCE_DATE_EPOCH is not set",
                hint="export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct), or leave `created` out",
            )
        wanted = options.source_date_epoch
    moment = datetime.datetime.fromtimestamp(wanted, tz=datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _build(build: Build, source_files: Sequence[PurePosixPath]) -> BuildPlan:
    packages: tuple[str, ...] = ()
    data: dict[str, Any]
    match build:
        case FilesBuild():
            data = {"dest": build.dest, "files": _chosen_files(build, source_files)}
        case CBuild():
            packages = build.libs
            data = {
                "system": build.system,
                "program": build.program,
                "sources": _c_sources(build, source_files),
                "cflags": [*([f"-std={build.std}"] if build.std else []), *build.cflags],
                "ldflags": list(build.ldflags),
                "makeTargets": list(build.make_targets),
            }
        case NixBuild():
            data = {"file": build.file, "args": {name: _listed(v) for name, v in build.args}}
        case _:
            assert_never(build)
    return BuildPlan(kind=build.kind, src=build.src, packages=packages, data=data)


def _chosen_files(build: FilesBuild, source_files: Sequence[PurePosixPath]) -> list[str] | None:
    """The files to take, relative to `src`; None for all of them."""
    if not build.include and not build.exclude:
        return None
    return select_files(
        source_files,
        folder=build.src,
        include=build.include or ("**",),
        exclude=build.exclude,
        key="build.include",
    )


def _c_sources(build: CBuild, source_files: Sequence[PurePosixPath]) -> list[str]:
    """The C files to compile, relative to `src`; none where make knows them."""
    if build.system == "make":
        return []
    return select_files(
        source_files, folder=build.src, include=build.sources, exclude=(), key="build.sources"
    )


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, tuple) else value
