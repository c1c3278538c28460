"""What somebody else says of an image, as `nixgen sign` attaches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.options import parse_platforms
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.platforms import Platform

PredicateOption = Annotated[
    Path | None,
    typer.Option(
        "--predicate",
        metavar="FILE.json",
        help="Sign and attach what this file says of the image, of any type, instead of the image.",
    ),
]
PredicateTypeOption = Annotated[
    str | None,
    typer.Option("--predicate-type", metavar="URI", help="The type of --predicate."),
]
OnlyPlatformOption = Annotated[
    str | None,
    typer.Option(
        "--platform", metavar="OS/ARCH", help="What --predicate is about; default: all of it."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is said, of which platform; None for all."""

    predicate_type: str
    predicate: Mapping[str, Any]
    platform: Platform | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredicateOptions:
    """A statement of somebody else, as the command line gives it."""

    predicate: PredicateOption = None
    predicate_type: PredicateTypeOption = None
    platform: OnlyPlatformOption = None

    def said(self) -> Said | None:
        """What is said, None where nothing is; raises UsageError."""
        if self == PredicateOptions():
            return None
        if self.predicate is None or self.predicate_type is None:
            raise UsageError(
                "--predicate, --predicate-type and --platform say together what is said of what",
                hint="--predicate FILE.json --predicate-type URI",
            )
        from nixgen.attest.predicates import parse_predicate_type, read_predicate

        chosen = parse_platforms([self.platform] if self.platform else None)
        if len(chosen) > 1:
            raise UsageError("--platform takes one platform here", hint="leave it out for all")
        return Said(
            predicate_type=parse_predicate_type(self.predicate_type),
            predicate=read_predicate(self.predicate),
            platform=chosen[0] if chosen else None,
        )
