"""What is told of an image that was made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nixgen.cli.output import counted, human_size

if TYPE_CHECKING:
    from nixgen.pipeline.outcome import LeftOut, Outcome

_SHOWN_LINKS = 5


def format_outcome(outcome: Outcome) -> str:
    """The lines of `nixgen image`: names, digest, sizes, what was left out, where it is."""
    from nixgen.closure.variants import format_variants

    names = " ".join(f"{outcome.name}:{tag}" for tag in outcome.tags)
    lines = [names, f"  digest    {outcome.digest}"]
    for image in outcome.platforms:
        lines.append(
            f"  platform  {image.platform}: {human_size(image.size_bytes)} in "
            f"{counted(image.layer_count, 'layer')}, {human_size(image.unpacked_bytes)} unpacked"
        )
        lines += [f"            {line}" for line in _format_left_out(image.left_out)]
        lines += [f"            {line}" for line in format_variants(image.variants)]
        if len(outcome.platforms) > 1:
            lines.append(f"            {image.digest}")
    lines.append(f"  path      {outcome.path}")
    if outcome.tests is not None:
        lines.append(f"  tests     {outcome.tests.count('passed')} passed")
    if outcome.record is not None:
        lines.append(f"  record    {outcome.record}")
    return "\n".join(lines)


def _format_left_out(left_out: LeftOut) -> Iterator[str]:
    """What each rule took, and what is to be known of the rest."""
    if left_out.size_bytes:
        yield f"{human_size(left_out.size_bytes)} left out"
    for rule, (count, size_bytes) in left_out.rules.items():
        files = counted(count, "file")
        yield f"{human_size(size_bytes):>11}  {rule}, {files}"
    if left_out.store_paths:
        count, size_bytes = len(left_out.store_paths), sum(left_out.store_paths.values())
        paths = counted(count, "store path")
        yield f"{human_size(size_bytes):>11}  {paths} that nothing left refers to"
    for source, target in left_out.cuts:
        yield f"cut: {source} refers to {target} no more"
    for link in left_out.dangling[:_SHOWN_LINKS]:
        yield f"{link} leads to what is left out"
    more = len(left_out.dangling) - _SHOWN_LINKS
    if more > 0:
        yield f"and {more} more links do"
