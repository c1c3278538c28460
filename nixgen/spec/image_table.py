"""The keys of [image], one entry each: what it takes, means and defaults to."""

from __future__ import annotations

from nixgen.spec import quantities, texts
from nixgen.spec.kinds import Boolean, Date, Integer, OneOf, Text, choice
from nixgen.spec.parts_table import (
    DIRECTORY_TABLE,
    FILE_TABLE,
    HEALTHCHECK_TABLE,
    LAYERS_TABLE,
    SYMLINK_TABLE,
    USER_TABLE,
)
from nixgen.spec.shapes import Field, ListOf, MapOf, Table
from nixgen.spec.value_kinds import (
    ARGUMENTS,
    ID,
    IMAGE_FOLDER,
    IMAGE_PATH,
    PACKAGE,
    PLATFORM_NAMES,
    TEXT,
    lists_of,
    parse_platform_word,
    parse_user,
    port_of,
    same,
)

_CREATED = OneOf(
    label='"epoch", "source-date-epoch", a time or seconds since 1970',
    kinds=(
        Integer(low=0, high=quantities.MAX_CREATED_S),
        Text(label="a time", convert=quantities.parse_created),
        Date(label="a time", convert=quantities.created_of_moment),
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
        Field(
            "from",
            Text(label="a base image", convert=texts.parse_base),
            "The image that this one begins with: a reference, `HOST/REPOSITORY[:TAG][@sha256:…]`, "
            "or a place on disk, `./base.oci` or `docker-archive:base.tar`. The lockfile pins it.",
            default_doc="none: the image holds what is listed and nothing else",
            example="registry.example/debian:12",
            aliases=("base",),
        ),
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
                kinds=(Text(label="a user", convert=parse_user), ID, USER_TABLE),
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
                        Text(
                            label="a port",
                            convert=quantities.parse_port,
                            pattern=quantities.PORT_PATTERN,
                        ),
                    ),
                ),
                "a list of ports",
                port_of,
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
                    Text(label="a signal", convert=quantities.parse_signal),
                ),
            ),
            "The signal that asks the process to end.",
            default_doc="none: engines take SIGTERM",
            example="SIGINT",
        ),
        Field(
            "healthcheck",
            HEALTHCHECK_TABLE,
            HEALTHCHECK_TABLE.doc,
            aliases=("health-check", "health"),
        ),
        Field(
            "files",
            lists_of(FILE_TABLE, "a list of tables", None),
            "Files with mode and owner.",
            default=[],
            example=[{"path": "/etc/shop.toml", "source": "shop.toml", "mode": "0644"}],
            aliases=("file", "copy"),
        ),
        Field(
            "directories",
            lists_of(DIRECTORY_TABLE, "a list of tables", None),
            "Directories with mode and owner.",
            default=[],
            example=[{"path": "/var/lib/shop", "user": "shop"}],
            aliases=("directory", "dirs", "folders"),
        ),
        Field(
            "symlinks",
            lists_of(SYMLINK_TABLE, "a list of tables", None),
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
            choice("gzip", "zstd", "none"),
            "How layers are compressed; part of the image's identity.",
            default="gzip",
        ),
        Field(
            "platforms",
            lists_of(
                Text(
                    label="a platform",
                    convert=parse_platform_word,
                    words=("native", *PLATFORM_NAMES),
                ),
                "a list of platforms",
            ),
            "Platforms to build for, in OCI words; `native` is the machine's own. "
            "`${platform...}` can't be used here.",
            default=["native"],
            example=["linux/amd64", "linux/arm64"],
            aliases=("platform", "arch"),
        ),
        Field(
            "foreign-binaries",
            lists_of(
                Text(label="a file pattern", convert=texts.parse_image_pattern),
                "a list of file patterns",
            ),
            "Programs of other machines that are meant to be in the image, such as firmware or a "
            "cross compiler's libraries; all others are refused. `NAME/…` means files of the store "
            "path of that name (without its hash), `/…` files of `files`.",
            default=[],
            example=["linux-firmware-*/lib/firmware/**"],
        ),
        Field("layers", LAYERS_TABLE, LAYERS_TABLE.doc, aliases=("layer",)),
    ),
)
