"""The kinds of single values that the tables of a description share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nixgen.platforms import Platform, UnknownPlatformError, platform_names
from nixgen.regexes import check_regex
from nixgen.spec import quantities, texts
from nixgen.spec.kinds import Integer, Kind, Mistake, OneOf, Text
from nixgen.spec.model import Port
from nixgen.spec.shapes import ListOf

LINE = Text(label="a string", convert=texts.parse_line)
TEXT = Text(label="a string", convert=texts.parse_text)
ARGUMENTS = ListOf(item=TEXT, label="a list of strings, one argument each")
PACKAGE = Text(
    label="a package attribute", convert=texts.parse_package, pattern=texts.PACKAGE_PATTERN
)
PROJECT_PATH = Text(label="a path of the project", convert=texts.parse_project_path)
IMAGE_PATH = Text(
    label="an absolute path", convert=texts.parse_image_path, pattern=texts.ABSOLUTE_PATTERN
)
IMAGE_FOLDER = Text(
    label="an absolute path", convert=texts.parse_image_folder, pattern=texts.ABSOLUTE_PATTERN
)
SIZE = OneOf(
    label='a size such as "60 MB", or a number of bytes',
    kinds=(
        Integer(low=0, high=2**63 - 1),
        Text(label="a size", convert=quantities.parse_size_bytes, pattern=quantities.SIZE_PATTERN),
    ),
)


def _parse_regex(text: str) -> str:
    texts.parse_text(text)
    try:
        check_regex(text)
    except ValueError as error:
        raise Mistake(
            f"{texts.quote(text)} is no regular expression: {error}",
            "in TOML, '...' keeps backslashes as they are",
        ) from None
    return text


REGEX = Text(label="a regular expression", convert=_parse_regex)


def same(value: Any) -> Any:
    """The identity of values that are told apart by themselves."""
    return value


def lists_of(item: Kind, label: str, identity: Callable[[Any], Any] | None = same) -> ListOf:
    """An array whose elements must differ, unless `identity` is None."""
    return ListOf(item=item, label=label, identity=identity)


def port_of(value: Any) -> Port:
    """The port of what the kind of a port reads: a number, or a port already."""
    return value if isinstance(value, Port) else Port(number=value)


PLATFORM_NAMES = platform_names()


def parse_platform_word(text: str) -> Platform | str:
    """A platform, or the word native as it stands."""
    if text == "native":
        return text
    return parse_platform(text)


def parse_platform(text: str) -> Platform:
    """A platform in OCI words; raises Mistake."""
    try:
        return Platform.parse(text)
    except UnknownPlatformError as error:
        raise Mistake(str(error), error.hint) from None


def _parse_owner(text: str) -> str | int:
    if text.isascii() and text.isdigit() and len(text) < 12:
        if int(text) > texts.MAX_ID:
            raise Mistake(f"expected a number from 0 to {texts.MAX_ID}, not {text}")
        return int(text)
    return texts.parse_account(text)


def parse_user(text: str) -> tuple[str | int, str | int | None]:
    """`name`, `uid` or `uid:gid` as (user, group)."""
    user, colon, group = text.partition(":")
    if not colon:
        return _parse_owner(text), None
    if not re.fullmatch(r"[0-9]+:[0-9]+", text):
        raise Mistake(
            f'expected a name, "uid" or "uid:gid", not "{text}"',
            'write a table for more: { name = "app", uid = 1000, gid = 1000 }',
        )
    return _parse_owner(user), _parse_owner(group)


ID = Integer(low=0, high=texts.MAX_ID)
OWNER = OneOf(
    label="a user's name or number",
    kinds=(ID, Text(label="a name", convert=_parse_owner)),
)
MODE = Text(
    label='a mode in octal digits, as a string such as "0644"',
    convert=quantities.parse_mode,
    quoting=False,
    pattern=quantities.MODE_PATTERN,
)
DURATION = Text(
    label='a length of time such as "30s"',
    convert=quantities.parse_duration_ns,
    pattern=quantities.DURATION_PATTERN,
)
ACCOUNT = Text(label="a name", convert=texts.parse_account, pattern=texts.ACCOUNT_PATTERN)
