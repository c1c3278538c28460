"""The keys of [[test]]."""

from __future__ import annotations

from dataclasses import replace

from nixgen.spec import quantities, texts
from nixgen.spec.kinds import Boolean, Integer, Mistake, OneOf, Text, choice
from nixgen.spec.shapes import Field, ListOf, MapOf, Table
from nixgen.spec.value_kinds import (
    DURATION,
    ID,
    IMAGE_FOLDER,
    LINE,
    MODE,
    PLATFORM_NAMES,
    REGEX,
    TEXT,
    lists_of,
    parse_platform,
    parse_user,
)

MAX_TIMEOUT_NS = 24 * 3600 * 10**9


def _parse_part(text: str) -> str:
    if not text:
        raise Mistake("expected some text: every output holds an empty string")
    return texts.parse_text(text)


def _parse_request_path(text: str) -> str:
    """The path and query of an HTTP request. https://www.rfc-editor.org/rfc/rfc9112#section-3.2.1"""
    hint = None
    if "://" in text:
        hint = "the path alone: the port is beside it, and the host is the image itself"
    return texts.match(r"/[!-~]*", text, "a path such as /healthz", hint)


def _parse_tcp_port(text: str) -> int:
    port = quantities.parse_port(text)
    if port.protocol != "tcp":
        raise Mistake(f"expected a TCP port, not {texts.quote(text)}", "only TCP can be tested")
    return port.number


def _parse_timeout_ns(text: str) -> int:
    timeout_ns = quantities.parse_duration_ns(text)
    if timeout_ns > MAX_TIMEOUT_NS:
        raise Mistake(f"expected at most 24h, not {texts.quote(text)}")
    return timeout_ns


_PART = Text(label="a string", convert=_parse_part)
_PORT = OneOf(
    label='a port such as 8080 or "8080/tcp"',
    kinds=(
        Integer(low=1, high=65535, label="a port"),
        Text(label="a port", convert=_parse_tcp_port, pattern=r"^[0-9]{1,5}(/tcp)?$"),
    ),
)

EXPECTATION_TABLE = Table(
    label="a table of what a text must hold",
    doc="Parts of a text, where a string would be the whole of it.",
    fields=(
        Field(
            "contains",
            OneOf(
                label="a string or a list of strings",
                kinds=(_PART, lists_of(_PART, "a list of strings")),
            ),
            "Text that is in it; each, where there are several.",
            example="listening",
            aliases=("contain", "includes", "has"),
        ),
        Field(
            "regex",
            REGEX,
            "A regular expression, of Python's kind, that is found in it. `^` and `$` stand for "
            "the borders of each line, `\\A` and `\\Z` for those of the whole.",
            example="^v[0-9]+",
            aliases=("matches", "match", "regexp", "pattern"),
        ),
    ),
)
EXPECTATION = OneOf(
    label="a string, or a table of contains and regex", kinds=(TEXT, EXPECTATION_TABLE)
)

FILE_CHECK_TABLE = Table(
    label="a table of a file that must be there",
    doc="A path that leads to something in the image, links followed.",
    identity="path",
    fields=(
        Field("path", IMAGE_FOLDER, "Where it is in the image.", required=True, example="/bin/sh"),
        Field(
            "type",
            choice("file", "directory", "symlink"),
            "What it is. `symlink` looks at the path itself, wherever it leads.",
            example="file",
            aliases=("kind",),
        ),
        Field("mode", MODE, "Its permissions.", example="0640"),
    ),
)

PORT_CHECK_TABLE = Table(
    label="a table of a port that must answer",
    doc="A TCP port that takes a connection, and with `get` answers to an HTTP request.",
    fields=(
        Field("port", _PORT, "The port.", required=True, example=8080),
        Field(
            "get",
            Text(label="a path", convert=_parse_request_path, pattern=texts.ABSOLUTE_PATTERN),
            "The path of an HTTP GET.",
            example="/healthz",
            aliases=("path", "url", "http"),
        ),
        Field("status", Integer(low=100, high=599), "The status of the answer.", default=200),
        Field(
            "body",
            EXPECTATION,
            "What the answer's body is, as for `stdout`.",
            example={"contains": "ok"},
        ),
    ),
)

