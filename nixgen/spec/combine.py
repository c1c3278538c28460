"""The parts of a description, and putting them together for one profile and platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nixgen.errors import DescriptionError, Problem
from nixgen.platforms import Platform, UnknownPlatformError
from nixgen.spec.checks import check
from nixgen.spec.interpolate import Scope
from nixgen.spec.kinds import Anything
from nixgen.spec.merge import Merger
from nixgen.spec.node import Node
from nixgen.spec.report import Report, suggest
from nixgen.spec.shapes import MapOf, Record, Table
from nixgen.spec.tables import PARTS_TABLE, ROOT_TABLE

_ANY_PLATFORM = Platform("linux", "amd64")
_NO_PLATFORM = {
    f"platform{part}": "the platforms are not chosen yet"
    for part in ("", ".os", ".arch", ".variant", ".system")
}


def _make_shape_table() -> Table:
    """The root with everything below it taken as it comes: that is read once it is merged."""
    fields = []
    for known in ROOT_TABLE.fields:
        if PARTS_TABLE.field_of(known.name):
            fields.append(replace(known, kind=Anything(), required=False))
        elif isinstance(known.kind, MapOf):
            table = Anything(label="a table", takes=("table",))
            fields.append(replace(known, kind=replace(known.kind, value=table)))
        else:
            fields.append(known)
    return replace(ROOT_TABLE, fields=tuple(fields))


_SHAPE_TABLE = _make_shape_table()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A description taken apart: what always holds, and what profiles and platforms change.

    `changes` apply last, to every combination.
    """

    base: Node
    profiles: Mapping[str, Node]
    platforms: Mapping[Platform, Node]
    changes: Node | None = None


def split_root(root: Node, report: Report) -> Parts:
    """Take a description apart and note the mistakes at its top."""
    _SHAPE_TABLE.read(root, report)
    base = {name: node for name, node in root.table.items() if PARTS_TABLE.field_of(name)}
    profiles = root.table["profile"].table if "profile" in root.table else {}
    platforms: dict[Platform, Node] = {}
    for name, node in (root.table["platform"].table if "platform" in root.table else {}).items():
        try:
            platform = Platform.parse(name)
        except UnknownPlatformError:
            continue
        if platform in platforms:
            report.add(node, f"{platform} is here twice: already at {platforms[platform].key}")
        platforms.setdefault(platform, node)
        image = node.table.get("image")
        if image is not None and "platforms" in image.table:
            report.add(image.table["platforms"], "one platform can't say which platforms there are")
        if "sign" in node.table:
            report.add(node.table["sign"], "one platform can't say who signs them all")
    return Parts(
        base=root.with_value(base),
        profiles=dict(sorted(profiles.items())),
        platforms={platform: platforms[platform] for platform in sorted(platforms, key=str)},
    )


def combine(
    parts: Parts,
    *,
    platform: Platform | None,
    profile: str | None,
    merger: Merger,
    report: Report,
    overrides: Mapping[str, str] | None = None,
) -> tuple[Node, Record]:
    """The merged and filled tree, and what was read from it.

    Without a platform, the changes of none apply.
    """
    tree = parts.base
    for changes in (
        parts.profiles.get(profile) if profile is not None else None,
        parts.platforms.get(platform) if platform is not None else None,
        parts.changes,
    ):
        if changes is not None and isinstance(changes.value, dict):
            tree = merger.merge(PARTS_TABLE, tree, changes)
    tree = _set_variables(tree, overrides or {})
    filled = _fill(tree, platform or _ANY_PLATFORM, profile, report)
    return filled, PARTS_TABLE.read(filled, report)


def check_all(parts: Parts, project_dir: Path, report: Report) -> None:
    """Note the mistakes of every combination: each profile, each platform's changes, and none."""
    merger = Merger(report)
    for profile in (None, *parts.profiles):
        for platform in (None, *parts.platforms):
            _, record = combine(
                parts, platform=platform, profile=profile, merger=merger, report=report
            )
            check(record, project_dir, report)
    merger.report_unmatched()


def _set_variables(tree: Node, overrides: Mapping[str, str]) -> Node:
    if not overrides:
        return tree
    written = tree.table.get("vars")
    known = written.table if written is not None else {}
    if unknown := sorted(set(overrides) - set(known)):
        problems = tuple(
            Problem(
                message="there is no such variable to set",
                key=f"vars.{name}",
                hint=suggest(name, known) or "known: " + (", ".join(sorted(known)) or "none"),
            )
            for name in unknown
        )
        raise DescriptionError("unknown variable", problems=problems)
    changed = {name: Node(value=overrides[name], key=f"vars.{name}") for name in sorted(overrides)}
    table = Node(value={**known, **changed}, key="vars")
    return tree.with_value({**tree.table, "vars": table})


def _fill(tree: Node, platform: Platform, profile: str | None, report: Report) -> Node:
    variables = dict(tree.table["vars"].table) if "vars" in tree.table else {}
    app = tree.table["app"].table if "app" in tree.table else {}
    variables |= {f"app.{name}": app[name] for name in ("name", "version") if name in app}
    general = {"profile": profile or "", "app.version": "0"}
    absent = {} if "name" in app else {"app.name": "[app] has no name"}
    constants = {
        **general,
        "platform": str(platform),
        "platform.os": platform.os,
        "platform.arch": platform.architecture,
        "platform.variant": platform.variant or "",
        "platform.system": platform.facts.system,
    }
    scope = Scope(variables=variables, constants=constants, absent=absent, report=report)
    scope.check_all()
    early = Scope(
        variables=variables, constants=general, absent={**absent, **_NO_PLATFORM}, report=report
    )
    return tree.with_value(
        {name: _fill_part(name, node, scope, early) for name, node in tree.table.items()}
    )


def _fill_part(name: str, node: Node, scope: Scope, early: Scope) -> Node:
    if name == "vars":
        return node
    if name == "image" and "platforms" in node.table:
        rest = {key: child for key, child in node.table.items() if key != "platforms"}
        filled = scope.fill(node.with_value(rest))
        return filled.with_value({**filled.table, "platforms": early.fill(node.table["platforms"])})
    return scope.fill(node)
