"""What single strings of a description may be, and what they stand for.

Each `parse_` function takes the text of one string and returns its value, or raises `Mistake`
saying what was expected.
"""

from __future__ import annotations

import datetime
import json
import re

from nixgen.spec.kinds import Mistake
from nixgen.spec.model import Port
from nixgen.spec.node import Moment
from nixgen.spec.report import suggest

MAX_ID = 2**32 - 2
"""The largest user or group number Linux has; the one above means "no change"."""

MAX_CREATED_S = 253_402_300_799
"""The last second of the year 9999, the largest that RFC 3339 can write."""

NAME_PATTERN = r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$"
PACKAGE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_'-]*(\.[A-Za-z_][A-Za-z0-9_'-]*)*$"
TAG_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"
PORT_PATTERN = r"^[0-9]{1,5}(/(tcp|udp|sctp))?$"
MODE_PATTERN = r"^[0-7]{3,4}$"
ACCOUNT_PATTERN = r"^[a-z_][a-z0-9_-]{0,31}$"
ABSOLUTE_PATTERN = r"^/"
URL_PATTERN = r"^[a-z][a-z0-9+.-]*://[^\s/]+"
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_-]*$"
PROFILE_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_-]*$"
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$"
SIZE_PATTERN = r"^[0-9]+(\.[0-9]+)? ?([kKMGT]i?)?B$"
STD_PATTERN = r"^(c|gnu|iso9899:)[0-9a-z]{2,6}$"
PROGRAM_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}$"
TIMEZONE_PATTERN = r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LAYOUT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
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


def _quote(text: str) -> str:
    return json.dumps(text if len(text) <= 80 else text[:77] + "...", ensure_ascii=False)


def _refuse_control(text: str, pattern: re.Pattern[str]) -> None:
    if match := pattern.search(text):
        number = ord(match.group())
        what = "a NUL character" if number == 0 else f"the control character U+{number:04X}"
        raise Mistake(f"holds {what}, at position {match.start() + 1}")


def parse_line(text: str) -> str:
    """One line of text, not empty."""
    _refuse_control(text, _CONTROL)
    if not text.strip():
        raise Mistake("expected some text, not an empty string")
    return text


def parse_text(text: str) -> str:
    """Any text of any number of lines: tabs and line ends are its only control characters."""
    _refuse_control(text, _CONTROL_BUT_LAYOUT)
    return text


def parse_content(text: str) -> str:
    """A file's content: any text without NUL, which no Nix string can hold."""
    if "\x00" in text:
        raise Mistake(f"holds a NUL character, at position {text.index(chr(0)) + 1}")
    return text


def _match(pattern: str, text: str, expected: str, hint: str | None = None) -> str:
    _refuse_control(text, _CONTROL)
    if not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), text):
        raise Mistake(f"expected {expected}, not {_quote(text)}", hint)
    return text


def parse_app_name(text: str) -> str:
    """A name that is an OCI repository name as well: `shop`, `my-app`, `web_2`."""
    expected = "a name of small letters, digits and single . _ - between them"
    better = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    hint = f'did you mean "{better}"?' if better and better != text else None
    if len(text) > 128:
        raise Mistake("expected a name of at most 128 characters")
    return _match(NAME_PATTERN, text, expected, hint)


def parse_version(text: str) -> str:
    """A version: one word."""
    return _match(r"\S+", text, "a version without blanks")


def parse_url(text: str) -> str:
    """A URL with a scheme and a host."""
    hint = f'did you mean "https://{text}"?' if re.match(r"[\w-]+(\.[\w-]+)+(/|$)", text) else None
    return _match(URL_PATTERN + r"\S*", text, "a URL such as https://example.org/shop", hint)


def parse_package(text: str) -> str:
    """An attribute path of the package set: `curl`, `python3Packages.requests`."""
    expected = "a package attribute such as curl or python3Packages.requests"
    hint = None
    if text.startswith(("pkgs.", "nixpkgs#")):
        hint = f"leave out {_quote(text[: text.index('.' if text[4] == '.' else '#') + 1])}"
    elif re.fullmatch(r".+[=@:<>~].*", text):
        hint = "a version is not chosen here: it comes with the package set"
    if hint is not None:
        raise Mistake(f"expected {expected}, not {_quote(text)}", hint)
    return _match(PACKAGE_PATTERN, text, expected)


