"""`nixgen sbom`: the software bill of materials of an image."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.groups import BuildOptions, ProgressOptions, grouped
from nixgen.cli.images import opening, parse_platform
from nixgen.cli.options import CreatedOption, JsonOption, TagOption
from nixgen.cli.output import print_note, reporting_errors
from nixgen.cli.statements import OutputOption, write_document
from nixgen.cli.subjects import SubjectArgument, is_description, refuse_options
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.attest.inventory import Inventory
    from nixgen.pipeline.prepare import Request


class Form(StrEnum):
    """The formats."""

    spdx = "spdx-json"
    cyclonedx = "cyclonedx-json"


@grouped
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
    tag: TagOption = None,
    created: CreatedOption = None,
    as_json: JsonOption = False,
    *,
    options: BuildOptions,
    told: ProgressOptions,
) -> None:
    """Print what is in an image as SPDX or CycloneDX."""
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline.sbom import make_sbom, sbom_statement

        if len(options.platform or ()) > 1:
            raise UsageError("a bill of materials is of one platform", hint="name one --platform")
        if is_description(subject):
            request = options.request(Path(subject), tags=tag, created=created)
            inventory = _of_description(request, options, told, files=files)
        else:
            refuse_options([subject], options)
            inventory = _of_image(subject, options, files=files, quiet=told.quiet)
        document = (
            json.loads(sbom_statement(inventory, form.value).data)
            if statement
            else make_sbom(inventory, form.value)
        )
        write_document(document, output)


def _of_description(
    request: Request, options: BuildOptions, told: ProgressOptions, *, files: bool
) -> Inventory:
    from nixgen.pipeline.build import layer_cache
    from nixgen.pipeline.sbom import description_inventory
    from nixgen.pipeline.state import State

    with told.reporting() as reporter:
        return description_inventory(
            request,
            options.nix(reporter),
            state=State.of_user(os.environ),
            supply=options.supply(),
            cache=layer_cache(warn=print_note, rehash=False),
            with_files=files,
        )


def _of_image(subject: str, options: BuildOptions, *, files: bool, quiet: bool) -> Inventory:
    from nixgen.oci.opening import choose_image
    from nixgen.pipeline.copying import open_image
    from nixgen.pipeline.imageclosures import open_image_closures
    from nixgen.pipeline.sbom import image_inventory

    wanted = parse_platform(options.platform[0] if options.platform else None)
    with (
        opening(plain_http=options.plain_http, ca_file=options.ca_file, quiet=quiet) as way,
        open_image(subject, way, platform=wanted) as source,
    ):
        image = choose_image(source, wanted)
        with open_image_closures(source, [image]) as (closure,):
            return image_inventory(closure, image, source, with_files=files)
