"""What `closure` and `why` look at: a description, an image that is there, or a printed closure."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.images import opening, parse_platform
from nixgen.cli.options import make_nix, make_request, progress
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.closure.report import ClosureFigures
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


def is_printed(subject: str) -> bool:
    """Whether a subject is a document that `nixgen closure --json` printed."""
    path = Path(subject)
    return path.suffix == ".json" and not path.is_dir()


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """How subjects are looked at: the mappings are the options of the functions that take them."""

    request: Mapping[str, Any]
    nix: Mapping[str, Any]
    supply: Mapping[str, Any]
    access: Mapping[str, Any]
    whole: bool
    quiet: bool
    verbose: bool

    @contextmanager
    def opened(self, subject: str) -> Iterator[tuple[ImageClosure, ...]]:
        """The closures of a description or an image.

        Raises UsageError for options of descriptions that are given with an image.
        """
        refuse_options([subject], self._given)
        with self._opened(subject) as closures:
            yield closures

    def measured(self, *subjects: str) -> list[tuple[ClosureFigures, ...]]:
        """The figures of descriptions, images and printed closures.

        Options of descriptions are for those that are ones. Raises as `opened`, and MachineError
        for what can't be read.
        """
        refuse_options(subjects, self._given)
        return [self._measured(subject) for subject in subjects]

    @property
    def _given(self) -> Mapping[str, Any]:
        return {**self.request, **self.nix, "whole": self.whole}

    def _measured(self, subject: str) -> tuple[ClosureFigures, ...]:
        if is_printed(subject):
            return _read_printed(Path(subject), self.request["platforms"])
        with self._opened(subject) as closures:
            return tuple(each.measure() for each in closures)

    @contextmanager
    def _opened(self, subject: str) -> Iterator[tuple[ImageClosure, ...]]:
        if not is_description(subject):
            with _opened_image(
                subject, self.request["platforms"], access=self.access, quiet=self.quiet
            ) as closures:
                yield closures
            return
        from nixgen.pipeline.closures import open_closures
        from nixgen.sources import make_supply

        with (
            progress(quiet=self.quiet, verbose=self.verbose) as reporter,
            open_closures(
                make_request(
                    Path(subject), **self.request, offline=self.supply["offline"], **self.access
                ),
                make_nix(reporter, **self.nix),
                supply=make_supply(os.environ, **self.supply),
                whole=self.whole,
            ) as closures,
        ):
            yield closures


def _read_printed(path: Path, platforms: Sequence[str] | None) -> tuple[ClosureFigures, ...]:
    from nixgen.closure.printed import parse_closures

    try:
        figures = parse_closures(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} is no closure: {error}", hint="nixgen closure IMAGE_OR_APP --json prints one"
        ) from error
    wanted = [str(parse_platform(text)) for text in platforms or ()]
    known = {each.platform: each for each in figures}
    missing = [each for each in wanted if each not in known]
    if missing:
        raise UsageError(f"{path} holds nothing for {missing[0]}, but for {', '.join(known)}")
    return tuple(known[each] for each in wanted) or figures


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


def refuse_options(subjects: Sequence[str], given: Mapping[str, Any]) -> None:
    """Raise UsageError for options of descriptions where no subject is one."""
    if any(map(is_description, subjects)):
        return
    of_descriptions = {
        "profile": "--profile",
        "variables": "--var",
        "frozen": "--locked",
        "store": "--store",
        "substitute": "--substitute",
        "jobs": "--jobs",
        "whole": "--whole",
    }
    none = f"{subjects[0]} is none"
    if len(subjects) > 1:
        none = f"neither {' nor '.join(subjects)} is one"
    for name, option in of_descriptions.items():
        if given.get(name):
            raise UsageError(
                f"{option} is for descriptions, and {none}",
                hint="a description is a folder or a file that ends in .toml",
            )
