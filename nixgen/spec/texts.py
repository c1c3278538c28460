"""What single strings of a description may be, and what they stand for.

Each `parse_` function takes the text of one string and returns its value, or raises `Mistake`
saying what was expected.
"""

from __future__ import annotations

import json
import re

from nixgen.closure.packages import PackagePattern
from nixgen.closure.variants import EVERY
from nixgen.spec.kinds import Mistake
from nixgen.spec.model import BaseName
from nixgen.spec.report import suggest

MAX_ID = 2**32 - 2
"""The largest user or group number Linux has; the one above means "no change"."""

NAME_PATTERN = r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$"
PACKAGE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_'-]*(\.[A-Za-z_][A-Za-z0-9_'-]*)*$"
TAG_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"
ACCOUNT_PATTERN = r"^[a-z_][a-z0-9_-]{0,31}$"
ABSOLUTE_PATTERN = r"^/"
URL_PATTERN = r"^[a-z][a-z0-9+.-]*://[^\s/]+"
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_-]*$"
PROFILE_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_-]*$"
STD_PATTERN = r"^(c|gnu|iso9899:)[0-9a-z]{2,6}$"
PROGRAM_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}$"
BASE_FORMS = ("oci-archive:", "docker-archive:", "oci:")
"""What may stand before the path of a base image on disk."""

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[a-fA-F0-9:]+\])(?::[0-9]{1,5})?"
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
REFERENCE_PATTERN = (
    rf"^(?:{_HOST}/)?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$"
)
TIMEZONE_PATTERN = r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LAYOUT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def quote(text: str) -> str:
    """The text in double quotes, cut where it is long; for messages."""
    return json.dumps(text if len(text) <= 80 else text[:77] + "...", ensure_ascii=False)


def refuse_control(text: str, pattern: re.Pattern[str] = _CONTROL) -> None:
    """Raise Mistake where the text holds one of the control characters of `pattern`."""
    if found := pattern.search(text):
        number = ord(found.group())
        what = "a NUL character" if number == 0 else f"the control character U+{number:04X}"
        raise Mistake(f"holds {what}, at position {found.start() + 1}")


def parse_line(text: str) -> str:
    """One line of text, not empty."""
    refuse_control(text)
    if not text.strip():
        raise Mistake("expected some text, not an empty string")
    return text


def parse_text(text: str) -> str:
    """Any text of any number of lines: tabs and line ends are its only control characters."""
    refuse_control(text, _CONTROL_BUT_LAYOUT)
    return text


def parse_content(text: str) -> str:
    """A file's content: any text without NUL, which no Nix string can hold."""
    if "\x00" in text:
        raise Mistake(f"holds a NUL character, at position {text.index(chr(0)) + 1}")
    return text


def match(pattern: str, text: str, expected: str, hint: str | None = None) -> str:
    """The text where all of it fits the pattern; raises Mistake with what was expected."""
    refuse_control(text)
    if not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), text):
        raise Mistake(f"expected {expected}, not {quote(text)}", hint)
    return text


def parse_app_name(text: str) -> str:
    """A name that is an OCI repository name as well: `shop`, `my-app`, `web_2`."""
    expected = "a name of small letters, digits and single . _ - between them"
    better = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    hint = f'did you mean "{better}"?' if better and better != text else None
    if len(text) > 128:
        raise Mistake("expected a name of at most 128 characters")
    return match(NAME_PATTERN, text, expected, hint)


def parse_version(text: str) -> str:
    """A version: one word."""
    return match(r"\S+", text, "a version without blanks")


def parse_url(text: str) -> str:
    """A URL with a scheme and a host."""
    hint = f'did you mean "https://{text}"?' if re.match(r"[\w-]+(\.[\w-]+)+(/|$)", text) else None
    return match(URL_PATTERN + r"\S*", text, "a URL such as https://example.org/shop", hint)


def parse_package(text: str) -> str:
    """An attribute path of the package set: `curl`, `python3Packages.requests`."""
    expected = "a package attribute such as curl or python3Packages.requests"
    hint = None
    if text.startswith(("pkgs.", "nixpkgs#")):
        hint = f"leave out {quote(text[: text.index('.' if text[4] == '.' else '#') + 1])}"
    elif re.fullmatch(r".+[=@:<>~].*", text):
        hint = "a version is not chosen here: it comes with the package set"
    if hint is not None:
        raise Mistake(f"expected {expected}, not {quote(text)}", hint)
    return match(PACKAGE_PATTERN, text, expected)


def parse_package_or_every(text: str) -> str:
    """An attribute path of the package set, or `*` for all."""
    return text if text == EVERY else parse_package(text)


def parse_package_pattern(text: str) -> PackagePattern:
    """Packages by name, pattern or version: `gcc`, `*-dev`, `openssl<3.1`."""
    refuse_control(text)
    return PackagePattern.parse(text)


def parse_tag(text: str) -> str:
    """A tag: https://github.com/opencontainers/distribution-spec/blob/main/spec.md."""
    return match(TAG_PATTERN, text, "a tag of at most 128 letters, digits and . _ -")


def parse_program(text: str) -> str:
    """The file name of a program."""
    return match(PROGRAM_PATTERN, text, "a program name: letters, digits and . _ + -")


def parse_std(text: str) -> str:
    """A C or C++ language standard, as `-std=` takes it."""
    return match(STD_PATTERN, text, "a language standard such as c11 or gnu17")


