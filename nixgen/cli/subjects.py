"""What `closure` and `why` look at: a description, or an image that is there already."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.images import opening, parse_platform
from nixgen.cli.options import find_description, make_nix, make_request, progress
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.pipeline.closures import ImageClosure

SubjectArgument = Annotated[
    str,
    typer.Argument(
        metavar="IMAGE_OR_APP",
        help="An app description or its folder, which is built; or an image, named as for inspect.",
    ),
]
WholeOption = Annotated[
    bool, typer.Option("--whole", help="Of a description: before its rules leave anything out.")
]


def is_description(subject: str) -> bool:
    """Whether a subject is a description: a TOML file, or a folder that is no layout."""
    path = Path(subject)
    if path.is_dir():
        return not (path / "oci-layout").exists()
    return path.suffix == ".toml"


@contextmanager
def opened(
    subject: str,
    *,
    request: Mapping[str, Any],
    nix: Mapping[str, Any],
    supply: Mapping[str, Any],
    access: Mapping[str, Any],
    whole: bool,
    quiet: bool,
    verbose: bool,
) -> Iterator[tuple[ImageClosure, ...]]:
    """The closures of a subject; the mappings are the options of the functions that take them.

    Raises UsageError for options of descriptions that are given with an image.
    """
    if is_description(subject):
        from nixgen.pipeline.closures import open_closures
        from nixgen.sources import make_supply

        with (
            progress(quiet=quiet, verbose=verbose) as reporter,
            open_closures(
                make_request(find_description(Path(subject)), **request),
                make_nix(reporter, **nix),
                supply=make_supply(os.environ, **supply),
                whole=whole,
            ) as closures,
        ):
            yield closures
        return
    refuse_options(subject, {**request, **nix, "whole": whole})
    with _opened_image(subject, request["platforms"], access=access, quiet=quiet) as closures:
        yield closures


@contextmanager
def _opened_image(
    subject: str, platforms: list[str] | None, *, access: Mapping[str, Any], quiet: bool
) -> Iterator[tuple[ImageClosure, ...]]:
    from nixgen.oci.opening import choose_image
    from nixgen.pipeline.copying import open_image
    from nixgen.pipeline.imageclosures import open_image_closures

    wanted = [parse_platform(text) for text in platforms or ()]
    only = wanted[0] if len(wanted) == 1 else None
    with (
        opening(**access, quiet=quiet) as way,
        open_image(subject, way, platform=only) as source,
    ):
        images = [choose_image(source, each) for each in wanted] or source.images
        with open_image_closures(source, images) as closures:
            yield closures


def refuse_options(subject: str, given: Mapping[str, Any]) -> None:
    """Raise UsageError for options of descriptions that are given with an image."""
    of_descriptions = {
        "profile": "--profile",
        "variables": "--var",
        "frozen": "--locked",
        "store": "--store",
        "substitute": "--substitute",
        "jobs": "--jobs",
        "whole": "--whole",
    }
    for name, option in of_descriptions.items():
        if given.get(name):
            raise UsageError(
                f"{option} is for descriptions, and {subject} is an image",
                hint="a description is a folder or a file that ends in .toml",
            )
