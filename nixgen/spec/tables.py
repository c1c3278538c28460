"""Every table and key of app.toml: the one source of the parser, the schema and the reference."""

from __future__ import annotations

from dataclasses import replace

from nixgen.spec import texts
from nixgen.spec.app_tables import (
    APP_TABLE,
    ARGUMENT_SCALAR,
    BUILD_TABLE,
    CLOSURE_TABLE,
    PACKAGES_TABLE,
    SIGN_TABLE,
)
from nixgen.spec.image_table import IMAGE_TABLE
from nixgen.spec.kinds import Integer
from nixgen.spec.shapes import Field, ListOf, MapOf, Table
from nixgen.spec.tests_table import TEST_TABLE
from nixgen.spec.value_kinds import PLATFORM_NAMES, parse_platform

FORMAT_VERSION = 1
"""The format of app.toml that this nixgen reads; `nixgen = N` in the file names another."""

VARS_KIND = MapOf(
    label="a table of strings, integers and booleans",
    name=texts.parse_variable_name,
    value=ARGUMENT_SCALAR,
    name_pattern=texts.VARIABLE_PATTERN,
)

_SECTIONS = (
    Field("app", APP_TABLE, APP_TABLE.doc, required=True),
    Field("packages", PACKAGES_TABLE, PACKAGES_TABLE.doc, aliases=("nixpkgs",)),
    Field(
        "vars",
        VARS_KIND,
        "Names for `${name}`; strings may use each other.",
        example={"port": 8080},
        aliases=("variables", "var"),
    ),
    Field("build", BUILD_TABLE, BUILD_TABLE.doc),
    Field("image", IMAGE_TABLE, IMAGE_TABLE.doc, aliases=("container",)),
    Field("closure", CLOSURE_TABLE, CLOSURE_TABLE.doc),
    Field(
        "test", ListOf(item=TEST_TABLE, label="tables [[test]]"), TEST_TABLE.doc, aliases=("tests",)
    ),
    Field("sign", SIGN_TABLE, SIGN_TABLE.doc, aliases=("signing",)),
)


def _find_homes() -> dict[str, str]:
    """Where each key of the format belongs, for who wrote it elsewhere."""
    homes = {section.name: f"the top, as [{section.name}]" for section in _SECTIONS}
    for name in ("image", "build", "app", "packages", "closure"):
        for section in _SECTIONS:
            if section.name == name and isinstance(section.kind, Table):
                keys = (known.name for known in section.kind.fields)
                homes = {**dict.fromkeys(keys, f"[{name}]"), **homes}
    return homes


_HOMES = _find_homes()
_PARTS = tuple(
    replace(section, kind=replace(section.kind, homes=_HOMES))
    if isinstance(section.kind, Table)
    else section
    for section in _SECTIONS
)

PARTS_TABLE = Table(label="a table", doc="What a description says.", fields=_PARTS, homes=_HOMES)
"""What remains once a profile and a platform are chosen."""

PROFILE_TABLE = Table(
    label="a table",
    doc="Changes that apply with `--profile NAME`. Tables merge, arrays and values replace; "
    "`{ append = [...] }`, `{ prepend = [...] }` and `{ remove = [...] }` change an array.",
    fields=tuple(replace(part, required=False) for part in _PARTS),
)

_FOR_ALL_PLATFORMS = {
    "app": "an app has one name and version for all platforms: use [app] or a profile",
    "packages": "one package set serves all platforms: use [packages] or a profile",
}

PLATFORM_TABLE = Table(
    label="a table",
    doc="Changes that apply on one platform, after those of the profile.",
    fields=tuple(
        replace(part, required=False)
        if part.name != "image"
        else replace(
            part,
            kind=replace(
                IMAGE_TABLE,
                fields=tuple(key for key in IMAGE_TABLE.fields if key.name != "platforms"),
            ),
        )
        for part in _PARTS
        if part.name not in _FOR_ALL_PLATFORMS
    ),
    refusals=_FOR_ALL_PLATFORMS,
)

ROOT_TABLE = Table(
    label="a table",
    doc="The description of an app and its image.",
    homes=_HOMES,
    fields=(
        Field(
            "nixgen",
            Integer(low=1, high=2**31),
            "The version of this format.",
            default=FORMAT_VERSION,
        ),
        *_PARTS,
        Field(
            "profile",
            MapOf(
                label="a table of profiles",
                name=texts.parse_profile_name,
                value=PROFILE_TABLE,
                name_pattern=texts.PROFILE_PATTERN,
            ),
            PROFILE_TABLE.doc,
            aliases=("profiles",),
        ),
        Field(
            "platform",
            MapOf(
                label="a table of platforms",
                name=parse_platform,
                value=PLATFORM_TABLE,
                name_words=PLATFORM_NAMES,
            ),
            PLATFORM_TABLE.doc,
            aliases=("platforms",),
        ),
    ),
)
