"""What `closure` and `why` look at: a description, an image that is there, or a printed closure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.groups import BuildOptions, ProgressOptions
from nixgen.cli.images import opening, parse_platform
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

_OF_DESCRIPTIONS = ("profile", "cross", "var", "locked", "store", "substitute", "jobs")


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
    """How subjects are looked at."""

    options: BuildOptions
    told: ProgressOptions
    whole: bool

    @contextmanager
    def opened(self, subject: str) -> Iterator[tuple[ImageClosure, ...]]:
        """The closures of a description or an image.

        Raises UsageError for options of descriptions that are given with an image.
        """
        refuse_options([subject], self.options, whole=self.whole)
        with self._opened(subject) as closures:
            yield closures

    def measured(self, *subjects: str) -> list[tuple[ClosureFigures, ...]]:
        """The figures of descriptions, images and printed closures.

        Options of descriptions are for those that are ones. Raises as `opened`, and MachineError
        for what can't be read.
        """
        refuse_options(subjects, self.options, whole=self.whole)
        return [self._measured(subject) for subject in subjects]

    def _measured(self, subject: str) -> tuple[ClosureFigures, ...]:
        if is_printed(subject):
            return _read_printed(Path(subject), self.options.platform)
        with self._opened(subject) as closures:
            return tuple(each.measure() for each in closures)

    @contextmanager
    def _opened(self, subject: str) -> Iterator[tuple[ImageClosure, ...]]:
        if not is_description(subject):
            with _opened_image(subject, self.options, quiet=self.told.quiet) as closures:
                yield closures
            return
        from nixgen.pipeline.closures import open_closures

        with (
            self.told.reporting() as reporter,
            open_closures(
                self.options.request(Path(subject)),
                self.options.nix(reporter),
                supply=self.options.supply(),
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
    subject: str, options: BuildOptions, *, quiet: bool
) -> Iterator[tuple[ImageClosure, ...]]:
    from nixgen.oci.opening import choose_image
    from nixgen.pipeline.copying import open_image
    from nixgen.pipeline.imageclosures import open_image_closures

    wanted = [parse_platform(text) for text in options.platform or ()]
    only = wanted[0] if len(wanted) == 1 else None
    with (
        opening(plain_http=options.plain_http, ca_file=options.ca_file, quiet=quiet) as way,
        open_image(subject, way, platform=only) as source,
    ):
        images = [choose_image(source, each) for each in wanted] or source.images
        with open_image_closures(source, images) as closures:
            yield closures


def refuse_options(subjects: Sequence[str], options: BuildOptions, *, whole: bool = False) -> None:
    """Raise UsageError for options of descriptions where no subject is one."""
    if any(map(is_description, subjects)):
        return
    none = f"{subjects[0]} is none"
    if len(subjects) > 1:
        none = f"neither {' nor '.join(subjects)} is one"
    given = [f"--{name}" for name in _OF_DESCRIPTIONS if getattr(options, name)]
    for option in [*given, *(["--whole"] if whole else [])]:
        raise UsageError(
            f"{option} is for descriptions, and {none}",
            hint="a description is a folder or a file that ends in .toml",
        )
