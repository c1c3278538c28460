"""The gateway to Nix: evaluation, builds, and by inheritance all that concerns the store."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.nixcli.failures import SourceNames
from nixgen.nixcli.store import NixStore
from nixgen.nixcli.storepath import StorePath
from nixgen.progress import Silent

_LONGEST_EXPRESSION_BYTES = 120_000
_LISTED = re.compile(r"(?:these|this) .*will be (built|fetched)")
_DESCRIBE = """drv: {
  drv = builtins.unsafeDiscardStringContext drv.drvPath;
  default = drv.outputName or "out";
  outputs = builtins.listToAttrs (map (name: {
    inherit name;
    value = builtins.unsafeDiscardStringContext drv.${name}.outPath;
  }) (drv.outputs or [ "out" ]));
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildTarget:
    """An instantiated derivation. `outputs` maps the names of all its outputs to their paths.

    `default_output` is the output that the expression stands for, the one that gets built.
    """

    drv_path: StorePath
    outputs: Mapping[str, StorePath]
    default_output: str

    @property
    def path(self) -> StorePath:
        """The path of the default output."""
        return self.outputs[self.default_output]

    @property
    def wish(self) -> str:
        """The derivation and its output as Nix's older programs write them."""
        return f"{self.drv_path}!{self.default_output}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlan:
    """What a build would do: derivations to build, in Nix's order, and paths to fetch."""

    to_build: tuple[StorePath, ...]
    to_fetch: tuple[StorePath, ...]


class Nix(NixStore):
    """Nix on this machine, used as the settings say.

    Every method raises MachineError when Nix is missing, too old, or can't reach its store.
    """

    def eval_json(self, expr: str, attr: str = "", *, names: SourceNames | None = None) -> Any:
        """The value of the attribute path `attr` of a Nix expression, as JSON says it.

        Evaluation is pure: nothing of the machine can get in. `names` are the names by which
        the user knows trees in the store. Raises EvaluationError that names the user's own
        file and line first, ThrownError for what nixgen's own Nix library threw, ValueError
        for an expression that does not fit on a command line.
        """
        if len(expr.encode()) > _LONGEST_EXPRESSION_BYTES:
            raise ValueError("an expression this long must be imported from the store")
        attrs = [attr] if attr else []
        return self._json(
            "eval", "--json", "--pure-eval", "--show-trace", "--expr", expr, *attrs, names=names
        )

    def instantiate(
        self, expr: str, attrs: Sequence[str], *, names: SourceNames | None = None
    ) -> list[BuildTarget]:
        """The derivations at attribute paths of a Nix expression, in the order of `attrs`.

        An empty path is the expression itself. Raises as `eval_json` does.
        """
        return self.instantiate_and_ask(expr, attrs, [], names=names)[0]

    def instantiate_and_ask(
        self,
        expr: str,
        attrs: Sequence[str],
        asked: Sequence[str],
        *,
        names: SourceNames | None = None,
    ) -> tuple[list[BuildTarget], list[Any]]:
        """The derivations at `attrs`, and the values at `asked` as JSON says them.

        One evaluation gives both; otherwise as `instantiate`.
        """
        targets, values = (
            " ".join(f"(expression.{attr})" if attr else "expression" for attr in paths)
            for paths in (attrs, asked)
        )
        text = (
            f"let expression = (\n{expr}\n);\n"
            f"in {{ targets = map ({_DESCRIBE}) [ {targets} ]; values = [ {values} ]; }}"
        )
        answer = self.eval_json(text, names=names)
        return [_target_of(entry) for entry in answer["targets"]], answer["values"]

    def realise(
        self,
        targets: Sequence[BuildTarget],
        *,
        out_link: Path | None = None,
        names: SourceNames | None = None,
    ) -> None:
        """Make the targets' default outputs valid, building what is missing.

        With `out_link` the first target is kept from garbage collection by that symlink, the
        next by `<out_link>-2` and so on. Raises DerivationFailedError, HashMismatchError.
        """
        if targets:
            root = [] if out_link is None else ["--add-root", str(out_link.absolute())]
            wishes = [target.wish for target in targets]
            self._call("nix-store", "--realise", *wishes, *root, names=names)

    def build(
        self,
        expr: str,
        attrs: Sequence[str],
        *,
        out_link: Path | None = None,
        names: SourceNames | None = None,
    ) -> list[BuildTarget]:
        """Instantiate and realise; see there."""
        targets = self.instantiate(expr, attrs, names=names)
        self.realise(targets, out_link=out_link, names=names)
        return targets

    def plan_build(self, targets: Sequence[BuildTarget]) -> BuildPlan:
        """What `realise` would build and fetch."""
        wishes = [target.wish for target in targets]
        _, activities = self._call(
            "nix-store", "--realise", "--dry-run", *wishes, reporter=Silent()
        )
        lists: dict[str, list[StorePath]] = {"built": [], "fetched": []}
        current = lists["built"]
        for line in activities.listed_lines():
            if match := _LISTED.search(line):
                current = lists[match[1]]
            elif line.strip().startswith("/nix/store/"):
                current.append(StorePath.parse(line.strip()))
        return BuildPlan(to_build=tuple(lists["built"]), to_fetch=tuple(lists["fetched"]))


def _target_of(entry: Mapping[str, Any]) -> BuildTarget:
    return BuildTarget(
        drv_path=StorePath.parse(entry["drv"]),
        default_output=entry["default"],
        outputs={n: StorePath.parse(p) for n, p in sorted(entry["outputs"].items())},
    )
