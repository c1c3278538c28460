"""`nixgen why`: why a package is in the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.groups import BuildOptions, ProgressOptions, grouped
from nixgen.cli.options import JsonOption
from nixgen.cli.output import print_json, print_result, reporting_errors
from nixgen.cli.subjects import Looking, SubjectArgument, WholeOption
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.closure.explaining import Edge, Explanation
    from nixgen.closure.packages import PackagePattern
    from nixgen.pipeline.closures import ImageClosure

_SHOWN_FILES = 5
_SHOWN_OFFSETS = 3
_LOOSE = 'nothing that is left refers to it; [closure] minimise = "tight" leaves it out'


@grouped
def why(
    subject: SubjectArgument,
    package: Annotated[
        str,
        typer.Argument(
            metavar="PACKAGE", help="A name, `NAME<VERSION`, a pattern such as `*-dev`, or a path."
        ),
    ],
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, help="Chains that are shown at most.")
    ] = 5,
    whole: WholeOption = False,
    as_json: JsonOption = False,
    *,
    options: BuildOptions,
    told: ProgressOptions,
) -> None:
    """Say why a package is in an image: chains, files, causes.

    Exit code 1: the package is in none of the images.
    """
    with reporting_errors(as_json=as_json), ExitStack() as stack:
        pattern = _parse(package)
        looking = Looking(options=options, told=told, whole=whole)
        closures = stack.enter_context(looking.opened(subject))
        answers = [_answer(closure, pattern, limit) for closure in closures]
        if as_json:
            print_json({"platforms": [_as_json(answer) for answer in answers]})
        else:
            print_result("\n\n".join(_format(answer, pattern) for answer in answers))
        if not any(answer.found or answer.linked for answer in answers):
            raise typer.Exit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What was found of a package in one image; `linked` as `ImageClosure.linked` says it."""

    closure: ImageClosure
    found: Sequence[Explanation]
    linked: Mapping[str, tuple[str, ...]]


def _parse(package: str) -> PackagePattern:
    from nixgen.closure.packages import PackagePattern

    try:
        return PackagePattern.parse(package)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _answer(closure: ImageClosure, pattern: PackagePattern, limit: int) -> _Answer:
    from nixgen.closure.explaining import explain_presence
    from nixgen.closure.packages import find_packages

    targets = find_packages(pattern, closure.graph.nodes)
    linked = closure.linked()
    return _Answer(
        closure=closure,
        found=[
            explain_presence(closure.graph, target, closure.place, limit=limit)
            for target in targets
        ],
        linked={name: linked[name] for name in find_packages(pattern, linked)},
    )


def _as_json(answer: _Answer) -> dict[str, Any]:
    edges = {link: edge for each in answer.found for link, edge in each.edges.items()}
    holders = answer.closure.holders
    return {
        "platform": answer.closure.platform,
        "image": answer.closure.name,
        "variants": dict(answer.closure.variants),
        "packages": [
            {
                "path": each.target,
                "chain_count": each.chains.count,
                "chains": [list(chain) for chain in each.chains.shown],
                "named_by": {chain[0]: list(holders[chain[0]]) for chain in each.chains.shown},
            }
            for each in answer.found
        ],
        "references": [edges[link].as_json() for link in sorted(edges)],
        "linked": [
            {"package": name, "into": list(into)} for name, into in sorted(answer.linked.items())
        ],
    }


def _format(answer: _Answer, pattern: PackagePattern) -> str:
    from nixgen.closure.variants import format_variants

    head = f"{answer.closure.name} for {answer.closure.platform}"
    standing = format_variants(_concerned(answer, pattern))
    if not answer.found and not answer.linked:
        return "\n".join([f"{head}: no {pattern.text} in it", *(f"  {line}" for line in standing)])
    lines = [head, *(f"  {line}" for line in standing)]
    for each in answer.found:
        shown, count = len(each.chains.shown), each.chains.count
        chains = "1 shortest chain" if count == 1 else f"{count} shortest chains"
        more = f", {shown} of them shown" if shown < count else ""
        lines += ["", f"{each.target}: {chains}{more}"]
        for chain in each.chains.shown:
            lines += _format_chain(chain, each, answer.closure)
    for name, into in sorted(answer.linked.items()):
        lines += ["", f"{name}: no store path of the image, but linked into it"]
        lines.append("  " + " ← ".join((name, *reversed(into))))
    return "\n".join(lines)


def _concerned(answer: _Answer, pattern: PackagePattern) -> dict[str, str]:
    """The packages in place of others, where it is asked for one or the other."""
    from nixgen.closure.packages import find_packages, name_of, parse_package

    found = {parse_package(name_of(each.target))[0] for each in answer.found}
    return {
        name: other
        for name, other in answer.closure.variants.items()
        if find_packages(pattern, [name, other]) or other in found
    }


def _format_chain(
    chain: tuple[str, ...], explanation: Explanation, closure: ImageClosure
) -> list[str]:
    holders = closure.holders[chain[0]]
    named = ", ".join(holders[:_SHOWN_FILES]) or _LOOSE
    more = f" and {len(holders) - _SHOWN_FILES} more" if len(holders) > _SHOWN_FILES else ""
    lines = ["", f"  {named}{more}"]
    for depth, path in enumerate(chain, start=1):
        indent = "  " * depth
        lines.append(f"{indent}└─ {path}")
        if depth < len(chain):
            edge = explanation.edges[path, chain[depth]]
            lines += [f"{indent}     {line}" for line in _format_edge(edge)]
    return lines


def _format_edge(edge: Edge) -> list[str]:
    lines = []
    for each in edge.files[:_SHOWN_FILES]:
        found = each.occurrence
        offsets = ", ".join(map(str, found.offsets[:_SHOWN_OFFSETS]))
        more = len(found.offsets) - _SHOWN_OFFSETS
        offsets += f" and {more} more" if more > 0 else ""
        causes = ", ".join(each.causes)
        lines.append(f"{found.file or '(the file itself)'} at {offsets}: {causes}")
    left = len(edge.files) - _SHOWN_FILES
    lines += [f"and {left} more files"] if left > 0 else []
    lines += [f"fix: {fix}" for fix in dict.fromkeys(f for each in edge.files for f in each.fixes)]
    return lines