def parse_tag(text: str) -> str:
    """A tag: https://github.com/opencontainers/distribution-spec/blob/main/spec.md."""
    return _match(TAG_PATTERN, text, "a tag of at most 128 letters, digits and . _ -")


def parse_program(text: str) -> str:
    """The file name of a program."""
    return _match(PROGRAM_PATTERN, text, "a program name: letters, digits and . _ + -")


def parse_std(text: str) -> str:
    """A C or C++ language standard, as `-std=` takes it."""
    return _match(STD_PATTERN, text, "a language standard such as c11 or gnu17")


def parse_account(text: str) -> str:
    """A user or group name that /etc/passwd can hold."""
    expected = "a user name of at most 32 small letters, digits, _ and -, not a digit first"
    return _match(ACCOUNT_PATTERN, text, expected)


def parse_timezone(text: str) -> str:
    """A zone of the IANA time zone database."""
    return _match(TIMEZONE_PATTERN, text, "a time zone such as Europe/Berlin")


def parse_variable_name(text: str) -> str:
    """A name that `${name}` can hold and no built-in has."""
    if text in ("platform", "profile"):
        raise Mistake(f"${{{text}}} is a name that nixgen gives a value itself", "take another")
    return _match(VARIABLE_PATTERN, text, "a variable name of letters, digits, _ and -")


def parse_profile_name(text: str) -> str:
    """A profile's name."""
    return _match(PROFILE_PATTERN, text, "a profile name of letters, digits, _ and -")


def parse_env_name(text: str) -> str:
    """The name of an environment variable."""
    if not text:
        raise Mistake("the name of an environment variable is empty")
    _refuse_control(text, _CONTROL)
    if "=" in text:
        raise Mistake(f"the name of an environment variable can't hold =: {_quote(text)}")
    return _refuse_placeholder(text)


def parse_label_name(text: str) -> str:
    """The name of a label or an annotation."""
    if not text.strip():
        raise Mistake("the name of a label is empty")
    _refuse_control(text, _CONTROL)
    return _refuse_placeholder(text)


def _refuse_placeholder(text: str) -> str:
    if "${" in text:
        raise Mistake("${...} is filled in in values, not in names")
    return text


def parse_argument_name(text: str) -> str:
    """The name of an argument of a Nix function."""
    return _match(r"[A-Za-z_][A-Za-z0-9_'-]*", text, "the name of a Nix function's argument")


def parse_image_path(text: str) -> str:
    """An absolute, normalised path in the image, other than the root and the Nix store."""
    if text == "/":
        raise Mistake("expected a path below /, not / itself")
    path = parse_image_folder(text)
    if path in ("/nix", "/nix/store") or path.startswith("/nix/store/"):
        raise Mistake(f"{_quote(path)} belongs to Nix: nothing can be put there")
    return path


def parse_image_folder(text: str) -> str:
    """An absolute, normalised path in the image; the root too."""
    _refuse_control(text, _CONTROL)
    if not text.startswith("/"):
        hint = f'did you mean "/{text.removeprefix("./")}"?' if text else None
        raise Mistake(f"expected an absolute path, not {_quote(text)}", hint)
    parts = text[1:].split("/") if text != "/" else []
    if any(part in ("", ".", "..") for part in parts):
        better = "/" + "/".join(part for part in parts if part not in ("", "."))
        hint = f'did you mean "{better}"?' if ".." not in parts else None
        raise Mistake(f"expected a path without empty, . or .. parts, not {_quote(text)}", hint)
    if len(text.encode()) > 4095 or any(len(part.encode()) > 255 for part in parts):
        raise Mistake("the path is longer than Linux takes: 255 bytes a part, 4095 in all")
    return text


def parse_link_target(text: str) -> str:
    """What a symbolic link points to; relative or absolute."""
    if len(parse_line(text).encode()) > 4095:
        raise Mistake("the target is longer than Linux takes: 4095 bytes")
    return text


def parse_project_path(text: str) -> str:
    """A path relative to the description that does not climb out of its folder."""
    parse_line(text)
    if text.startswith("/"):
        raise Mistake(f"expected a path relative to the description, not {_quote(text)}")
    if text.startswith("~"):
        raise Mistake(f"expected a path relative to the description, not {_quote(text)}; ~ is kept")
    if ".." in text.split("/"):
        raise Mistake(f"{_quote(text)} leaves the project by ..")
    return text


