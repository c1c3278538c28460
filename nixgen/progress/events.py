"""What long work tells about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted:
    """A new stage of the work begins, such as "evaluate" or "write layers"."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivationsPlanned:
    """So many derivations are to be built in all, as far as is known now."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivationStarted:
    """A derivation's build began; `name` without hash and `.drv`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivationFinished:
    """A derivation's build ended; whether well is known only at the end of all."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line that the build of `name` wrote."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BytesMoved:
    """So much of `what` is done; totals are None where unknown, or where nothing is counted."""

    what: str
    done_bytes: int
    total_bytes: int | None = None
    done_blobs: int = 0
    total_blobs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something the user should read, such as a warning."""

    text: str


Event = (
    PhaseStarted
    | DerivationsPlanned
    | DerivationStarted
    | DerivationFinished
    | LogLine
    | BytesMoved
    | Notice
)


class Reporter(Protocol):
    """Who is told what happens."""

    def report(self, event: Event) -> None:
        """Take one event; never raises."""
        ...


class Silent:
    """A reporter that shows nothing."""

    def report(self, event: Event) -> None:
        """Ignore the event."""
