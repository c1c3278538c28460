"""`nixgen image`: the main job."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.options import (
    CreatedOption,
    DescriptionArgument,
    JobsOption,
    JsonOption,
    LockedOption,
    OfflineOption,
    PlatformOption,
    ProfileOption,
    QuietOption,
    SourcesOption,
    StoreOption,
    SubstituteOption,
    TagOption,
    VarOption,
    VerboseOption,
    make_nix,
    make_request,
    progress,
)
from nixgen.cli.output import (
    human_size,
    print_json,
    print_note,
    print_result,
    reporting_errors,
)
from nixgen.cli.registry import CaFileOption, PlainHttpOption

if TYPE_CHECKING:
    from nixgen.nixcli import BuildPlan
    from nixgen.pipeline.image import ImageResult
    from nixgen.progress import Reporter
    from nixgen.registry import ImageReference, PushResult

_DEFAULT = Path("app.toml")


class Format(StrEnum):
    """The forms an image can be written in."""

    oci = "oci"
    oci_archive = "oci-archive"
    docker_archive = "docker-archive"


def image(
    description: DescriptionArgument = _DEFAULT,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="PATH", help="Where the image goes; default: ./NAME.oci"
        ),
    ] = None,
    form: Annotated[
        Format, typer.Option("-f", "--format", help="OCI layout folder, or an archive.")
    ] = Format.oci,
    profile: ProfileOption = None,
    platform: PlatformOption = None,
    var: VarOption = None,
    tag: TagOption = None,
    created: CreatedOption = None,
    locked: LockedOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be built and fetched, and stop.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read and compress every layer anew.")
    ] = False,
    verify_cache: Annotated[
        bool, typer.Option("--verify-cache", help="Hash every cached layer before it is used.")
    ] = False,
    record: Annotated[
        bool,
        typer.Option("--record", help="Write the build record too, as PATH.record.json."),
    ] = False,
    push: Annotated[
        list[str] | None,
        typer.Option(
            "--push",
            metavar="REFERENCE",
            help="Push the image there, HOST/REPOSITORY[:TAG]; may be repeated.",
        ),
    ] = None,
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    store: StoreOption = None,
    sources: SourcesOption = None,
    offline: OfflineOption = False,
    substitute: SubstituteOption = False,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Build the image of a description, and write it as an OCI layout or an archive."""
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline import build
        from nixgen.sources import make_supply

        targets = _targets(push or (), form)
        request = make_request(
            description,
            profile=profile,
            platforms=platform,
            variables=var,
            tag=tag,
            created=created,
            frozen=locked,
        )
        with progress(quiet=quiet, verbose=verbose) as reporter:
            nix = make_nix(reporter, store=store, substitute=substitute, jobs=jobs)
            if dry_run:
                steps = build.plan_steps(request, nix)
            else:
                result = build.build_and_write(
                    request,
                    nix,
                    destination=output,
                    form=form.value,
                    supply=make_supply(os.environ, folders=sources or (), offline=offline),
                    cache=None
                    if no_cache
                    else build.layer_cache(warn=print_note, rehash=verify_cache),
                    with_record=record,
                )
                pushed = _publish(result, targets, plain_http, ca_file, reporter)
        if dry_run:
            print_steps(steps, as_json=as_json)
        elif as_json:
            print_json({**result.as_json(), "pushed": [each.as_json() for each in pushed]})
        else:
            print_result("\n".join([_format_result(result), *map(_format_push, pushed)]))


def _targets(references: Sequence[str], form: Format) -> tuple[ImageReference, ...]:
    if not references:
        return ()
    from nixgen.pipeline.publish import parse_targets

    return parse_targets(references, form.value)


def _publish(
    result: ImageResult,
    targets: Sequence[ImageReference],
    plain_http: bool,
    ca_file: Path | None,
    reporter: Reporter,
) -> tuple[PushResult, ...]:
    if not targets:
        return ()
    from nixgen.pipeline.publish import RegistryAccess, publish

    access = RegistryAccess(
        environ=os.environ, plain_http=plain_http or None, ca_file=ca_file, reporter=reporter
    )
    return publish(result, targets, access)


def _format_push(pushed: PushResult) -> str:
    return (
        f"  pushed    {pushed.reference} ({', '.join(pushed.tags)}): "
        f"{human_size(pushed.uploaded_bytes)} sent, {pushed.skipped_blobs} blobs were there"
    )


def print_steps(steps: BuildPlan, *, as_json: bool) -> None:
    """Say what would be built and fetched."""
    if as_json:
        document = {
            "build": [str(path) for path in steps.to_build],
            "fetch": [str(path) for path in steps.to_fetch],
        }
        print_json(document)
        return
    rows = [f"build  {path.derivation_name}" for path in steps.to_build]
    rows += [f"fetch  {path}" for path in steps.to_fetch]
    print_result("\n".join(rows) or "nothing: everything is in the store")


def _format_result(result: ImageResult) -> str:
    lines = [f"{result.name}:{result.tag}", f"  digest    {result.digest}"]
    for image in result.images:
        lines.append(
            f"  platform  {image.platform}: {human_size(image.size_bytes)} in "
            f"{len(image.layers)} layers, {human_size(image.unpacked_bytes)} unpacked"
        )
        if len(result.images) > 1:
            lines.append(f"            {image.digest}")
    lines.append(f"  path      {result.path}")
    if result.record is not None:
        lines.append(f"  record    {result.record}")
    return "\n".join(lines)
