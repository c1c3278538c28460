"""What the commands that look at images share: how an image is named, and how it is reached."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.options import progress
from nixgen.errors import UsageError
from nixgen.platforms import Platform, UnknownPlatformError

if TYPE_CHECKING:
    from nixgen.pipeline.publish import RegistryAccess

ImageArgument = Annotated[
    str,
    typer.Argument(
        metavar="IMAGE",
        help="PATH[:TAG] of an OCI layout, an OCI archive or a docker-archive, or "
        "HOST/REPOSITORY[:TAG][@DIGEST] of a registry. `oci:`, `oci-archive:`, `docker-archive:` "
        "or `docker://` before it says which.",
    ),
]
OnePlatformOption = Annotated[
    str | None, typer.Option("--platform", metavar="OS/ARCH", help="Only this platform.")
]


@contextmanager
def opening(*, plain_http: bool, ca_file: Path | None, quiet: bool) -> Iterator[RegistryAccess]:
    """How registries are reached by these options, with progress on stderr meanwhile."""
    from nixgen.pipeline.publish import RegistryAccess

    with progress(quiet=quiet) as reporter:
        yield RegistryAccess(
            environ=os.environ, plain_http=plain_http or None, ca_file=ca_file, reporter=reporter
        )


def parse_platform(text: str | None) -> Platform | None:
    """The value of `--platform`, which may be one that nixgen does not build for."""
    if text is None:
        return None
    try:
        return Platform.parse(text)
    except UnknownPlatformError as error:
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise UsageError(f"--platform: {error}", hint=error.hint) from error
        return Platform(*parts)
