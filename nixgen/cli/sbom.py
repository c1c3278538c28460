"""`nixgen sbom`: the software bill of materials of an image."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.images import opening, parse_platform
from nixgen.cli.options import (
    CaFileOption,
    CreatedOption,
    JobsOption,
    JsonOption,
    LockedOption,
    OfflineOption,
    PlainHttpOption,
    ProfileOption,
    QuietOption,
    SourcesOption,
    StoreOption,
    SubstituteOption,
    TagOption,
    VarOption,
    VerboseOption,
    find_description,
    make_nix,
    make_request,
    progress,
)
from nixgen.cli.output import print_note, reporting_errors
from nixgen.cli.statements import OutputOption, write_document
from nixgen.cli.subjects import SubjectArgument, is_description, refuse_options

if TYPE_CHECKING:
    from nixgen.attest.inventory import Inventory


class Form(StrEnum):
    """The formats."""

    spdx = "spdx-json"
    cyclonedx = "cyclonedx-json"


def sbom(
    subject: SubjectArgument = "app.toml",
    form: Annotated[
        Form, typer.Option("-f", "--format", help="SPDX 2.3 or CycloneDX 1.6.")
    ] = Form.spdx,
    files: Annotated[
        bool, typer.Option("--files", help="List the files of each package, with their hashes.")
    ] = False,
    statement: Annotated[
        bool, typer.Option("--statement", help="As an in-toto statement about the manifest.")
    ] = False,
    output: OutputOption = None,
    profile: ProfileOption = None,
    platform: Annotated[
        str | None, typer.Option("--platform", metavar="OS/ARCH", help="Of this platform's image.")
    ] = None,
    var: VarOption = None,
    tag: TagOption = None,
    created: CreatedOption = None,
    locked: LockedOption = False,
    store: StoreOption = None,
    sources: SourcesOption = None,
    offline: OfflineOption = False,
    substitute: SubstituteOption = False,
    jobs: JobsOption = None,
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print what is in an image: packages, versions, licences, CPEs, hashes; JSON in any case."""
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline.sbom import make_sbom, sbom_statement

        request = {
            "profile": profile,
            "variables": var,
            "tags": tag,
            "created": created,
            "frozen": locked,
        }
        nix = {"store": store, "substitute": substitute, "jobs": jobs}
        reach = {"plain_http": plain_http, "ca_file": ca_file}
        if is_description(subject):
            inventory = _of_description(
                subject,
                request={
                    **request,
                    **reach,
                    "offline": offline,
                    "platforms": [platform] if platform is not None else None,
                },
                nix=nix,
                supply={"folders": sources or (), "offline": offline},
                files=files,
                show={"quiet": quiet, "verbose": verbose},
            )
        else:
            refuse_options([subject], {**request, **nix})
            inventory = _of_image(subject, platform, reach=reach, files=files, quiet=quiet)
        document = (
            json.loads(sbom_statement(inventory, form.value).data)
            if statement
            else make_sbom(inventory, form.value)
        )
        write_document(document, output)


def _of_description(
    subject: str,
    *,
    request: dict[str, Any],
    nix: dict[str, Any],
    supply: dict[str, Any],
    files: bool,
    show: dict[str, bool],
) -> Inventory:
    from nixgen.pipeline.build import layer_cache
    from nixgen.pipeline.sbom import description_inventory
    from nixgen.pipeline.state import State
    from nixgen.sources import make_supply

    with progress(**show) as reporter:
        return description_inventory(
            make_request(find_description(Path(subject)), **request),
            make_nix(reporter, **nix),
            state=State.of_user(os.environ),
            supply=make_supply(os.environ, **supply),
            cache=layer_cache(warn=print_note, rehash=False),
            with_files=files,
        )


def _of_image(
    subject: str, platform: str | None, *, reach: dict[str, Any], files: bool, quiet: bool
) -> Inventory:
    from nixgen.oci.opening import choose_image
    from nixgen.pipeline.copying import open_image
    from nixgen.pipeline.imageclosures import open_image_closures
    from nixgen.pipeline.sbom import image_inventory

    wanted = parse_platform(platform)
    with (
        opening(**reach, quiet=quiet) as way,
        open_image(subject, way, platform=wanted) as source,
    ):
        image = choose_image(source, wanted)
        with open_image_closures(source, [image]) as (closure,):
            return image_inventory(closure, image, source, with_files=files)