def parse_account(text: str) -> str:
    """A user or group name that /etc/passwd can hold."""
    expected = "a user name of at most 32 small letters, digits, _ and -, not a digit first"
    return match(ACCOUNT_PATTERN, text, expected)


def parse_timezone(text: str) -> str:
    """A zone of the IANA time zone database."""
    return match(TIMEZONE_PATTERN, text, "a time zone such as Europe/Berlin")


def parse_variable_name(text: str) -> str:
    """A name that `${name}` can hold and no built-in has."""
    if text in ("platform", "profile"):
        raise Mistake(f"${{{text}}} is a name that nixgen gives a value itself", "take another")
    return match(VARIABLE_PATTERN, text, "a variable name of letters, digits, _ and -")


def parse_profile_name(text: str) -> str:
    """A profile's name."""
    return match(PROFILE_PATTERN, text, "a profile name of letters, digits, _ and -")


def parse_env_name(text: str) -> str:
    """The name of an environment variable."""
    if not text:
        raise Mistake("the name of an environment variable is empty")
    refuse_control(text)
    if "=" in text:
        raise Mistake(f"the name of an environment variable can't hold =: {quote(text)}")
    return _refuse_placeholder(text)


def parse_label_name(text: str) -> str:
    """The name of a label or an annotation."""
    if not text.strip():
        raise Mistake("the name of a label is empty")
    refuse_control(text)
    return _refuse_placeholder(text)


def _refuse_placeholder(text: str) -> str:
    if "${" in text:
        raise Mistake("${...} is filled in in values, not in names")
    return text


def parse_argument_name(text: str) -> str:
    """The name of an argument of a Nix function."""
    return match(r"[A-Za-z_][A-Za-z0-9_'-]*", text, "the name of a Nix function's argument")


def parse_image_path(text: str) -> str:
    """An absolute, normalised path in the image, other than the root and the Nix store."""
    if text == "/":
        raise Mistake("expected a path below /, not / itself")
    path = parse_image_folder(text)
    if path in ("/nix", "/nix/store") or path.startswith("/nix/store/"):
        raise Mistake(f"{quote(path)} belongs to Nix: nothing can be put there")
    return path


def parse_image_folder(text: str) -> str:
    """An absolute, normalised path in the image; the root too."""
    refuse_control(text)
    if not text.startswith("/"):
        hint = f'did you mean "/{text.removeprefix("./")}"?' if text else None
        raise Mistake(f"expected an absolute path, not {quote(text)}", hint)
    parts = text[1:].split("/") if text != "/" else []
    if any(part in ("", ".", "..") for part in parts):
        better = "/" + "/".join(part for part in parts if part not in ("", "."))
        hint = f'did you mean "{better}"?' if ".." not in parts else None
        raise Mistake(f"expected a path without empty, . or .. parts, not {quote(text)}", hint)
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
        raise Mistake(f"expected a path relative to the description, not {quote(text)}")
    if text.startswith("~"):
        raise Mistake(
            f"expected a path relative to the description, not {quote(text)}",
            "~ has no meaning here",
        )
    if ".." in text.split("/"):
        raise Mistake(f"{quote(text)} leaves the project by ..")
    return text


def parse_glob(text: str) -> str:
    """A file pattern relative to the source folder: * and ? within a part, ** for any parts."""
    parse_project_path(text)
    if any("**" in part and part != "**" for part in text.split("/")):
        raise Mistake(f"expected ** to stand alone between slashes, not {quote(text)}")
    return text


def parse_store_glob(text: str) -> str:
    """A file pattern relative to a store path, whichever it is."""
    if text.startswith("/"):
        raise Mistake(
            f"expected a pattern relative to a store path, not {quote(text)}",
            'patterns begin below the store path: "share/man/**"',
        )
    return parse_glob(text)


def parse_name_glob(text: str) -> str:
    """A pattern of the names of store paths, without their hashes."""
    if "/" in text:
        raise Mistake(f"expected a pattern of names such as mailcap-*, not {quote(text)}")
    return parse_glob(text)


def parse_image_pattern(text: str) -> str:
    """A pattern of an image's files: `/…` from its root, `NAME/…` below a store path's name."""
    if text.startswith("/nix/store/"):
        name = text.removeprefix("/nix/store/")
        raise Mistake(
            f"the hash in {quote(text)} changes with every update",
            f"leave it out: write {quote(re.sub('^[0-9a-z]{32}-', '', name))}",
        )
    parse_glob(text.removeprefix("/"))
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
        f'expected "bundled", "nixpkgs", a flake reference or a path, not {quote(text)}', hint
    )


def parse_base(text: str) -> BaseName:
    """The name of a base image: a reference to a registry, or a place on disk."""
    refuse_control(text)
    form = next((form for form in BASE_FORMS if text.startswith(form)), "")
    path = text[len(form) :]
    if form or text.startswith(("./", "../", "/")):
        if not path.strip("./"):
            raise Mistake(f"{quote(text)} names no image", 'such as "./base.oci"')
        return BaseName(text=text, kind="disk")
    match(
        REFERENCE_PATTERN,
        text,
        "a reference or a place on disk",
        'such as "registry.example/base:1@sha256:…", "./base.oci" or "docker-archive:base.tar"',
    )
    return BaseName(text=text, kind="registry")
