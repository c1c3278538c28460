"""The keys of [image], one entry each: what it takes, means and defaults to."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nixgen.platforms import Platform
from nixgen.spec import texts
from nixgen.spec.kinds import (
    Boolean,
    Date,
    Field,
    Integer,
    Kind,
    ListOf,
    MapOf,
    Mistake,
    OneOf,
    Table,
    Text,
    choice,
)
from nixgen.spec.model import Port

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


def same(value: Any) -> Any:
    """The identity of values that are told apart by themselves."""
    return value


def lists_of(item: Kind, label: str, identity: Callable[[Any], Any] | None = same) -> ListOf:
    """An array whose elements must differ, unless `identity` is None."""
    return ListOf(item=item, label=label, identity=identity)


def _port_of(value: Any) -> Port:
    return value if isinstance(value, Port) else Port(number=value)


def _parse_platform(text: str) -> Platform | str:
    """A platform, or the word native as it stands."""
    if text == "native":
        return text
    return parse_platform(text)


def parse_platform(text: str) -> Platform:
    """A platform in OCI words; raises Mistake."""
    try:
        return Platform.parse(text)
    except ValueError as error:
        message, _, guess = str(error).partition("; ")
        raise Mistake(message.partition(" Known:")[0], guess or None) from None


def _parse_owner(text: str) -> str | int:
    if text.isascii() and text.isdigit() and len(text) < 12:
        if int(text) > texts.MAX_ID:
            raise Mistake(f"expected a number from 0 to {texts.MAX_ID}, not {text}")
        return int(text)
    return texts.parse_account(text)


def _parse_user(text: str) -> tuple[str | int, str | int | None]:
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


_ID = Integer(low=0, high=texts.MAX_ID)
_OWNER = OneOf(
    label="a user's name or number",
    kinds=(_ID, Text(label="a name", convert=_parse_owner)),
)
_MODE = Text(
    label='a mode in octal digits, as a string such as "0644"',
    convert=texts.parse_mode,
    pattern=texts.MODE_PATTERN,
)
_DURATION = Text(
    label='a length of time such as "30s"',
    convert=texts.parse_duration_ns,
    pattern=texts.DURATION_PATTERN,
)
_ACCOUNT = Text(label="a name", convert=texts.parse_account, pattern=texts.ACCOUNT_PATTERN)

_USER_TABLE = Table(
    label="a table of a user",
    doc="A user that is made in the image, in /etc/passwd and /etc/group.",
    fields=(
        Field("name", _ACCOUNT, "The user's name.", required=True, example="shop"),
        Field("uid", _ID, "Its number.", default=65532),
        Field("gid", _ID, "The number of its group.", default_doc="the same as `uid`"),
        Field("group", _ACCOUNT, "The name of its group.", default_doc="the same as `name`"),
        Field("home", IMAGE_FOLDER, "Its home.", default_doc="`/home/NAME`, for root `/root`"),
        Field("shell", IMAGE_PATH, "Its login shell.", default="/sbin/nologin"),
    ),
)

_OWNER_FIELDS = (
    Field("user", _OWNER, "Its owner: root, the image's user, or a number.", default="root"),
    Field("group", _OWNER, "Its group.", default_doc="the group of `user`"),
    Field("uid", _ID, "Its owner as a number, in place of `user`.", default=0),
    Field("gid", _ID, "Its group as a number, in place of `group`.", default=0),
)

_FILE_TABLE = Table(
    label="a table of a file",
    doc="One file of the image: a copy of a file of the project, or a text.",
    identity="path",
    fields=(
        Field("path", IMAGE_PATH, "Where it is in the image.", required=True, example="/etc/x"),
        Field(
            "source",
            PROJECT_PATH,
            "The file of the project to copy, relative to the description.",
            example="shop.toml",
            aliases=("src", "from", "file"),
        ),
        Field(
            "text",
            Text(label="a string", convert=texts.parse_content),
            "The content, in place of `source`.",
            example="listen = ${port}\n",
            aliases=("content", "contents"),
        ),
        Field("mode", _MODE, "Its permissions.", default="0644"),
        *_OWNER_FIELDS,
    ),
)

_DIRECTORY_TABLE = Table(
    label="a table of a directory",
    doc="One directory of the image.",
    identity="path",
    fields=(
        Field("path", IMAGE_PATH, "Where it is in the image.", required=True, example="/var/x"),
        Field("mode", _MODE, "Its permissions.", default="0755"),
        *_OWNER_FIELDS,
    ),
)

_SYMLINK_TABLE = Table(
    label="a table of a symbolic link",
    doc="One symbolic link of the image.",
    identity="path",
    fields=(
        Field("path", IMAGE_PATH, "Where it is in the image.", required=True, example="/app"),
        Field(
            "target",
            Text(label="a path", convert=texts.parse_link_target),
            "What it points to, relative or absolute.",
            required=True,
            example="/srv/app",
        ),
    ),
)

_HEALTHCHECK_TABLE = Table(
    label="a table of a health check",
    doc="How an engine asks whether the app is well. Only docker-archive can carry it: OCI "
    "has no such field.",
    refusals={"test": 'the command is called "run": a list of strings, without CMD before it'},
    fields=(
        Field(
            "run",
            ListOf(item=TEXT, label="a list of strings, one argument each", minimum=1),
            "The command, started in the container; exit code 0 means well.",
            required=True,
            example=["shop", "--health"],
            aliases=("cmd", "command"),
        ),
        Field("interval", _DURATION, "Time between two checks.", example="30s"),
        Field("timeout", _DURATION, "Time that one check may take.", example="5s"),
        Field("start-period", _DURATION, "Time the app may need to start.", example="10s"),
        Field("retries", Integer(low=1, high=1000), "Failures in a row that count.", example=3),
    ),
)

_LAYERS_TABLE = Table(
    label="a table of layer settings",
    doc="How store paths are put into layers.",
    fields=(
        Field("max", Integer(low=1, high=125), "The most layers the image has.", default=100),
        Field("strategy", choice("popularity"), "What decides.", default="popularity"),
    ),
)

_CREATED = OneOf(
    label='"epoch", "source-date-epoch", a time or seconds since 1970',
    kinds=(
        Integer(low=0, high=texts.MAX_CREATED_S),
        Text(label="a time", convert=texts.parse_created),
        Date(label="a time", convert=texts.created_of_moment),
    ),
)

_STRINGS_BY_NAME = "a table of strings"

IMAGE_TABLE = Table(
    label="a table",
    doc="What the image holds and how it is run.",
    refusals={
        "run": "no command runs inside an image while it is built; [build] builds the app",
        "packages": 'packages are listed in "contents"; [packages] names the set they come from',
        "tag": 'write tags = ["..."], a list',
        "shell": 'there is no shell unless "contents" holds one, such as "bash" or "busybox"',
        "name": "the image is called as [app] name says",
    },
    fields=(
        Field(
            "contents",
            lists_of(PACKAGE, "a list of package attributes"),
            "Packages of the set that the image holds, linked under `/bin`, `/lib`, `/share`.",
            default=[],
            example=["bash", "curl"],
            aliases=("content", "install", "pkgs"),
        ),
        Field("from", LINE, "A base image.", example="debian:12", aliases=("base",)),
        Field(
            "entrypoint",
            ARGUMENTS,
            "The program that is started, with its first arguments; never a shell line.",
            default_doc="`build.program` for the kind `c`, else none",
            example=["shop", "--port", "${port}"],
            aliases=("command-line",),
        ),
        Field(
            "cmd",
            ARGUMENTS,
            "Further arguments, which `docker run IMAGE ...` replaces.",
            default=[],
            example=["--verbose"],
            aliases=("command", "args"),
        ),
        Field(
            "env",
            MapOf(
                label=_STRINGS_BY_NAME,
                name=texts.parse_env_name,
                value=TEXT,
                name_pattern="^[^=]+$",
            ),
            "Environment variables.",
            default={},
            example={"LOG": "info"},
            aliases=("environment", "environ", "envs"),
        ),
        Field(
            "user",
            OneOf(
                label='a name, a number, "uid:gid" or a table of a user',
                kinds=(Text(label="a user", convert=_parse_user), _ID, _USER_TABLE),
            ),
            "Who the process runs as: a name (made with the number 65532), a number, `uid:gid`, "
            "or a table. `root` only when asked for.",
            default="nonroot",
            example="shop",
        ),
        Field(
            "workdir",
            IMAGE_FOLDER,
            "The folder the process starts in.",
            default="/",
            aliases=("working-dir", "working-directory", "cwd"),
        ),
        Field(
            "ports",
            lists_of(
                OneOf(
                    label='a port such as 8080, "8080/tcp" or "53/udp"',
                    kinds=(
                        Integer(low=1, high=65535, label="a port"),
                        Text(label="a port", convert=texts.parse_port, pattern=texts.PORT_PATTERN),
                    ),
                ),
                "a list of ports",
                _port_of,
            ),
            "Ports the app listens on.",
            default=[],
            example=["${port}/tcp"],
            aliases=("expose", "port"),
        ),
        Field(
            "volumes",
            lists_of(IMAGE_PATH, "a list of absolute paths"),
            "Folders that hold data of their own.",
            default=[],
            example=["/var/lib/shop"],
            aliases=("volume",),
        ),
        Field(
            "labels",
            MapOf(
                label=_STRINGS_BY_NAME, name=texts.parse_label_name, value=TEXT, name_pattern=r"\S"
            ),
            "Labels in the image's config.",
            default={},
            example={"team": "shop"},
            aliases=("label",),
        ),
        Field(
            "annotations",
            MapOf(
                label=_STRINGS_BY_NAME, name=texts.parse_label_name, value=TEXT, name_pattern=r"\S"
            ),
            "Annotations of the manifest, besides those that come from [app].",
            default={},
            example={"org.example.team": "shop"},
            aliases=("annotation",),
        ),
        Field(
            "stop-signal",
            OneOf(
                label="a signal such as SIGTERM or 15",
                kinds=(
                    Integer(low=1, high=64, label="a signal"),
                    Text(label="a signal", convert=texts.parse_signal),
                ),
            ),
            "The signal that asks the process to end.",
            default_doc="none: engines take SIGTERM",
            example="SIGINT",
        ),
        Field(
            "healthcheck",
            _HEALTHCHECK_TABLE,
            _HEALTHCHECK_TABLE.doc,
            aliases=("health-check", "health"),
        ),
        Field(
            "files",
            lists_of(_FILE_TABLE, "a list of tables", None),
            "Files with mode and owner.",
            default=[],
            example=[{"path": "/etc/shop.toml", "source": "shop.toml", "mode": "0644"}],
            aliases=("file", "copy"),
        ),
        Field(
            "directories",
            lists_of(_DIRECTORY_TABLE, "a list of tables", None),
            "Directories with mode and owner.",
            default=[],
            example=[{"path": "/var/lib/shop", "user": "shop"}],
            aliases=("directory", "dirs", "folders"),
        ),
        Field(
            "symlinks",
            lists_of(_SYMLINK_TABLE, "a list of tables", None),
            "Symbolic links.",
            default=[],
            example=[{"path": "/app", "target": "/srv/app"}],
            aliases=("links", "symlink"),
        ),
        Field(
            "ca-certificates",
            Boolean(),
            "Whether the image holds the CA certificates and `SSL_CERT_FILE` names them.",
            default=True,
            aliases=("certificates", "ca-certs", "cacert"),
        ),
        Field(
            "timezones",
            Boolean(),
            "Whether the image holds the time zone database.",
            default=False,
            aliases=("tzdata",),
        ),
        Field(
            "timezone",
            Text(label="a time zone", convert=texts.parse_timezone, pattern=texts.TIMEZONE_PATTERN),
            "The app's time zone, set as `TZ`; brings the database with it.",
            example="Europe/Berlin",
            aliases=("tz",),
        ),
        Field(
            "created",
            _CREATED,
            "The image's time: `epoch` (one second into 1970), an RFC 3339 time, seconds since "
            "1970, or `source-date-epoch` for the variable SOURCE_DATE_EPOCH.",
            default="epoch",
            example="2026-01-31T12:00:00Z",
        ),
        Field(
            "tags",
            ListOf(
                item=Text(label="a tag", convert=texts.parse_tag, pattern=texts.TAG_PATTERN),
                label="a list of tags",
                identity=same,
                minimum=1,
            ),
            "The image's tags; the first is the one that is shown.",
            default_doc="the version of the app",
            example=["1.4.0", "latest"],
        ),
        Field(
            "compression",
            choice("zstd", "gzip", "none"),
            "How layers are compressed; part of the image's identity.",
            default="zstd",
        ),
        Field(
            "platforms",
            lists_of(Text(label="a platform", convert=_parse_platform), "a list of platforms"),
            "Platforms to build for, in OCI words; `native` is the machine's own. "
            "`${platform...}` can't be used here.",
            default=["native"],
            example=["linux/amd64", "linux/arm64"],
            aliases=("platform", "arch"),
        ),
        Field("layers", _LAYERS_TABLE, _LAYERS_TABLE.doc, aliases=("layer",)),
    ),
)
