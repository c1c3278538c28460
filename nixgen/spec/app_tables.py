"""The keys of the tables besides [image], from [app] to [sign]."""

from __future__ import annotations

from nixgen.spec import texts
from nixgen.spec.kinds import Boolean, Integer, OneOf, Text, choice
from nixgen.spec.shapes import Field, ListOf, MapOf, Table
from nixgen.spec.value_kinds import (
    ARGUMENTS,
    IMAGE_PATH,
    LINE,
    PACKAGE,
    PROJECT_PATH,
    REGEX,
    SIZE,
    TEXT,
    lists_of,
)

BUILD_KINDS = ("files", "c", "nix", "python", "go", "rust", "node")

_INT64 = Integer(low=-(2**63), high=2**63 - 1)
_URL = Text(label="a URL", convert=texts.parse_url, pattern=texts.URL_PATTERN)
_GLOB = Text(label="a file pattern", convert=texts.parse_glob)
_GLOBS = lists_of(_GLOB, "a list of file patterns")
_STORE_GLOBS = lists_of(
    Text(label="a file pattern", convert=texts.parse_store_glob), "a list of file patterns"
)
_NAME_GLOBS = lists_of(
    Text(label="a file pattern", convert=texts.parse_name_glob), "a list of file patterns"
)
_PACKAGES = lists_of(PACKAGE, "a list of package attributes")
_AS_NAMED = Text(label='a package attribute or "*"', convert=texts.parse_package_or_every)
_PACKAGE_PATTERN = Text(label="a package or a pattern", convert=texts.parse_package_pattern)
_PACKAGE_PATTERNS = lists_of(_PACKAGE_PATTERN, "a list of packages and patterns")

APP_TABLE = Table(
    label="a table",
    doc="Who the app is. These go into the image's annotations.",
    fields=(
        Field(
            "name",
            Text(label="a name", convert=texts.parse_app_name, pattern=texts.NAME_PATTERN),
            "The name of the app and of the image.",
            required=True,
            example="shop",
        ),
        Field(
            "version",
            Text(label="a version, as a string", convert=texts.parse_version),
            "The version of the app.",
            default="0",
            example="1.4.0",
        ),
        Field("description", LINE, "One line about the app.", example="Sells things"),
        Field("source", _URL, "Where its source is.", example="https://example.org/shop.git"),
        Field("revision", LINE, "The revision of the source.", example="9f2c1e7"),
        Field(
            "licenses",
            LINE,
            "Its licence as an SPDX expression.",
            example="Apache-2.0",
            aliases=("license", "licence", "licences"),
        ),
        Field(
            "authors",
            lists_of(LINE, "a list of strings"),
            "Who made it.",
            default=[],
            example=["Ada Lovelace <ada@example.org>"],
            aliases=("author", "maintainer", "maintainers"),
        ),
        Field("homepage", _URL, "Its home page.", example="https://example.org/", aliases=("url",)),
    ),
)

PACKAGES_TABLE = Table(
    label="a table",
    doc="Where packages come from.",
    fields=(
        Field(
            "set",
            Text(label="a package set", convert=texts.parse_flake_or_path),
            "The package set: `bundled`, `nixpkgs`, a flake reference, or a path that starts "
            "with `./`, `../` or `/`.",
            default="bundled",
            example="./nixpkgs",
        ),
        Field("channel", LINE, "The channel of nixpkgs.", example="nixos-26.05"),
        Field(
            "revision",
            LINE,
            "The revision of nixpkgs.",
            example="4f0dadbf38ee4cf4cc38cbc232b7708fddf965bc",
            aliases=("rev", "commit"),
        ),
    ),
)

ARGUMENT_SCALAR = OneOf(
    label="a string, an integer or a boolean",
    kinds=(TEXT, _INT64, Boolean()),
)
_ARGUMENT = OneOf(
    label="a string, an integer, a boolean or a list of them",
    kinds=(TEXT, _INT64, Boolean(), ListOf(item=ARGUMENT_SCALAR, label="a list")),
)

