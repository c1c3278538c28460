"""Why each layer of an image is as it is: numbers and words about layers that are made already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nixgen.plan.layering import Closure, origins_of
from nixgen.spec.model import LayerStrategy

Decider = LayerStrategy | Literal["package-set"]
"""What put the paths into layers: a strategy of nixgen's, or a package set's own dockerTools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFacts:
    """One layer of store paths.

    `update_share` is the share of updates, from 0 to 1, that write the layer anew, where each path
    is as likely to be updated as any other and the app as likely as all of them together.
    `extra_bytes` is what an update writes on average beyond what it would if each path of the
    layer were a layer.
    """

    paths: tuple[str, ...]
    size_bytes: int
    update_share: float
    extra_bytes: int
    has_app: bool
    why: str

    def as_json(self) -> dict[str, Any]:
        """The layer in the document of `nixgen layers --json`."""
        return {
            "store_paths": list(self.paths),
            "size_bytes": self.size_bytes,
            "update_share": round(self.update_share, 4),
            "extra_bytes": self.extra_bytes,
            "app": self.has_app,
            "why": self.why,
        }


def explain_layers(
    layers: Sequence[Sequence[str]], closure: Closure, decider: Decider
) -> tuple[LayerFacts, ...]:
    """The facts of each layer; every path of the layers is a member of the closure."""
    total = closure.total_weight
    sizes = {member.path: member.size_bytes for member in closure.members}
    facts = []
    for layer in layers:
        weight = closure.weight(origins_of(closure, layer))
        extra = sum(
            sizes[path] * (weight - closure.weight(closure.reached[path])) for path in layer
        )
        facts.append(
            LayerFacts(
                paths=tuple(layer),
                size_bytes=sum(sizes[path] for path in layer),
                update_share=weight / total,
                extra_bytes=extra // total,
                has_app=not closure.apps.isdisjoint(layer),
                why=_why(layer, closure, decider),
            )
        )
    return tuple(facts)


def _why(layer: Sequence[str], closure: Closure, decider: Decider) -> str:
    if decider == "package-set":
        return "the package set's own dockerTools decides"
    if decider == "single":
        return "all store paths are in one layer"
    if not closure.apps.isdisjoint(layer):
        others = len(set(layer) - closure.apps)
        return f"the app, and {_paths(others)} with it" if others else "the app"
    if len(layer) == 1:
        return f"{_users(layer[0], closure)} by itself"
    if decider == "popularity":
        return f"{_paths(len(layer))} that are left"
    return f"{_paths(len(layer))} that cost little together"


def _users(path: str, closure: Closure) -> str:
    users = sum(path in reached for reached in closure.reached.values()) - 1
    return "needed by no other," if users == 0 else f"needed by {users},"


def _paths(count: int) -> str:
    return "1 path" if count == 1 else f"{count} paths"
