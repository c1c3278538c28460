"""`nixgen cache`: the layer cache, what it holds and how to make it smaller."""

from __future__ import annotations

import os
import re
from typing import Annotated

import typer

from nixgen.cli.options import JsonOption
from nixgen.cli.output import human_size, print_json, print_note, print_result, reporting_errors
from nixgen.errors import UsageError

app = typer.Typer(
    no_args_is_help=True, help="The layer cache: `info` and `prune`.", rich_markup_mode=None
)

_AGE = re.compile(r"([0-9]{1,9}) ?([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@app.command("info")
def info(as_json: JsonOption = False) -> None:
    """Say where the layer cache is and how much it holds."""
    with reporting_errors(as_json=as_json):
        from nixgen.oci import LayerCache, cache_content
        from nixgen.oci.pruning import user_bound

        bound = user_bound(os.environ)
        content = cache_content(LayerCache.default_folder())
        document = content.as_json() | {"max_bytes": bound}
        if as_json:
            print_json(document)
            return
        print_result(
            f"{content.folder}\n"
            f"{document['layers']} layers, {human_size(content.size_bytes)}"
            f" (at most {human_size(bound)} after `nixgen image`)"
        )


@app.command("prune")
def prune(
    max_size: Annotated[
        str | None,
        typer.Option("--max-size", metavar="SIZE", help="Keep at most this much, such as 2GB."),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help="Drop what was not used for 30d, 12h."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Drop cached layers: those used longest ago first; without an option down to the bound."""
    with reporting_errors(as_json=as_json):
        from nixgen.oci import LayerCache, prune_cache
        from nixgen.oci.pruning import parse_size, user_bound

        age = None if older_than is None else parse_age(older_than)
        bound = None if max_size is None else parse_size(max_size)
        if bound is None and age is None:
            bound = user_bound(os.environ)
        pruned = prune_cache(
            LayerCache.default_folder(), max_bytes=bound, older_than_s=age, warn=print_note
        )
        if as_json:
            print_json(pruned.as_json())
        else:
            print_result(
                f"dropped {pruned.removed_layers} layers, {human_size(pruned.removed_bytes)}; "
                f"kept {pruned.kept_layers}, {human_size(pruned.kept_bytes)}"
            )


def parse_age(text: str) -> int:
    """An age in seconds: `90m`, `12h`, `30d`, `2w`; raises UsageError."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not an age", hint="write it as 12h, 30d or 2w")
    return int(match[1]) * _SECONDS[match[2]]