BUILD_FIELD_KINDS: dict[str, tuple[str, ...]] = {
    "dest": ("files",),
    "include": ("files",),
    "exclude": ("files",),
    "sources": ("c",),
    "program": ("c",),
    "cflags": ("c",),
    "ldflags": ("c",),
    "libs": ("c",),
    "system": ("c",),
    "make-targets": ("c",),
    "std": ("c",),
    "file": ("nix",),
    "args": ("nix",),
}
"""The kinds of build that a key of [build] belongs to; a key that is not here belongs to all."""

BUILD_TABLE = Table(
    label="a table",
    doc="How the app itself is built. Absent: an image of packages and files only.",
    refusals={
        "run": 'no command can be run here: a Makefile, or a Nix file with kind = "nix", can',
        "command": 'no command can be run here: a Makefile, or kind = "nix", can',
        "script": 'no command can be run here: a Makefile, or kind = "nix", can',
    },
    fields=(
        Field(
            "kind",
            choice(*BUILD_KINDS),
            "What the app is; may be left out where there is nothing but `cross`: no app is built.",
            required=True,
            needless_beside=("cross",),
            example="c",
        ),
        Field(
            "src",
            PROJECT_PATH,
            "The folder of the source, relative to the description.",
            default=".",
            aliases=("source", "dir", "directory", "folder"),
        ),
        Field(
            "cross",
            choice("auto", "cross", "native", "emulated"),
            "How the packages of an image for another platform come about: compiled on this "
            "machine (`auto`, `cross`), built by Nix on a machine of that system (`native`), or "
            "built here by an emulator (`emulated`).",
            default="auto",
        ),
        Field(
            "dest",
            IMAGE_PATH,
            "Where the files go in the image.",
            default_doc="`/srv/` and the name of the app",
            example="/srv/www",
            aliases=("destination", "target"),
        ),
        Field("include", _GLOBS, "The files to take.", default=[], example=["public/**"]),
        Field("exclude", _GLOBS, "The files to leave out.", default=[], example=["**/*.map"]),
        Field("sources", _GLOBS, "The C files to compile.", default=["*.c"], example=["src/*.c"]),
        Field(
            "program",
            Text(
                label="a program name", convert=texts.parse_program, pattern=texts.PROGRAM_PATTERN
            ),
            "The name of the program that is built.",
            default_doc="the name of the app",
            example="shopd",
            aliases=("output", "binary", "bin"),
        ),
        Field("cflags", ARGUMENTS, "Flags for the compiler.", default=[], example=["-O2"]),
        Field("ldflags", ARGUMENTS, "Flags for the linker.", default=[], example=["-lm"]),
        Field(
            "libs",
            _PACKAGES,
            "Packages to compile and link against.",
            default=[],
            example=["zlib"],
            aliases=("libraries", "deps", "dependencies", "build-inputs"),
        ),
        Field(
            "system",
            choice("auto", "make", "direct"),
            "How C is built: by the project's Makefile, or directly; `auto` takes the Makefile "
            "where there is one.",
            default="auto",
        ),
        Field(
            "make-targets",
            ARGUMENTS,
            "What make is asked for.",
            default_doc="its first target, then `install` with PREFIX",
            example=["all"],
            aliases=("targets", "make-target"),
        ),
        Field(
            "std",
            Text(label="a language standard", convert=texts.parse_std, pattern=texts.STD_PATTERN),
            "The C standard.",
            default_doc="the compiler's own",
            example="c11",
            aliases=("standard",),
        ),
        Field("file", PROJECT_PATH, "The Nix file, relative to `src`.", default="default.nix"),
        Field(
            "args",
            MapOf(label="a table", name=texts.parse_argument_name, value=_ARGUMENT),
            "Arguments for the function in that file, besides `pkgs`.",
            default={},
            example={"debug": True},
            aliases=("arguments",),
        ),
    ),
)

