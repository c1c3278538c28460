"""The document that `nixgen closure --json` prints, read back.

What can be worked out is: added sizes, referrers and dominators are not believed but made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from nixgen.closure.graph import ClosureGraph
from nixgen.closure.kinds import FileKind
from nixgen.closure.report import ClosureFigures, make_figures
from nixgen.closure.usage import Usage

_Value = TypeVar("_Value")
_WORDS = {str: "a text", int: "a number", list: "a list", dict: "an object"}


def parse_closures(document: object) -> tuple[ClosureFigures, ...]:
    """The closures of a document; raises ValueError that says where it is not one."""
    platforms = _Place(document, "the document").get("platforms", list)
    found = tuple(_parse_closure(each) for each in platforms.elements())
    if not found:
        raise ValueError("platforms: expected at least one")
    names = [each.platform for each in found]
    if len(set(names)) < len(names):
        raise ValueError("platforms: one of them is there twice")
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """A value and where in the document it stands."""

    value: Any
    where: str

    def get(self, key: str, kind: type[Any]) -> _Place:
        """What an object has under a key."""
        self.expect(dict)
        place = key if self.where == "the document" else f"{self.where}.{key}"
        if key not in self.value:
            raise ValueError(f"{place}: expected {_WORDS[kind]}, there is nothing")
        found = _Place(self.value[key], place)
        found.expect(kind)
        return found

    def elements(self) -> list[_Place]:
        """What is in a list."""
        return [_Place(each, f"{self.where}[{at}]") for at, each in enumerate(self.value)]

    def expect(self, kind: type[_Value]) -> _Value:
        """The value, which must be of this kind."""
        if not isinstance(self.value, kind) or isinstance(self.value, bool):
            raise ValueError(f"{self.where}: expected {_WORDS[kind]}")
        return self.value

    def text(self, key: str) -> str:
        return self.get(key, str).expect(str)

    def count(self, key: str) -> int:
        number = self.get(key, int)
        if number.expect(int) < 0:
            raise ValueError(f"{number.where}: expected a number that is not negative")
        return number.expect(int)

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(each.expect(str) for each in self.get(key, list).elements())


def _parse_closure(place: _Place) -> ClosureFigures:
    packages = place.get("packages", list).elements()
    usages: dict[str, Usage] = {}
    sizes: dict[str, int] = {}
    references: dict[str, tuple[str, ...]] = {}
    for each in packages:
        path = each.text("path")
        if path in sizes:
            raise ValueError(f"{each.where}.path: {path} is there twice")
        sizes[path] = each.count("size_bytes")
        references[path] = each.texts("references")
        usages[path] = _parse_usage(each)
    try:
        graph = ClosureGraph.of_all(place.texts("roots"), sizes, references)
    except ValueError as error:
        raise ValueError(f"{place.where}: {error}") from error
    return make_figures(
        graph,
        usages,
        platform=place.text("platform"),
        image=place.text("image"),
        named_by=_parse_names(place),
        variants=_parse_variants(place),
    )


def _parse_usage(place: _Place) -> Usage:
    kinds = place.get("bytes_by_kind", dict)
    found: dict[FileKind, int] = {}
    for kind in kinds.value:
        if kind not in set(FileKind):
            raise ValueError(f"{kinds.where}: there is no kind of file {kind!r}")
        found[FileKind(kind)] = kinds.count(kind)
    return Usage(file_count=place.count("files"), bytes_by_kind=found)


def _parse_names(place: _Place) -> Mapping[str, tuple[str, ...]]:
    names = place.get("named_by", dict)
    return {root: names.texts(root) for root in names.value}


def _parse_variants(place: _Place) -> Mapping[str, str]:
    # why: what was printed before there were any says nothing of them.
    if "variants" not in place.value:
        return {}
    variants = place.get("variants", dict)
    return {name: variants.text(name) for name in variants.value}
