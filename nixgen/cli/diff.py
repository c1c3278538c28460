"""`nixgen diff`: what differs between two images."""

from __future__ import annotations

from typing import Annotated

import typer

from nixgen.cli.inspect import ImageArgument, OnePlatformOption
from nixgen.cli.options import JsonOption
from nixgen.cli.output import end, print_json, print_result, reporting_errors
from nixgen.errors import EXIT_ANSWER_IS_NO


def diff(
    first: ImageArgument,
    second: ImageArgument,
    platform: OnePlatformOption = None,
    ignore_store_hashes: Annotated[
        bool,
        typer.Option(
            "--ignore-store-hashes",
            help="Let the hashes of the images' own store paths differ, in names and contents.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what differs: packages, files, config, annotations. Exit code 1 where anything does."""
    with reporting_errors(as_json=as_json):
        from nixgen.oci.comparing import compare, difference_text
        from nixgen.oci.opening import choose_image
        from nixgen.oci.reference import open_image, parse_platform

        wanted = parse_platform(platform)
        one, other = open_image(first), open_image(second)
        difference = compare(
            (one, other),
            (choose_image(one, wanted), choose_image(other, wanted)),
            ignore_store_hashes=ignore_store_hashes,
        )
        if as_json:
            print_json({"a": first, "b": second, **difference.as_json()})
        else:
            print_result("\n".join(difference_text(difference)))
        if not difference.equal:
            end(EXIT_ANSWER_IS_NO)
