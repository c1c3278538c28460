"""The tables inside [image], such as an element of `files`."""

from __future__ import annotations

from nixgen.spec import texts
from nixgen.spec.kinds import Integer, Text, choice
from nixgen.spec.shapes import Field, ListOf, Table
from nixgen.spec.value_kinds import (
    ACCOUNT,
    DURATION,
    ID,
    IMAGE_FOLDER,
    IMAGE_PATH,
    MODE,
    OWNER,
    PROJECT_PATH,
    TEXT,
)

USER_TABLE = Table(
    label="a table of a user",
    doc="A user that is made in the image, in /etc/passwd and /etc/group.",
    fields=(
        Field("name", ACCOUNT, "The user's name.", required=True, example="shop"),
        Field("uid", ID, "Its number.", default=65532),
        Field("gid", ID, "The number of its group.", default_doc="the same as `uid`"),
        Field("group", ACCOUNT, "The name of its group.", default_doc="the same as `name`"),
        Field("home", IMAGE_FOLDER, "Its home.", default_doc="`/home/NAME`, for root `/root`"),
        Field("shell", IMAGE_PATH, "Its login shell.", default="/sbin/nologin"),
    ),
)

_OWNER_FIELDS = (
    Field("user", OWNER, "Its owner: root, the image's user, or a number.", default="root"),
    Field("group", OWNER, "Its group.", default_doc="the group of `user`"),
    Field("uid", ID, "Its owner as a number, in place of `user`.", default=0),
    Field("gid", ID, "Its group as a number, in place of `group`.", default=0),
)

FILE_TABLE = Table(
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
        Field("mode", MODE, "Its permissions.", default="0644"),
        *_OWNER_FIELDS,
    ),
)

DIRECTORY_TABLE = Table(
    label="a table of a directory",
    doc="One directory of the image.",
    identity="path",
    fields=(
        Field("path", IMAGE_PATH, "Where it is in the image.", required=True, example="/var/x"),
        Field("mode", MODE, "Its permissions.", default="0755"),
        *_OWNER_FIELDS,
    ),
)

SYMLINK_TABLE = Table(
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

HEALTHCHECK_TABLE = Table(
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
        Field("interval", DURATION, "Time between two checks.", example="30s"),
        Field("timeout", DURATION, "Time that one check may take.", example="5s"),
        Field("start-period", DURATION, "Time the app may need to start.", example="10s"),
        Field("retries", Integer(low=1, high=1000), "Failures in a row that count.", example=3),
    ),
)

LAYERS_TABLE = Table(
    label="a table of layer settings",
    doc="How store paths are put into layers.",
    fields=(
        Field(
            "max",
            Integer(low=2, high=127),
            "The most layers the image has, the one for its own files among them. Engines can't "
            "run an image of more than 127.",
            default=100,
        ),
        Field(
            "strategy",
            choice("auto", "popularity", "single"),
            "`auto` splits by shared use and size, so that an update rewrites few bytes; "
            "`popularity` gives the paths that most others need a layer each; `single` makes one "
            "layer. With a nixpkgs checkout, `auto` leaves the layers to its own dockerTools.",
            default="auto",
        ),
    ),
)
