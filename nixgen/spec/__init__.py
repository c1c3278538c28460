"""The app description: from the text of app.toml to a resolved, typed `AppSpec`."""

from nixgen.spec.description import Description, parse_description, read_description, read_sign
from nixgen.spec.json_schema import schema
from nixgen.spec.model import (
    App,
    AppSpec,
    Build,
    CBuild,
    Closure,
    Directory,
    File,
    FilesBuild,
    Healthcheck,
    Image,
    Layers,
    NixBuild,
    Packages,
    Port,
    Symlink,
    User,
)
from nixgen.spec.starting import starting_description
from nixgen.spec.tests_model import Expectation, FileCheck, PortCheck, Test

__all__ = [
    "App",
    "AppSpec",
    "Build",
    "CBuild",
    "Closure",
    "Description",
    "Directory",
    "Expectation",
    "File",
    "FileCheck",
    "FilesBuild",
    "Healthcheck",
    "Image",
    "Layers",
    "NixBuild",
    "Packages",
    "Port",
    "PortCheck",
    "Symlink",
    "Test",
    "User",
    "parse_description",
    "read_description",
    "read_sign",
    "schema",
    "starting_description",
]
