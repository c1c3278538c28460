"""What long work tells about itself, and how that is shown.

Work reports events to a `Reporter`. The state that they add up to is pure (`ProgressState`);
two thin reporters show it: a terminal is redrawn in place, anything else gets plain lines.
"""

from nixgen.progress.events import (
    BytesMoved,
    DerivationFinished,
    DerivationsPlanned,
    DerivationStarted,
    Event,
    LogLine,
    Notice,
    PhaseStarted,
    Reporter,
    Silent,
)
from nixgen.progress.reporters import PlainReporter, TerminalReporter, reporting
from nixgen.progress.state import (
    ProgressState,
    format_bytes,
    format_duration,
    format_status,
    printable,
)

__all__ = [
    "BytesMoved",
    "DerivationFinished",
    "DerivationStarted",
    "DerivationsPlanned",
    "Event",
    "LogLine",
    "Notice",
    "PhaseStarted",
    "PlainReporter",
    "ProgressState",
    "Reporter",
    "Silent",
    "TerminalReporter",
    "format_bytes",
    "format_duration",
    "format_status",
    "printable",
    "reporting",
]