def parse_mode(text: str) -> int:
    """Permission bits in octal, as chmod takes them: "0644", "755", "1777"."""
    return int(_match(MODE_PATTERN, text, 'a mode in octal digits such as "0644"'), 8)


def parse_port(text: str) -> Port:
    """A port with its protocol: "8080", "8080/tcp", "53/udp"."""
    expected = 'a port such as 8080, "8080/tcp" or "53/udp"'
    if re.fullmatch(r"[0-9]+:[0-9]+(/\w+)?", text):
        raise Mistake(
            f"expected {expected}, not {_quote(text)}",
            "an image only says where it listens; the host's port is chosen when it is run",
        )
    number, _, protocol = _match(PORT_PATTERN, text.lower(), expected).partition("/")
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
    _refuse_control(text, _CONTROL)
    name = text.upper()
    name = name if name.startswith("SIG") or name.isdigit() else f"SIG{name}"
    if name in _SIGNALS or _REALTIME_SIGNAL.fullmatch(name):
        return name
    if name.isascii() and name.isdigit() and 1 <= int(name[:4]) <= 64:
        return str(int(name))
    raise Mistake(
        f"expected a signal such as SIGTERM or 15, not {_quote(text)}", suggest(name, _SIGNALS)
    )


def parse_duration_ns(text: str) -> int:
    """A length of time such as "30s", "1m30s" or "500ms", in nanoseconds."""
    expected = 'a length of time such as "30s", "1m30s" or "500ms"'
    hint = f'did you mean "{text}s"?' if re.fullmatch(r"[0-9]+", text) else None
    _match(DURATION_PATTERN, text, expected, hint)
    total = 0
    for whole, fraction, unit in re.findall(r"([0-9]+)(?:\.([0-9]+))?([a-z]+)", text):
        digits = fraction[:18]
        total += _UNITS_NS[unit] * int(whole[:20] + digits) // 10 ** len(digits)
    if not 0 < total < 2**63:
        raise Mistake(f"expected {expected}, from 1ns to 292 years, not {_quote(text)}")
    return total


def parse_size_bytes(text: str) -> int:
    """A size such as "60 MB" (decimal) or "60 MiB" (binary), in bytes."""
    _match(SIZE_PATTERN, text, 'a size such as "60 MB" or "60 MiB"')
    number, unit = re.findall(r"([0-9.]+) ?([kKMGTi]*)B", text)[0]
    base = 1024 if unit.endswith("i") else 1000
    whole, _, fraction = number.partition(".")
    factor: int = base ** " KMGT".index(unit[:1].upper() or " ")
    return int(whole[:20] + fraction[:9]) * factor // 10 ** len(fraction[:9])


def parse_created(text: str) -> int | str:
    """The image's time: seconds since 1970, or "source-date-epoch" as it stands."""
    if text == "epoch":
        return 1
    if text == "source-date-epoch":
        return text
    expected = '"epoch", "source-date-epoch" or a time such as "2026-01-31T12:00:00Z"'
    _match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9:]+)", text, expected)
    try:
        moment = datetime.datetime.fromisoformat(text.upper())
    except ValueError:
        raise Mistake(f"expected {expected}, not {_quote(text)}") from None
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


def parse_glob(text: str) -> str:
    """A file pattern relative to the source folder: * and ? within a part, ** for any parts."""
    parse_project_path(text)
    if any("**" in part and part != "**" for part in text.split("/")):
        raise Mistake(f"expected ** to stand alone between slashes, not {_quote(text)}")
    return text


def parse_flake_or_path(text: str) -> str:
    """A package set: a word, a path that starts with ./ ../ or /, or a flake reference."""
    parse_line(text)
    if text in ("bundled", "nixpkgs") or text in (".", "..") or text.startswith(("./", "../", "/")):
        return text
    if re.fullmatch(r"[a-z][a-z0-9+.-]*:\S+", text):
        return text
    hint = suggest(text, ("bundled", "nixpkgs"))
    if hint is None and "/" in text:
        hint = f'a path starts with ./, ../ or /: did you mean "./{text}"?'
    raise Mistake(
        f'expected "bundled", "nixpkgs", a flake reference or a path, not {_quote(text)}', hint
    )