TEST_TABLE = Table(
    label="a table of a test",
    doc="A program that is run in the image, what must come of it, and what the image must hold. "
    "`nixgen test` runs them ([how to](../how-to/test-images.md)).",
    identity="name",
    fields=(
        Field(
            "name",
            LINE,
            "What the test is called.",
            default_doc="made of what it does",
            example="says its version",
        ),
        Field(
            "run",
            ListOf(item=TEXT, label="a list of strings, one argument each", minimum=1),
            "The program and its arguments, in place of the image's entrypoint and cmd.",
            default_doc="the image's own, where anything is started",
            example=["shop", "--version"],
            aliases=("cmd", "command"),
        ),
        Field(
            "exit",
            Integer(low=0, high=255),
            "Its exit code, 128 + N where signal N ended it.",
            default_doc="0; any, with `ports`",
            aliases=("exit-code", "status", "code"),
        ),
        Field(
            "stdout",
            EXPECTATION,
            "Its whole output, but for newlines at the end; or a table of what is in it.",
            example="shop 1.4.0",
            aliases=("output",),
        ),
        Field(
            "stderr",
            EXPECTATION,
            "The same of its error output.",
            example={"contains": "listening"},
        ),
        Field("stdin", TEXT, "What it reads.", default="", aliases=("input",)),
        Field(
            "env",
            MapOf(
                label="a table of strings",
                name=texts.parse_env_name,
                value=TEXT,
                name_pattern="^[^=]+$",
            ),
            "Environment variables besides the image's, or in place of them.",
            default={},
            example={"LOG": "debug"},
            aliases=("environment", "environ"),
        ),
        Field(
            "user",
            OneOf(
                label='a user\'s name, a number or "uid:gid"',
                kinds=(Text(label="a user", convert=parse_user), ID),
            ),
            "Who it runs as: root, the image's user, or a number.",
            default_doc="the image's user",
            example="root",
        ),
        Field(
            "files",
            ListOf(
                item=OneOf(
                    label="an absolute path, or a table of a file that must be there",
                    kinds=(IMAGE_FOLDER, FILE_CHECK_TABLE),
                ),
                label="a list of absolute paths and tables",
            ),
            "What the image must hold.",
            default=[],
            example=["/etc/shop.toml", {"path": "/bin/shop", "type": "file", "mode": "0555"}],
            aliases=("file", "present"),
        ),
        Field(
            "absent",
            lists_of(IMAGE_FOLDER, "a list of absolute paths"),
            "What the image must not hold.",
            default=[],
            example=["/bin/sh"],
            aliases=("missing",),
        ),
        Field(
            "ports",
            ListOf(
                item=OneOf(
                    label="a port, or a table of a port", kinds=(*_PORT.kinds, PORT_CHECK_TABLE)
                ),
                label="a list of ports and tables",
            ),
            "Ports that must answer; the program is ended once they have.",
            default=[],
            example=[8080, {"port": 8080, "get": "/healthz"}],
            aliases=("port",),
        ),
        Field(
            "network",
            Boolean(),
            "The machine's own network; else only a loopback device.",
            default=False,
            aliases=("net",),
        ),
        Field(
            "timeout",
            replace(DURATION, convert=_parse_timeout_ns),
            "Time that all of it may take, at most `24h`.",
            default="30s",
        ),
        Field(
            "platforms",
            lists_of(
                Text(label="a platform", convert=parse_platform, words=PLATFORM_NAMES),
                "a list of platforms",
            ),
            "The platforms it is for.",
            default_doc="all",
            example=["linux/amd64"],
            aliases=("platform", "arch"),
        ),
    ),
)
