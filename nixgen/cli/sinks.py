"""Where `nixgen image` brings an image besides the place on disk: registries and engines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.options import parse_platforms
from nixgen.cli.output import human_size
from nixgen.errors import UsageError
from nixgen.platforms import Platform

if TYPE_CHECKING:
    from nixgen.engine import Engine, Loaded
    from nixgen.pipeline.outcome import Format, Outcome
    from nixgen.progress import Reporter
    from nixgen.registry import ImageReference, PushResult


class EngineChoice(StrEnum):
    """The engines that images can be loaded into."""

    docker = "docker"
    podman = "podman"


PushOption = Annotated[
    list[str] | None,
    typer.Option(
        "--push",
        metavar="REFERENCE",
        help="Push the image there, HOST/REPOSITORY[:TAG]; without a tag under all its own. May "
        "be repeated.",
    ),
]
LoadOption = Annotated[
    bool, typer.Option("--load", help="Load the image into Docker or podman on this machine.")
]
EngineOption = Annotated[
    EngineChoice | None,
    typer.Option("--engine", help="The engine for --load; default: the first that answers."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of an image at its sinks."""

    pushed: tuple[PushResult, ...]
    loaded: Loaded | None

    def as_json(self) -> dict[str, Any]:
        """Their part of the document of `nixgen image --json`."""
        return {
            "pushed": [each.as_json() for each in self.pushed],
            "loaded": None if self.loaded is None else self.loaded.as_json(),
        }

    def lines(self) -> list[str]:
        """Their part of what is told to people."""
        lines = [
            f"  pushed    {each.reference} ({', '.join(each.tags)}): "
            f"{human_size(each.uploaded_bytes)} sent, {each.skipped_blobs} blobs were there"
            for each in self.pushed
        ]
        if self.loaded is not None:
            names = " ".join(self.loaded.names)
            lines.append(f"  loaded    {self.loaded.engine}: {names}, {self.loaded.image_id}")
            lines.append(f"  run       {self.loaded.engine} run --rm {self.loaded.names[0]}")
        return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinks:
    """The sinks that were asked for, known to be usable as far as that can be told before."""

    targets: tuple[ImageReference, ...]
    engine: Engine | None
    platform: Platform | None
    plain_http: bool
    ca_file: Path | None

    @classmethod
    def parse(
        cls,
        *,
        push: Sequence[str] | None,
        load: bool,
        engine: EngineChoice | None,
        form: Format,
        platforms: Sequence[str] | None,
        plain_http: bool,
        ca_file: Path | None,
    ) -> Sinks:
        """The sinks of these options; raises UsageError, and EngineError where none answers."""
        if engine is not None and not load:
            raise UsageError("--engine without --load", hint="add --load")
        chosen = parse_platforms(platforms)
        return cls(
            targets=_parse_targets(push or (), form),
            engine=_choose_engine(engine) if load else None,
            platform=chosen[0] if len(chosen) == 1 else None,
            plain_http=plain_http,
            ca_file=ca_file,
        )

    def send(self, outcome: Outcome, reporter: Reporter) -> Sent:
        """Bring the image there; raises NetworkError, EngineError."""
        return Sent(
            pushed=self._publish(outcome, reporter) if self.targets else (),
            loaded=self._load(outcome, self.engine, reporter) if self.engine else None,
        )

    def _publish(self, outcome: Outcome, reporter: Reporter) -> tuple[PushResult, ...]:
        from nixgen.pipeline.publish import RegistryAccess, publish

        access = RegistryAccess(
            environ=os.environ,
            plain_http=self.plain_http or None,
            ca_file=self.ca_file,
            reporter=reporter,
        )
        return publish(outcome, self.targets, access)

    def _load(self, outcome: Outcome, engine: Engine, reporter: Reporter) -> Loaded:
        from nixgen.pipeline.copying import load

        return load(outcome, engine, platform=self.platform, reporter=reporter)


def _parse_targets(references: Sequence[str], form: Format) -> tuple[ImageReference, ...]:
    if not references:
        return ()
    from nixgen.pipeline.publish import parse_targets

    return parse_targets(references, form)


def _choose_engine(wanted: EngineChoice | None) -> Engine:
    from nixgen.engine import choose_engine

    return choose_engine(None if wanted is None else wanted.value)
