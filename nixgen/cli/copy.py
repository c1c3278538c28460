"""`nixgen copy`: an image from one form into another."""

from __future__ import annotations

from typing import Annotated

import typer

from nixgen.cli.inspect import ImageArgument, OnePlatformOption
from nixgen.cli.options import JsonOption
from nixgen.cli.output import print_json, print_result, reporting_errors


def copy(
    source: ImageArgument,
    destination: Annotated[
        str,
        typer.Argument(
            metavar="DST",
            help="PATH or PATH:TAG; `oci:`, `oci-archive:` or `docker-archive:` before it says "
            "the form, else the name does (.tar, .docker.tar).",
        ),
    ],
    platform: OnePlatformOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy an image between OCI layout, OCI archive and docker-archive, checking every digest."""
    with reporting_errors(as_json=as_json):
        from nixgen.oci.copying import check_destination, copy_image
        from nixgen.oci.reference import ImagePlace, open_image, parse_platform

        place = ImagePlace.parse(destination)
        copied = copy_image(
            open_image(source),
            place.path,
            form=check_destination(place.form, place.path),
            tags=[place.tag] if place.tag else [],
            platform=parse_platform(platform),
        )
        if as_json:
            print_json(copied.as_json())
        else:
            print_result(f"{copied.path}: {copied.format}\n{copied.digest}")
