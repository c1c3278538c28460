"""What an image is made of, as the formats of a software bill of materials are written from it."""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import nixgen
from nixgen.attest.licences import Licence, read_licence
from nixgen.attest.purls import checked_purl, generic_purl
from nixgen.closure.packages import name_of, parse_package
from nixgen.digest import Digest

# A formatted string of NIST IR 7695, section 6.2: 11 components, each with its colons escaped.
_CPE = re.compile(r"cpe:2\.3:[aho*\-](?::(?:\\[!-~]|[A-Za-z0-9._*?\-])+){10}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFacts:
    """What a package set says of a package; empty where it says nothing.

    `licenses` are SPDX expressions or names, all of which hold. `inputs` are the store paths of
    what it was built with.
    """

    name: str = ""
    version: str = ""
    description: str = ""
    homepage: str = ""
    licenses: tuple[str, ...] = ()
    cpe: str = ""
    purl: str = ""
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHashes:
    """A regular file of the image; `path` begins with a slash, hashes are hexadecimal."""

    path: str
    sha1: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One store path in an image; or one that is not, parts of which are linked into others.

    `nar_hash` is the SHA-256 of the NAR of what the image holds of it, None for one that is linked
    in. `references` and `linked` are paths of other components: what it refers to at run time, and
    what was linked into it when it was built.
    """

    path: str
    facts: PackageFacts
    nar_hash: Digest | None
    references: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()
    files: tuple[FileHashes, ...] = ()

    @property
    def name(self) -> str:
        """The package's name, by the set or by the store path."""
        return self.facts.name or parse_package(name_of(self.path))[0]

    @property
    def version(self) -> str:
        """The package's version, empty where there is none."""
        return self.facts.version or parse_package(name_of(self.path))[1]

    @property
    def purl(self) -> str:
        """The package URL that the set gives, else one of the type `generic`."""
        return checked_purl(self.facts.purl) or generic_purl(self.name, self.version)

    @property
    def cpe(self) -> str | None:
        """The CPE of the set where it is one."""
        return self.facts.cpe if _CPE.fullmatch(self.facts.cpe) else None

    @property
    def licence(self) -> Licence | None:
        """All its licences as one expression, None where none is known."""
        return read_licence(self.facts.licenses)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """An image below this one, whose own packages are not known."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The image of one platform. `components` are sorted by path, `roots` are paths of them.

    `tag` may be empty. `digest` is the manifest's, or the config's of an image that has no
    manifest. `notes` say what was left out of the image and cut.
    """

    name: str
    tag: str
    platform: str
    digest: Digest
    created: datetime
    components: tuple[Component, ...]
    roots: tuple[str, ...]
    bases: tuple[BaseImage, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """Name and tag, where it has one."""
        return f"{self.name}:{self.tag}" if self.tag else self.name

    def identifier(self, form: str) -> uuid.UUID:
        """A UUID that is the same for the same content in the same format, and no other."""
        content = json.dumps(dataclasses.asdict(self), sort_keys=True, default=str)
        digest = Digest.of_bytes(content.encode("utf-8", "surrogatepass"))
        return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:nixgen:{nixgen.__version__}:{form}:{digest}")


def linked_ways(
    present: Iterable[str], facts: Mapping[str, PackageFacts]
) -> dict[str, tuple[str, ...]]:
    """What is linked into the store paths of an image that is not one of them.

    By path, with the shortest way to each: a store path of the image, what was linked into that,
    and so on, the path itself last. Only what `facts` knows is followed.
    """
    held = frozenset(present)
    ways: dict[str, tuple[str, ...]] = {}
    todo: deque[tuple[str, ...]] = deque((path,) for path in sorted(held) if path in facts)
    while todo:
        way = todo.popleft()
        for path in sorted(facts[way[-1]].inputs):
            if path not in held and path not in ways and path in facts:
                ways[path] = (*way, path)
                todo.append(ways[path])
    return dict(sorted(ways.items()))


def linked_components(
    present: Iterable[str], facts: Mapping[str, PackageFacts]
) -> dict[str, Component]:
    """Each of `linked_ways` as a component, by path."""
    return {
        path: Component(
            path=path,
            facts=facts[path],
            nar_hash=None,
            linked=tuple(
                sorted(each for each in facts[path].inputs if each in facts and each != path)
            ),
        )
        for path in linked_ways(present, facts)
    }


def parse_facts(document: Any) -> dict[str, PackageFacts]:
    """Read what evaluation says of packages, by store path.

    The shape is that of `packages` in nix/build/meta.nix. Raises KeyError, TypeError.
    """
    return {
        str(each["path"]): PackageFacts(
            name=str(each["pname"]),
            version=str(each["version"]),
            description=str(each["description"]),
            homepage=str(each["homepage"]),
            licenses=tuple(str(name) for name in each["licenses"]),
            cpe=str(each["cpe"]),
            purl=str(each["purl"]),
            inputs=tuple(str(path) for path in each["inputs"]),
        )
        for each in document
    }
