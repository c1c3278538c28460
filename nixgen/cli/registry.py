"""`nixgen pull`: an image from a registry, as an OCI layout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from nixgen.cli.groups import grouped
from nixgen.cli.options import (
    CaFileOption,
    JsonOption,
    PlainHttpOption,
    QuietOption,
    parse_platforms,
    progress,
)
from nixgen.cli.output import human_size, print_json, print_result, reporting_errors
from nixgen.cli.verify import Wish, WordOptions
from nixgen.errors import UsageError

ReferrersOption = Annotated[
    bool, typer.Option("--referrers/--no-referrers", help="Take what refers to the image too.")
]


@grouped
def pull(
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="HOST/REPOSITORY[:TAG].")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Where; default: ./REPOSITORY.oci"),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option("--platform", metavar="OS/ARCH", help="Only this one of several platforms."),
    ] = None,
    referrers: ReferrersOption = True,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Write nothing that does not verify; say by whom, as there."),
    ] = False,
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    *,
    word: WordOptions,
) -> None:
    """Write an image of a registry as an OCI layout.

    Every byte is checked against its digest.
    """
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline.publish import RegistryAccess
        from nixgen.registry import ImageReference
        from nixgen.registry import pull as pull_image

        chosen = parse_platforms([platform] if platform else None)
        if len(chosen) > 1:
            raise UsageError("--platform takes one platform here", hint="leave it out for all")
        wish = _wish(word, verify=verify)
        target = ImageReference.parse(reference)
        place = output or Path(f"{target.repository.rpartition('/')[2]}.oci")
        with progress(quiet=quiet) as reporter:
            access = RegistryAccess(
                environ=os.environ,
                plain_http=plain_http or None,
                ca_file=ca_file,
                reporter=reporter,
            )
            only = chosen[0] if chosen else None
            if wish is not None:
                from nixgen.pipeline.verifying import pull_verified

                result, _ = pull_verified(
                    target,
                    place,
                    wish.judge,
                    access,
                    demand=wish.demand,
                    platform=only,
                    with_referrers=referrers,
                )
            else:
                with access.open(target) as registry:
                    result = pull_image(registry, place, platform=only, with_referrers=referrers)
        if as_json:
            print_json(result.as_json())
        else:
            print_result(
                f"{result.reference}\n  path      {result.path}\n"
                f"  fetched   {human_size(result.downloaded_bytes)} in "
                f"{result.downloaded_blobs} blobs, {result.skipped_blobs} were there"
            )


def _wish(word: WordOptions, *, verify: bool) -> Wish | None:
    if verify:
        return word.wish()
    if word.are_given:
        raise UsageError("to say by whom it is signed verifies nothing", hint="add --verify")
    return None
