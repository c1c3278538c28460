"""Options that several commands share, and what they are turned into."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nixgen.errors import UsageError
from nixgen.platforms import (
    Platform,
    UnknownPlatformError,
    native_platform,
    native_system,
)

if TYPE_CHECKING:
    from nixgen.nixcli import Nix
    from nixgen.pipeline.prepare import Request
    from nixgen.progress import Reporter

DescriptionArgument = Annotated[
    Path,
    typer.Argument(metavar="[APP.TOML]", help="The app description, or the folder it is in."),
]
ProfileOption = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="Apply [profile.NAME].")
]
PlatformOption = Annotated[
    list[str] | None,
    typer.Option(
        "--platform",
        metavar="OS/ARCH",
        help="Build for this platform instead of those described; may be repeated, or a list "
        "with commas. `native` is this machine's.",
    ),
]


class CrossWord(StrEnum):
    """The values of `build.cross`."""

    auto = "auto"
    cross = "cross"
    native = "native"
    emulated = "emulated"


CrossOption = Annotated[
    CrossWord | None,
    typer.Option(
        "--cross",
        help="How packages for another platform come about, instead of build.cross: compiled "
        "here (auto, cross), built by a machine of that system (native), or emulated here.",
    ),
]
VarOption = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="Replace a value of [vars]."),
]
LockedOption = Annotated[
    bool,
    typer.Option("--locked", help="Refuse a lockfile that is missing or stale; never write it."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show the builds' own logs.")]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="ROOT|URL", help="Use the Nix store of another root folder, or a URL."
    ),
]
SourcesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--sources", metavar="DIR", help="Look for sources in this folder first; may be repeated."
    ),
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Fetch nothing from a network.")]
TagOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="TAG",
        help="The image's tag instead of those described; may be repeated.",
    ),
]
CreatedOption = Annotated[
    str | None,
    typer.Option(
        "--created",
        metavar="TIME",
        help="The image's time: seconds since 1970, or `source-date-epoch` for the variable.",
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs", "-j", min=1, help="Derivations built at a time; default: as Nix is set."
    ),
]
SubstituteOption = Annotated[
    bool, typer.Option("--substitute", help="Take outputs from the machine's binary caches.")
]


PlainHttpOption = Annotated[
    bool,
    typer.Option(
        "--plain-http", help="Speak HTTP without TLS; this machine's own addresses need no asking."
    ),
]
CaFileOption = Annotated[
    Path | None,
    typer.Option("--ca-file", metavar="FILE", help="Certificates that the registry is checked by."),
]


def parse_platforms(values: Sequence[str] | None) -> tuple[Platform, ...]:
    """The platforms of `--platform`, in order; raises UsageError."""
    names = [name.strip() for value in values or () for name in value.split(",") if name.strip()]
    if values and not names:
        raise UsageError("--platform names none", hint="--platform linux/amd64,linux/arm64")
    seen: dict[Platform, str] = {}
    for name in names:
        platform = _parse_platform(name)
        if platform in seen:
            also = "" if seen[platform] == name else f" (as {seen[platform]} and as {name})"
            raise UsageError(f"--platform: {platform} is named twice{also}")
        seen[platform] = name
    return tuple(seen)


def _parse_platform(name: str) -> Platform:
    try:
        return native_platform() if name == "native" else Platform.parse(name)
    except UnknownPlatformError as error:
        raise UsageError(f"--platform: {error}", hint=error.hint) from error


def parse_vars(values: Sequence[str] | None) -> dict[str, str]:
    """The pairs of `--var`; raises UsageError."""
    pairs = {}
    for value in values or ():
        name, separator, text = value.partition("=")
        if not separator or not name:
            raise UsageError(f"--var {value!r}: expected NAME=VALUE")
        pairs[name] = text
    return pairs


def parse_tags(values: Sequence[str] | None) -> tuple[str, ...]:
    """The tags of `--tag`, in order; raises UsageError for a malformed or repeated one."""
    if not values:
        # why: else `write` would import all of the description's parser for nothing.
        return ()
    from nixgen.spec.texts import TAG_PATTERN

    tags = tuple(values)
    for number, tag in enumerate(tags):
        if not re.fullmatch(TAG_PATTERN.removesuffix("$"), tag):
            raise UsageError(
                f"--tag {tag!r}: expected a tag of at most 128 letters, digits and . _ -"
            )
        if tag in tags[:number]:
            raise UsageError(f"--tag {tag!r} is here twice")
    return tags


def parse_created(value: str | None) -> int | Literal["source-date-epoch"] | None:
    """The time of `--created`; raises UsageError."""
    if value is None:
        return None
    if value == "source-date-epoch":
        return "source-date-epoch"
    if value.isascii() and value.isdigit() and int(value) <= _LAST_SECOND:
        return int(value)
    raise UsageError(f"--created {value!r}: expected seconds since 1970, or source-date-epoch")


_LAST_SECOND = 253_402_300_799  # the end of the year 9999, the last that RFC 3339 can write


def find_description(path: Path) -> Path:
    """The description that a command line names: a file, or a folder with an app.toml in it."""
    return path / "app.toml" if path.is_dir() else path


def make_request(
    description: Path,
    *,
    profile: str | None = None,
    platforms: Sequence[str] | None = None,
    cross: CrossWord | None = None,
    variables: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    created: str | None = None,
    frozen: bool = False,
    offline: bool = False,
    plain_http: bool = False,
    ca_file: Path | None = None,
) -> Request:
    """The request that the options of a command add up to; raises UsageError.

    The last three are about how a base image is reached.
    """
    from nixgen.pipeline.bases import BaseAccess
    from nixgen.pipeline.prepare import Request
    from nixgen.plan import BuildMachine, PlanOptions

    return Request(
        description=find_description(description),
        profile=profile,
        platforms=parse_platforms(platforms),
        overrides=parse_vars(variables),
        cross=cross.value if cross is not None else None,
        options=PlanOptions(
            machine=BuildMachine(system=native_system()),
            tags=parse_tags(tags),
            created=parse_created(created),
            source_date_epoch=_source_date_epoch(),
        ),
        frozen=frozen,
        base_access=BaseAccess(offline=offline, plain_http=plain_http or None, ca_file=ca_file),
    )


def _source_date_epoch() -> int | None:
    """https://reproducible-builds.org/specs/source-date-epoch/"""
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= _LAST_SECOND):
        raise UsageError(f"SOURCE_DATE_EPOCH is {text!r}: expected seconds since 1970")
    return int(text)


def make_nix(
    reporter: Reporter | None = None,
    *,
    store: str | None = None,
    substitute: bool = False,
    jobs: int | None = None,
) -> Nix:
    """Nix as the options want it used."""
    from nixgen.nixcli import Nix, NixSettings

    settings = NixSettings(store=store, substitute=substitute, max_jobs=jobs)
    return Nix(settings, reporter=reporter)


@contextmanager
def progress(*, quiet: bool, verbose: bool = False) -> Iterator[Reporter]:
    """Progress on stderr, as fits what stderr is."""
    from nixgen.progress import reporting

    with reporting(sys.stderr, quiet=quiet, verbose=verbose, environ=os.environ) as reporter:
        yield reporter
