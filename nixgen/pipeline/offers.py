"""Which packages a package set has for a description, and which of them are not built yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nixgen.closure.variants import EVERY
from nixgen.errors import DescriptionError, NixgenError
from nixgen.nixcli import Nix
from nixgen.nixexpr import format_attribute_path
from nixgen.pipeline.machine import emulating
from nixgen.pipeline.realise import Evaluated

_CONTENT_KEY = re.compile(r"image\.contents\[([0-9]+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """The package set of a description for one platform; `evaluate` takes changes of it."""

    nix: Nix
    evaluate: Callable[[dict[str, Any]], Evaluated]

    def there(self, names: Sequence[str]) -> frozenset[str]:
        """Those of the names that the set has, found by one evaluation for all."""
        if not names:
            return frozenset()
        try:
            self.evaluate({"image": {"contents": list(names)}})
            missing: set[int] = set()
        except DescriptionError as error:
            keys = (_CONTENT_KEY.fullmatch(problem.key or "") for problem in error.problems)
            missing = {int(key[1]) for key in keys if key is not None}
        except NixgenError:
            # why: one of them can't be evaluated, which its trial then says.
            if len(names) > 1:
                return frozenset[str]().union(*(self.there([name]) for name in names))
            missing = set()
        return frozenset(name for index, name in enumerate(names) if index not in missing)

    def missing_packages(self, evaluated: Evaluated, described: Evaluated) -> list[str]:
        """What would have to be built for the packages that were not there before.

        The app itself is none of them.
        """
        before = set(_contents(described).values())
        contents = [name for name, taken in _contents(evaluated).items() if taken not in before]
        known = set(_libraries(described))
        libraries = [name for name in _libraries(evaluated) if name not in known]
        found = self._unbuilt(evaluated, contents)
        if libraries:
            # why: only packages of the contents can be asked for by name.
            changes = {"image": {"contents": libraries}, "closure": {"as-named": [EVERY]}}
            found |= self._unbuilt(self.evaluate(changes), libraries)
        return sorted(found)

    def _unbuilt(self, evaluated: Evaluated, names: Sequence[str]) -> set[str]:
        (image,) = evaluated.prepared.plan.images
        attrs = [
            format_attribute_path("images", image.platform.slug, "packages", name) for name in names
        ]
        if not attrs:
            return set()
        nix = emulating(self.nix, evaluated.prepared.plan)
        expression = evaluated.trees.expression()
        targets = nix.instantiate(expression, attrs, names=evaluated.names)
        return {path.derivation_name for path in nix.plan_build(targets).to_build}


def _contents(evaluated: Evaluated) -> Mapping[str, str]:
    """The packages that go into the image, by their names in its plan."""
    (image,), (variants,) = evaluated.prepared.plan.images, evaluated.variants
    return {name: variants.get(name, name) for name in image.contents}


def _libraries(evaluated: Evaluated) -> tuple[str, ...]:
    """The packages that the app is built with."""
    (image,) = evaluated.prepared.plan.images
    return () if image.build is None else image.build.packages
