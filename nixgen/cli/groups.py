"""Options that go together, as one parameter of a command each.

A command's parameter whose type is one of these dataclasses stands for all its fields: `grouped`
makes the command line's options of them, and the value of what was given.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from nixgen.cli.options import (
    CaFileOption,
    CrossOption,
    JobsOption,
    LockedOption,
    OfflineOption,
    PlainHttpOption,
    PlatformOption,
    ProfileOption,
    QuietOption,
    SourcesOption,
    StoreOption,
    SubstituteOption,
    VarOption,
    VerboseOption,
    make_nix,
    make_request,
    progress,
)

if TYPE_CHECKING:
    from nixgen.nixcli import Nix
    from nixgen.pipeline.prepare import Request
    from nixgen.progress import Reporter
    from nixgen.sources import Supply


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeOptions:
    """How a description is read, and evaluated; the last three are about its base image."""

    profile: ProfileOption = None
    platform: PlatformOption = None
    cross: CrossOption = None
    var: VarOption = None
    locked: LockedOption = False
    store: StoreOption = None
    offline: OfflineOption = False
    plain_http: PlainHttpOption = False
    ca_file: CaFileOption = None

    def request(
        self,
        description: Path,
        *,
        tags: Sequence[str] | None = None,
        created: str | None = None,
    ) -> Request:
        """The request that they add up to; raises UsageError."""
        return make_request(
            description,
            profile=self.profile,
            platforms=self.platform,
            cross=self.cross,
            variables=self.var,
            tags=tags,
            created=created,
            frozen=self.locked,
            offline=self.offline,
            plain_http=self.plain_http,
            ca_file=self.ca_file,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions(DescribeOptions):
    """How a description is read, and how what it needs is built and fetched."""

    sources: SourcesOption = None
    substitute: SubstituteOption = False
    jobs: JobsOption = None

    def nix(self, reporter: Reporter | None = None) -> Nix:
        """Nix as they want it used."""
        return make_nix(reporter, store=self.store, substitute=self.substitute, jobs=self.jobs)

    def supply(self) -> Supply:
        """Where sources are looked for."""
        from nixgen.sources import make_supply

        return make_supply(os.environ, folders=self.sources or (), offline=self.offline)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressOptions:
    """What a command says of its work."""

    quiet: QuietOption = False
    verbose: VerboseOption = False

    def reporting(self) -> AbstractContextManager[Reporter]:
        """Progress on stderr, as fits what stderr is."""
        return progress(quiet=self.quiet, verbose=self.verbose)


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes the fields of its groups, each as an option of its own."""
    hints = get_type_hints(command, include_extras=True)
    groups = {
        name: hint
        for name, hint in hints.items()
        if isinstance(hint, type) and dataclasses.is_dataclass(hint)
    }

    @functools.wraps(command)
    def spread(**given: Any) -> None:
        made = {
            name: group(
                **{field.name: given.pop(field.name) for field in dataclasses.fields(group)}
            )
            for name, group in groups.items()
        }
        command(**given, **made)

    parameters = [
        each
        for parameter in inspect.signature(command).parameters.values()
        for each in _spread(parameter, hints[parameter.name])
    ]
    # why: what typer reads of a function.
    spread.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    spread.__annotations__ = {each.name: each.annotation for each in parameters}
    return spread


def _spread(parameter: inspect.Parameter, hint: Any) -> list[inspect.Parameter]:
    keyword = inspect.Parameter.KEYWORD_ONLY
    if not (isinstance(hint, type) and dataclasses.is_dataclass(hint)):
        return [parameter.replace(kind=keyword, annotation=hint)]
    hints = get_type_hints(hint, include_extras=True)
    return [
        inspect.Parameter(field.name, keyword, default=field.default, annotation=hints[field.name])
        for field in dataclasses.fields(hint)
    ]
