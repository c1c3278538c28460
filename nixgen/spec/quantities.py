"""Strings that stand for a number: modes, ports, signals, lengths of time, sizes, times."""

from __future__ import annotations

import datetime
import re
from fractions import Fraction

from nixgen.spec.kinds import Mistake
from nixgen.spec.model import Port
from nixgen.spec.node import Moment
from nixgen.spec.report import suggest
from nixgen.spec.texts import match, quote, refuse_control

MAX_CREATED_S = 253_402_300_799
"""The last second of the year 9999, the largest that RFC 3339 can write."""

PORT_PATTERN = r"^[0-9]{1,5}(/(tcp|udp|sctp))?$"
MODE_PATTERN = r"^[0-7]{3,4}$"
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$"
PERCENT_PATTERN = r"^[0-9]{1,6}(\.[0-9]{1,6})? ?%?$"
SIZE_PATTERN = r"^[0-9]+(\.[0-9]+)? ?([kKMGT]i?)?B$"
_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_SIGNALS = re.findall(
    r"\w+",
    "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 "
    "SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG "
    "SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS",
)
_REALTIME_SIGNAL = re.compile(r"SIGRTMIN(\+([1-9]|1[0-5]))?|SIGRTMAX(-([1-9]|1[0-4]))?")


def parse_mode(text: str) -> int:
    """Permission bits in octal, as chmod takes them: "0644", "755", "1777"."""
    return int(match(MODE_PATTERN, text, 'a mode in octal digits such as "0644"'), 8)


def parse_port(text: str) -> Port:
    """A port with its protocol: "8080", "8080/tcp", "53/udp"."""
    expected = 'a port such as 8080, "8080/tcp" or "53/udp"'
    if re.fullmatch(r"[0-9]+:[0-9]+(/\w+)?", text):
        raise Mistake(
            f"expected {expected}, not {quote(text)}",
            "an image only says where it listens; the host's port is chosen when it is run",
        )
    number, _, protocol = match(PORT_PATTERN, text.lower(), expected).partition("/")
    return make_port(int(number), protocol or "tcp")


def make_port(number: int, protocol: str = "tcp") -> Port:
    """A port, its number checked; raises Mistake."""
    if not 1 <= number <= 65535:
        raise Mistake(f"expected a port from 1 to 65535, not {number}")
    if protocol == "udp":
        return Port(number=number, protocol="udp")
    return Port(number=number, protocol="sctp" if protocol == "sctp" else "tcp")


def parse_signal(text: str) -> str:
    """A signal by name or number, in the form of OCI's StopSignal: SIGTERM, SIGRTMIN+3."""
    refuse_control(text)
    name = text.upper()
    name = name if name.startswith("SIG") or name.isdigit() else f"SIG{name}"
    if name in _SIGNALS or _REALTIME_SIGNAL.fullmatch(name):
        return name
    if name.isascii() and name.isdigit() and 1 <= int(name[:4]) <= 64:
        return str(int(name))
    raise Mistake(
        f"expected a signal such as SIGTERM or 15, not {quote(text)}", suggest(name, _SIGNALS)
    )


def parse_duration_ns(text: str) -> int:
    """A length of time such as "30s", "1m30s" or "500ms", in nanoseconds."""
    expected = 'a length of time such as "30s", "1m30s" or "500ms"'
    hint = f'did you mean "{text}s"?' if re.fullmatch(r"[0-9]+", text) else None
    match(DURATION_PATTERN, text, expected, hint)
    total = 0
    for whole, fraction, unit in re.findall(r"([0-9]+)(?:\.([0-9]+))?([a-z]+)", text):
        digits = fraction[:18]
        total += _UNITS_NS[unit] * int(whole[:20] + digits) // 10 ** len(digits)
    if not 0 < total < 2**63:
        raise Mistake(f"expected {expected}, from 1ns to 292 years, not {quote(text)}")
    return total


def parse_size_bytes(text: str) -> int:
    """A size such as "60 MB" (decimal) or "60 MiB" (binary), in bytes."""
    match(SIZE_PATTERN, text, 'a size such as "60 MB" or "60 MiB"')
    number, unit = re.findall(r"([0-9.]+) ?([kKMGTi]*)B", text)[0]
    base = 1024 if unit.endswith("i") else 1000
    whole, _, fraction = number.partition(".")
    factor = int(base ** " KMGT".index(unit[:1].upper() or " "))
    return int(int(whole[:20] + fraction[:9]) * factor // 10 ** len(fraction[:9]))


def parse_percent(text: str) -> Fraction:
    """A share such as "5 %", "2.5%" or "5", as hundredths of a whole: 5 for five per cent."""
    match(PERCENT_PATTERN, text, 'a percentage such as "5 %"')
    return Fraction(text.rstrip(" %"))


def parse_created(text: str) -> int | str:
    """The image's time: seconds since 1970, or "source-date-epoch" as it stands."""
    if text == "epoch":
        return 1
    if text == "source-date-epoch":
        return text
    expected = '"epoch", "source-date-epoch" or a time such as "2026-01-31T12:00:00Z"'
    match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9:]+)", text, expected)
    try:
        moment = datetime.datetime.fromisoformat(text.upper())
    except ValueError:
        raise Mistake(f"expected {expected}, not {quote(text)}") from None
    return created_of_moment(moment)


def created_of_moment(moment: Moment) -> int:
    """A TOML time in whole seconds since 1970; raises Mistake where it has no UTC offset."""
    if not isinstance(moment, datetime.datetime) or moment.tzinfo is None:
        raise Mistake(
            f"expected a time with its offset from UTC, not {moment.isoformat()}",
            "write it as 2026-01-31T12:00:00Z",
        )
    try:
        seconds = int(moment.timestamp())
    except OverflowError:
        seconds = -1
    if seconds < 0:
        raise Mistake("expected a time from 1970 on")
    return seconds
