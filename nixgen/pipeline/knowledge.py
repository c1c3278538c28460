"""What a package set says of the packages in an image, and of those linked into them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nixgen.attest.inventory import PackageFacts, linked_ways, parse_facts
from nixgen.closure.packages import name_of
from nixgen.nixcli import Nix
from nixgen.nixexpr import format_attribute_path
from nixgen.pipeline.machine import emulating
from nixgen.pipeline.realise import Evaluated
from nixgen.plan import ImagePlan

_LICENCES = "org.opencontainers.image.licenses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What a set says of packages; `static`: programs hold what they were built with."""

    facts: Mapping[str, PackageFacts]
    static: bool

    def linked(self, present: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The packages that are linked into store paths of an image without being one of them.

        By name and version, with the shortest way to each: the names of what it is in, the
        outermost first.
        """
        ways = linked_ways(present, self.facts) if self.static else {}
        found: dict[str, tuple[str, ...]] = {}
        for path, way in sorted(ways.items(), key=lambda each: (len(each[1]), each[0])):
            inside = (name_of(way[0]), *map(self._name, way[1:-1]))
            found.setdefault(self._name(path), inside)
        return dict(sorted(found.items()))

    def _name(self, path: str) -> str:
        """Name and version without the output: what is linked in is of no output any more."""
        facts = self.facts[path]
        return "-".join(filter(None, (facts.name, facts.version))) or name_of(path)


def ask_set(evaluated: Evaluated, image: ImagePlan, nix: Nix) -> Knowledge:
    """Ask the package set of an image what it knows of what can be in it, by one evaluation."""
    attr = format_attribute_path("images", image.platform.slug, "meta")
    answer = emulating(nix, evaluated.prepared.plan).eval_json(
        evaluated.trees.expression(), attr, names=evaluated.names
    )
    facts = parse_facts(answer["packages"])
    app, licence = answer["app"], image.annotations.get(_LICENCES)
    if app in facts and licence is not None and not facts[app].licenses:
        facts[app] = dataclasses.replace(facts[app], licenses=(licence,))
    return Knowledge(facts=facts, static=bool(answer["static"]))
