"""`nixgen diff`: what differs between two images."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from nixgen.cli.images import ImageArgument, OnePlatformOption, opening, parse_platform
from nixgen.cli.options import CaFileOption, JsonOption, PlainHttpOption, QuietOption
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
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say what differs: packages, files, config, annotations. Exit code 1 where anything does."""
    with reporting_errors(as_json=as_json):
        from nixgen.oci.comparing import compare, difference_text
        from nixgen.oci.opening import choose_image
        from nixgen.pipeline.copying import open_image

        wanted = parse_platform(platform)
        with (
            opening(plain_http=plain_http, ca_file=ca_file, quiet=quiet) as access,
            ExitStack() as stack,
        ):
            one, other = (
                stack.enter_context(open_image(name, access, platform=wanted))
                for name in (first, second)
            )
            images = choose_image(one, wanted), choose_image(other, wanted)
            difference = compare(
                (one, other),
                images,
                ignore_store_hashes=ignore_store_hashes,
                reporter=access.reporter,
            )
        if as_json:
            print_json({"a": first, "b": second, **difference.as_json()})
        else:
            print_result("\n".join(difference_text(difference)))
        if not difference.equal:
            end(EXIT_ANSWER_IS_NO)
