"""What the format knows and this nixgen can't do yet: one list."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from nixgen import __version__
from nixgen.errors import Problem
from nixgen.spec.node import Node, plain_value
from nixgen.spec.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """One thing not served yet: the key, for which of its values, and what works instead.

    `words` are the values meant; `applies` asks of the value as TOML gave it, filled in. Without
    either, the key as such is meant.
    """

    key: str
    works: str
    words: tuple[str, ...] = ()
    applies: Callable[[object], bool] | None = None

    def meets(self, value: object) -> bool:
        """Whether this value is one that is not served."""
        if self.applies is not None:
            return self.applies(value)
        return not self.words or value in self.words


def _is_remote_set(value: object) -> bool:
    return isinstance(value, str) and value != "bundled" and not value.startswith((".", "/"))


UNSERVED = (
    Unserved(
        key="packages.set",
        applies=_is_remote_set,
        works='these work: "bundled", and a path such as "./nixpkgs"',
    ),
    Unserved(
        key="build.kind",
        words=("python", "go", "rust", "node"),
        works='these work: "files", "c" and "nix"',
    ),
)


def find_unserved(tree: Node, file: str) -> tuple[Problem, ...]:
    """One problem for each thing of a merged and filled description that is not served yet."""
    report = Report(file)
    for feature in UNSERVED:
        node: Node | None = tree
        for part in feature.key.split("."):
            node = node.table.get(part) if node is not None else None
        if node is None or not feature.meets(plain_value(node)):
            continue
        shown = feature.key.rpartition(".")[2]
        if isinstance(node.value, str):
            shown += f" = {json.dumps(node.value, ensure_ascii=False)}"
        message = f"{shown} is not served yet by nixgen {__version__}"
        report.add(node, message, hint=feature.works)
    return report.problems
