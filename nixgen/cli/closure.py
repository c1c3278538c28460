"""`nixgen closure`: what is in the image, how large it is, and because of what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.closurediff import show_changes
from nixgen.cli.groups import BuildOptions, ProgressOptions, grouped
from nixgen.cli.options import JsonOption
from nixgen.cli.output import counted, human_size, print_json, print_result, reporting_errors
from nixgen.cli.subjects import Looking, SubjectArgument, WholeOption
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.closure.report import ClosureFigures, PackageFigures
    from nixgen.closure.usage import Usage

_DEFAULT = Path("app.toml")
_SHOWN_KINDS = 3


class View(StrEnum):
    """How a closure is shown to people."""

    table = "table"
    tree = "tree"
    dot = "dot"


@grouped
def closure(
    subject: SubjectArgument = "app.toml",
    view: Annotated[
        View,
        typer.Option("--view", help="A table, the tree of dominators, or a graph for Graphviz."),
    ] = View.table,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a report to explore in a browser: one file."
        ),
    ] = None,
    diff: Annotated[
        str | None,
        typer.Option(
            "--diff",
            metavar="OLD",
            help="Show what changed since OLD instead: another image or description, or what "
            "--json printed.",
        ),
    ] = None,
    whole: WholeOption = False,
    as_json: JsonOption = False,
    *,
    options: BuildOptions,
    told: ProgressOptions,
) -> None:
    """Show what is in an image, and what goes if it goes.

    IMAGE_OR_APP may also be a file that --json printed, with a name that ends in .json.
    """
    with reporting_errors(as_json=as_json):
        looking = Looking(options=options, told=told, whole=whole)
        if diff is not None:
            if html is not None or view is not View.table:
                raise UsageError("--diff has one form: leave out --html and --view")
            before, after = looking.measured(diff, subject)
            show_changes(before, after, as_json=as_json)
        else:
            if html is not None:
                _check_place(html)
            (measured,) = looking.measured(subject)
            _show_closures(measured, view, html, as_json=as_json)


def _show_closures(
    measured: Sequence[ClosureFigures], view: View, html: Path | None, *, as_json: bool
) -> None:
    if html is not None:
        _write_page(html, measured)
    if as_json:
        print_json({"platforms": [each.as_json() for each in measured]})
    elif html is not None:
        print_result("\n".join([*map(_head, measured), f"report: {html}"]))
    else:
        print_result(_show(measured, view))


def _check_place(html: Path) -> None:
    """Refuse a place that can't be written to, before anything is built."""
    if html.is_dir():
        raise UsageError(f"--html {html}: this is a folder", hint=f"--html {html / 'closure.html'}")
    if not html.parent.is_dir():
        raise UsageError(f"--html {html}: there is no folder {html.parent}")


def _write_page(html: Path, measured: Sequence[ClosureFigures]) -> None:
    from nixgen.closure.page import make_page
    from nixgen.wholefile import write_whole

    write_whole(html, make_page(measured))


def _show(measured: Sequence[ClosureFigures], view: View) -> str:
    from nixgen.closure.report import format_dot

    show = {View.table: _table, View.tree: _tree, View.dot: format_dot}[view]
    return "\n\n".join(show(each) for each in measured)


def _head(figures: ClosureFigures) -> str:
    from nixgen.closure.variants import format_variants

    usage = figures.usage
    return (
        f"{figures.image} for {figures.platform}: {human_size(figures.size_bytes)} in "
        f"{counted(len(figures.packages), 'store path')}, {counted(usage.file_count, 'file')}"
        + "".join(f"\n{line}" for line in format_variants(figures.variants))
    )


def _table(figures: ClosureFigures) -> str:
    lines = [_head(figures), ""]
    lines.append(f"{'own size':>9}  {'adds':>9}  {'referrers':>9}  package, and what its files are")
    for package in figures.packages:
        size, added = human_size(package.size_bytes), human_size(package.added_bytes)
        lines.append(f"{size:>9}  {added:>9}  {len(package.referrers):>9}  {_name(package)}")
        kinds = _kinds(package.usage)
        lines += [f"{'':>33}{kinds}"] if kinds else []
    if figures.loose:
        size = human_size(sum(package.added_bytes for package in figures.loose))
        lines += ["", f'{size} of it nothing refers to: minimise = "tight" leaves it out']
    return "\n".join([*lines, "", f"files: {_kinds(figures.usage, shown=9)}"])


def _tree(figures: ClosureFigures) -> str:
    below: dict[str | None, list[PackageFigures]] = {}
    for package in figures.packages:
        below.setdefault(package.dominator, []).append(package)
    lines = [_head(figures), "each below what it is there because of alone; with what it adds", ""]
    stack = [(package, "") for package in reversed(below.get(None, []))]
    while stack:
        package, indent = stack.pop()
        lines.append(f"{human_size(package.added_bytes):>9}  {indent}{_name(package)}")
        children = below.get(package.path, [])
        stack += [(child, indent + "  ") for child in reversed(children)]
    return "\n".join(lines)


def _name(package: PackageFigures) -> str:
    name, version = package.package
    return f"{name} {version}".rstrip()


def _kinds(usage: Usage, *, shown: int = _SHOWN_KINDS) -> str:
    return ", ".join(_each_kind(usage, shown))


def _each_kind(usage: Usage, shown: int) -> Iterator[str]:
    for kind, size_bytes in list(usage.bytes_by_kind.items())[:shown]:
        if size_bytes:
            yield f"{kind} {human_size(size_bytes)}"
