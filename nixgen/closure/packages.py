"""Packages as people name them: by name, by a pattern, and by version.

Names and versions are told apart, and versions compared, as Nix does:
https://nix.dev/manual/nix/latest/language/builtins#builtins-parseDrvName and
https://nix.dev/manual/nix/latest/command-ref/nix-env/upgrade#versions.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, NamedTuple, Self

_STORE_PATH = re.compile(r"(?:.*/)?[0-9a-df-np-sv-z]{32}-(?P<name>[^/]+)")
_VERSION = re.compile(r"-(?=[^a-zA-Z/])")
_COMPONENT = re.compile(r"[0-9]+|[^0-9.\-]+")
_PATTERN = re.compile(
    r"(?P<name>[^<>=!\s]+)\s*(?:(?P<relation><=|>=|==?|<|>)\s*(?P<version>[^<>=!\s]+))?"
)
# The usual names of outputs: https://nixos.org/manual/nixpkgs/stable/#chap-multiple-output
_OUTPUTS = frozenset(
    ("bin", "data", "debug", "dev", "devdoc", "doc", "info", "lib", "man", "out", "static")
)

Relation = Literal["<", "<=", "=", ">=", ">"]


def name_of(store_path: str) -> str:
    """The name of a store path: what follows its hash; the text itself where there is none."""
    match = _STORE_PATH.fullmatch(store_path)
    return store_path if match is None else match["name"]


def parse_package(name: str) -> tuple[str, str]:
    """Name and version of a store path's name, cut where Nix's `parseDrvName` cuts it."""
    found = _VERSION.search(name)
    return (name, "") if found is None else (name[: found.start()], name[found.end() :])


class PackageKey(NamedTuple):
    """A package whatever its version: its name and which of its outputs, "" for the main one."""

    name: str
    output: str

    @classmethod
    def of(cls, store_path: str) -> tuple[Self, str]:
        """The package that a store path is of, and its version."""
        name, version = parse_package(name_of(store_path))
        rest, _, output = version.rpartition("-")
        if output in _OUTPUTS:
            return cls(name, output), rest
        return cls(name, ""), version


def compare_versions(left: str, right: str) -> int:
    """Negative, zero or positive, as `left` is older than, the same as or newer than `right`."""
    for one, other in zip_longest(_COMPONENT.findall(left), _COMPONENT.findall(right)):
        if one == other:
            continue
        return -1 if _is_before(one or "", other or "") else 1
    return 0


def _is_before(one: str, other: str) -> bool:
    if one.isdigit() and other.isdigit():
        return int(one) < int(other)
    if not one and other.isdigit():
        return True
    if "pre" in (one, other):
        return one == "pre"
    if one.isdigit() != other.isdigit():
        return other.isdigit()
    return one < other


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePattern:
    """Which store paths are meant: `gcc`, `*-dev`, `openssl<3.1`, or a store path itself.

    The name is compared with a package's name, with or without its version; `*`, `?` and `[…]`
    stand for characters. With a `relation`, only those whose version stands in it are meant.
    """

    text: str
    name: str
    relation: Relation | None = None
    version: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse what a user wrote; raises ValueError that says what is wrong with it."""
        match = _PATTERN.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"not a package: {text!r}; expected NAME, *-dev or NAME<VERSION")
        relation: Relation | None
        match match["relation"]:
            case None:
                relation = None
            case "=" | "==":
                relation = "="
            case "<" | "<=" | ">=" | ">" as found:
                relation = found
            case other:
                raise AssertionError(other)
        return cls(
            text=text.strip(),
            name=match["name"],
            relation=relation,
            version=match["version"] or "",
        )

    def matches(self, store_path: str) -> bool:
        """Whether a store path is one of those meant."""
        if store_path in (self.name, self.name.rstrip("/")):
            return True
        full = name_of(store_path)
        name, version = parse_package(full)
        # why: `gcc-13.2.0-lib` is an output of gcc; both its names are asked.
        if not any(fnmatch.fnmatchcase(each, self.name) for each in (name, full)):
            return False
        return self.relation is None or self._stands(compare_versions(version, self.version))

    def _stands(self, order: int) -> bool:
        return {
            "<": order < 0,
            "<=": order <= 0,
            "=": order == 0,
            ">=": order >= 0,
            ">": order > 0,
        }[self.relation or "="]


def find_packages(pattern: PackagePattern, store_paths: Iterable[str]) -> tuple[str, ...]:
    """The store paths that are meant, sorted by name and then by path."""
    found = (path for path in store_paths if pattern.matches(path))
    return tuple(sorted(found, key=lambda path: (name_of(path), path)))
