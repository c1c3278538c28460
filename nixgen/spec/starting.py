"""The app.toml that `nixgen init` writes: a start made from what the folder holds."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from nixgen.errors import DescriptionError
from nixgen.spec import ondisk
from nixgen.spec.description import parse_description
from nixgen.spec.kinds import Mistake
from nixgen.spec.texts import parse_version

_SITE_FOLDERS = ("public", "dist", "site", "www", "_site")
_LANGUAGES = {
    "pyproject.toml": "python",
    "go.mod": "go",
    "Cargo.toml": "rust",
    "package.json": "node",
}
_MAX_READ_BYTES = 1 << 20

_HEAD = """\
# What the image is and how it is made. `nixgen check` tests this file, `nixgen image` builds it.

[app]
name = {name}
version = {version}
# description = "One line about it"
# licenses = "Apache-2.0"

# [packages]
# set = "bundled"                 # where packages come from; this is the default

"""

_TAIL = """\
# contents = ["busybox"]          # packages of the set that come into the image
# env = { LOG = "info" }
# ca-certificates = false         # they are in unless this says no
# platforms = ["linux/amd64", "linux/arm64"]
# files = [{ path = "/etc/app.conf", source = "app.conf", mode = "0644" }]

# [[test]]                        # for `nixgen test` and `nixgen image --test`
# absent = ["/bin/sh"]

# [profile.debug.image]           # for `nixgen image --profile debug`
# contents = { append = ["busybox"] }
"""


def starting_description(folder: Path) -> str:
    """The text of a commented app.toml for `folder`, which parses and checks cleanly there."""
    head = _HEAD.format(
        name=json.dumps(find_name(folder)), version=json.dumps(_find_version(folder))
    )
    text = head + _body(folder) + _TAIL
    try:
        parse_description(text, path=folder / "app.toml")
    except DescriptionError:
        # why: what looked like a project can't be used as one, such as a link out of the folder.
        return head + _plain_body() + _TAIL
    return text


def find_name(folder: Path) -> str:
    """A name for the app, from that of its folder."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.absolute().name.lower()).strip("-")
    return name[:64].strip("-") or "app"


def _find_version(folder: Path) -> str:
    """The version that a project file states, else 0.1.0."""
    found = (
        _read_toml(folder / "pyproject.toml", "project"),
        _read_toml(folder / "Cargo.toml", "package"),
        _read_json(folder / "package.json"),
    )
    for table in found:
        version = table.get("version")
        try:
            if isinstance(version, str) and "${" not in parse_version(version):
                return version
        except Mistake:
            continue
    return "0.1.0"


def _read_toml(path: Path, table: str) -> dict[str, object]:
    try:
        found = tomllib.loads(_read(path)).get(table)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read_json(path: Path) -> dict[str, object]:
    try:
        found = json.loads(_read(path))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_READ_BYTES).decode(errors="replace") if path.is_file() else ""
    except OSError:
        return ""


def _body(folder: Path) -> str:
    for pattern in ("*.c", "src/*.c"):
        if ondisk.matches_any(folder, pattern):
            return _c_body(folder, pattern)
    for site in (".", *_SITE_FOLDERS):
        if (folder / site / "index.html").is_file():
            return _site_body(site)
    if (folder / "default.nix").is_file():
        return _NIX_BODY
    for file, kind in _LANGUAGES.items():
        if (folder / file).is_file():
            return _language_body(file, kind)
    return _plain_body()


def _c_body(folder: Path, pattern: str) -> str:
    lines = ["[build]", 'kind = "c"']
    if ondisk.has_makefile(folder):
        lines += ['# system = "direct"              # compile without the Makefile']
    elif pattern == "*.c":
        lines += ['# sources = ["*.c"]              # the default']
    else:
        lines += [f'sources = ["{pattern}"]']
    lines += [
        '# libs = ["zlib"]                 # packages to compile and link against',
        "",
        "[image]",
        "# The program of [build] is started; arguments for it:",
        "# cmd = []",
        "# ports = [8080]",
        "",
    ]
    return "\n".join(lines)


def _site_body(site: str) -> str:
    exclude = 'exclude = ["app.toml"]\n' if site == "." else ""
    return f"""\
[vars]
port = 8080

[build]
kind = "files"                    # the site, as it is in the folder
src = "{site}"
dest = "/srv/www"
{exclude}
[image]
contents = ["busybox"]            # its httpd serves the files
entrypoint = ["busybox", "httpd", "-f", "-p", "${{port}}", "-h", "/srv/www"]
ports = ["${{port}}/tcp"]
"""


_NIX_BODY = """\
[build]
kind = "nix"                      # default.nix: a function of { pkgs, ... } that gives the app
# args = { }                      # further arguments for it

[image]
# entrypoint = ["app"]            # the program to start, as a list
"""


def _language_body(file: str, kind: str) -> str:
    return f"""\
# {file} is here, but kind = "{kind}" is not served yet. "c", "files" and "nix" are.
# [build]
# kind = "{kind}"

[image]
# entrypoint = ["app"]            # the program to start, as a list
"""


def _plain_body() -> str:
    return """\
# [build]                         # how the app itself is built: "c", "files" or "nix"
# kind = "c"

[image]
# entrypoint = ["busybox", "echo", "hello"]
"""