CUT_TABLE = Table(
    label="a table of a reference",
    doc="A reference from one package to another that is cut.",
    fields=(
        Field("from", _PACKAGE_PATTERN, "Whose files refer.", required=True, example="python3"),
        Field("to", _PACKAGE_PATTERN, "What they refer to.", required=True, example="gcc"),
    ),
)

CLOSURE_TABLE = Table(
    label="a table",
    doc="What may be left out of the image, and what must not be in it.",
    fields=(
        Field(
            "minimise",
            choice("none", "safe", "tight"),
            "What is left out: nothing; what no program reads (documentation, headers, static "
            "libraries, …), with smaller packages of the same use where the set has them; or also "
            "store paths to which nothing refers that is left.",
            default="safe",
            aliases=("minimize", "slim"),
        ),
        Field("max-size", SIZE, "The most the compressed layers may take.", example="60 MB"),
        Field("max-unpacked-size", SIZE, "The most their tars may take.", example="200 MB"),
        Field("max-layers", Integer(low=1, high=127), "The most layers there may be.", example=20),
        Field(
            "forbid",
            _PACKAGE_PATTERNS,
            "Packages that must not be there, by name, pattern or version.",
            default=[],
            example=["gcc", "*-dev", "openssl<3.1"],
        ),
        Field(
            "allow-only",
            _PACKAGE_PATTERNS,
            "The only packages that may be there, by name, pattern or version.",
            default=[],
            example=["shop", "curl", "openssl>=3.1"],
        ),
        Field("no-shell", Boolean(), "Refuse an image with a shell in it.", default=False),
        Field("no-setuid", Boolean(), "Refuse set-user-id and set-group-id files.", default=False),
        Field(
            "no-world-writable",
            Boolean(),
            "Refuse files that anyone may write to, and such folders without the sticky bit.",
            default=False,
        ),
        Field(
            "keep",
            _STORE_GLOBS,
            "Files that are kept in any case, relative to their store path.",
            example=["share/man/**"],
        ),
        Field(
            "drop",
            _STORE_GLOBS,
            "Files that are left out, relative to their store path.",
            example=["share/locale/**"],
        ),
        Field(
            "as-named",
            lists_of(_AS_NAMED, "a list of package attributes"),
            "Packages of `image.contents` that are taken as they are named, though the set has a "
            "smaller one of the same use; `*` for all.",
            default=[],
            example=["ffmpeg"],
        ),
        Field(
            "keep-paths",
            _NAME_GLOBS,
            "For `tight`. Store paths, by their names without the hash, that stay although nothing "
            "refers to them.",
            example=["mailcap-*"],
        ),
        Field(
            "cut",
            lists_of(CUT_TABLE, "a list of tables", None),
            "References that the scan sees and the app does not need: they are overwritten.",
            default=[],
            example=[{"from": "python3", "to": "gcc"}],
        ),
    ),
)

SIGN_TABLE = Table(
    label="a table",
    doc="How the image is signed.",
    fields=(
        Field(
            "attach",
            lists_of(
                choice("provenance", "spdx", "cyclonedx", "closure", "tests"),
                "a list of statements",
            ),
            "What `nixgen image --sign` signs and attaches besides the signature.",
            default=["provenance", "spdx"],
            example=["provenance", "spdx", "tests"],
        ),
        Field(
            "key",
            LINE,
            "The file of the private key, from the project's folder.",
            default_doc="what `--key` or `--keyless` say",
            example="../keys/team.key",
        ),
        Field(
            "identity",
            LINE,
            "Who signs, without a key: what the certificate names, exactly. `--sign` then signs "
            "keylessly; an identity token of anybody else is sent nowhere.",
            example="ci@example.org",
        ),
        Field(
            "identity-pattern",
            REGEX,
            "The same as a regular expression, for all of it: escape the dots.",
            example=r"https://github\.com/team/shop/\.github/workflows/image\.yml@refs/tags/v.*",
        ),
        Field(
            "issuer",
            _URL,
            "Who vouches for the identity.",
            example="https://id.example.org",
        ),
    ),
)
