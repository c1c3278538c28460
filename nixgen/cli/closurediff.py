"""`nixgen closure --diff OLD`: what grew, what is new, what is gone, and which change did it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nixgen.cli.output import counted, human_size, print_json, print_result
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.closure.causing import Cause
    from nixgen.closure.change import Because, ClosureChange, PackageChange
    from nixgen.closure.report import ClosureFigures

_SHOWN_KINDS = 4
_SHOWN_NAMES = 3


def show_changes(
    before: Sequence[ClosureFigures], after: Sequence[ClosureFigures], *, as_json: bool
) -> None:
    """Print what differs for each platform that both have; raises UsageError where there is none.

    Two images of one platform each are compared whatever their platforms are.
    """
    from nixgen.closure.change import compare_closures

    changes = [compare_closures(*pair) for pair in _pairs(before, after)]
    only_before = _only(before, after)
    only_after = _only(after, before)
    if len(before) == len(after) == 1:
        only_before = only_after = []
    if as_json:
        print_json(
            {
                "platforms": [each.as_json() for each in changes],
                "only_before": only_before,
                "only_after": only_after,
            }
        )
        return
    parts = ["\n".join(_format(each)) for each in changes]
    parts += [f"{platform}: is there no more" for platform in only_before]
    parts += [f"{platform}: is new" for platform in only_after]
    print_result("\n\n".join(parts))


def _pairs(
    before: Sequence[ClosureFigures], after: Sequence[ClosureFigures]
) -> list[tuple[ClosureFigures, ClosureFigures]]:
    if len(before) == len(after) == 1:
        return [(before[0], after[0])]
    known = {each.platform: each for each in before}
    pairs = [(known[each.platform], each) for each in after if each.platform in known]
    if not pairs:
        sides = (", ".join(each.platform for each in side) for side in (before, after))
        raise UsageError(f"nothing to compare: one is for {', the other for '.join(sides)}")
    return pairs


def _only(figures: Sequence[ClosureFigures], others: Sequence[ClosureFigures]) -> list[str]:
    known = {each.platform for each in others}
    return [each.platform for each in figures if each.platform not in known]


def _format(change: ClosureChange) -> Iterator[str]:
    before, after = change.before, change.after
    was = "" if before.image == after.image else f" of {before.image}"
    was += "" if before.platform == after.platform else f" for {before.platform}"
    paths = counted(len(after.packages), "store path")
    yield (
        f"{after.image} for {after.platform}: {human_size(after.usage.size_bytes)} in "
        f"files of {paths}; {_signed(change.size_change)} against "
        f"{human_size(before.usage.size_bytes)} in {len(before.packages)}{was}"
    )
    if not change.packages:
        yield "no difference"
        return
    if change.kinds:
        yield f"files: {_kinds(change.kinds)}"
    groups = change.by_cause()
    for group in groups:
        if group.cause is not None:
            yield from _format_group(group, group.cause)
    alone = [group.packages[0] for group in groups if group.cause is None]
    told = [each for each in alone if each.way != "rebuilt"]
    if told:
        yield "\nreferred to as before:"
        yield from (_package(each) for each in told)
    if rebuilt := len(alone) - len(told):
        yield f"\n{counted(rebuilt, 'package')} rebuilt, of the same version and size"


def _format_group(group: Because, cause: Cause) -> Iterator[str]:
    yield f"\n{_signed(group.size_change):>10}  {_because(cause, group.packages)}"
    if len(cause.lead) > 2:
        yield f"{'':>12}{' → '.join(map(_label, cause.lead))}"
    yield from (f"  {_package(each)}" for each in group.packages)


def _because(cause: Cause, packages: Sequence[PackageChange]) -> str:
    fewer = len(packages[0].after.paths) < len(packages[0].before.paths)
    when = "no longer" if fewer else "now"
    if cause.source is not None:
        return f"because {_label(cause.source)} {when} refers to {_label(cause.target)}"
    if not cause.named_by:
        return f"because {_label(cause.target)} is {when} in the image, though nothing refers to it"
    names = ", ".join(cause.named_by[:_SHOWN_NAMES])
    more = len(cause.named_by) - _SHOWN_NAMES
    names += f" and {more} more" if more > 0 else ""
    return f"because the image {when} names {_label(cause.target)} ({names})"


def _package(change: PackageChange) -> str:
    key, before, after = change.key, change.before, change.after
    name = f"{key.name} ({key.output})" if key.output else key.name
    versions = [", ".join(each for each in side.versions if each) for side in (before, after)]
    shown = " → ".join(dict.fromkeys(each for each in versions if each))
    kinds = ""
    if before.paths and after.paths:
        kinds = f": {_kinds(change.kinds)}" if change.kinds else ""
    return f"{_signed(change.size_change):>10}  {change.way:<7}  {name} {shown}".rstrip() + kinds


def _kinds(changes: Mapping[str, int]) -> str:
    return ", ".join(
        f"{kind} {_signed(size)}" for kind, size in list(changes.items())[:_SHOWN_KINDS]
    )


def _label(path: str) -> str:
    from nixgen.closure.packages import name_of

    return name_of(path)


def _signed(size_bytes: int) -> str:
    return f"{'-' if size_bytes < 0 else '+'}{human_size(abs(size_bytes))}"
