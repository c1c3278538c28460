"""`nixgen copy`: an image from anywhere to anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.images import ImageArgument, OnePlatformOption, opening, parse_platform
from nixgen.cli.options import CaFileOption, JsonOption, PlainHttpOption, QuietOption
from nixgen.cli.output import human_size, print_json, print_result, reporting_errors
from nixgen.cli.registry import ReferrersOption

if TYPE_CHECKING:
    from nixgen.pipeline.copying import CopyOutcome


def copy(
    source: ImageArgument,
    destination: Annotated[
        str,
        typer.Argument(
            metavar="DST",
            help="PATH[:TAG], HOST/REPOSITORY[:TAG], or `docker:[NAME[:TAG]]` and "
            "`podman:[NAME[:TAG]]` to load it into an engine. `oci:`, `oci-archive:` or "
            "`docker-archive:` before a path says the form, else its name does (.tar, "
            ".docker.tar).",
        ),
    ],
    platform: OnePlatformOption = None,
    referrers: ReferrersOption = True,
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Copy an image between files, registries and engines.

    Every digest is checked on the way.
    """
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline.copying import copy as copy_any

        wanted = parse_platform(platform)
        with opening(plain_http=plain_http, ca_file=ca_file, quiet=quiet) as access:
            outcome = copy_any(
                source, destination, access, platform=wanted, with_referrers=referrers
            )
        if as_json:
            print_json(outcome.as_json())
        else:
            print_result("\n".join(_text(outcome)))


def _text(outcome: CopyOutcome) -> list[str]:
    lines = [
        f"{outcome.destination}: {outcome.format}",
        f"  digest    {outcome.digest}",
    ]
    lines += [f"  tags      {' '.join(outcome.tags)}"] if outcome.tags else []
    lines += [f"  referrers {outcome.referrers}"] if outcome.referrers else []
    details = outcome.details
    if "uploaded_bytes" in details:
        lines.append(
            f"  sent      {human_size(details['uploaded_bytes'])} in "
            f"{details['uploaded_blobs']} blobs, {details['mounted_blobs']} were mounted, "
            f"{details['skipped_blobs']} were there"
        )
    if "downloaded_bytes" in details:
        lines.append(
            f"  fetched   {human_size(details['downloaded_bytes'])} in "
            f"{details['downloaded_blobs']} blobs, {details['skipped_blobs']} were there"
        )
    if "image_id" in details:
        lines.append(f"  image id  {details['image_id']}")
        lines.append(f"  run       {outcome.format} run --rm {outcome.destination}")
    return lines
