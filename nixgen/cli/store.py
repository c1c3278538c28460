"""Commands about what builds left behind: `log`, `gc`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from nixgen.cli.options import JsonOption, StoreOption, make_nix
from nixgen.cli.output import human_size, print_json, print_note, print_result, reporting_errors
from nixgen.errors import UsageError


def log(
    derivation: Annotated[
        str | None,
        typer.Argument(help="A store path; default: the derivation that last failed."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Show the log of the last failed build, or of a store path."""
    with reporting_errors(as_json=False):
        from nixgen.nixcli import StorePath
        from nixgen.pipeline.state import State

        wanted = derivation or State.of_user(os.environ).failure()
        if wanted is None:
            raise UsageError("no build has failed", hint="nixgen log STORE-PATH  shows any log")
        try:
            path = StorePath.parse(wanted)
        except ValueError as error:
            raise UsageError(f"{wanted!r} is not a store path") from error
        text = make_nix(store=store).log(path)
        if text is None:
            raise UsageError(f"Nix has no log of {path}", hint="build it again to get one")
        print_note(f"log of {path}")
        print_result(text)


def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is kept, and keep it.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let go of the last results, and delete what nothing needs."""
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline.results import drop_results, list_results

        nix = make_nix(store=store)
        results = list_results(nix, os.environ)
        freed = None if dry_run else drop_results(results, nix)
        if as_json:
            print_json(
                {
                    "results": [result.as_json() for result in results],
                    "deleted_paths": freed.paths if freed else 0,
                    "freed_bytes": freed.freed_bytes if freed else 0,
                }
            )
            return
        for result in results:
            print_result(f"{result.link.name}  {human_size(result.closure_bytes)}  {result.path}")
        if freed is not None:
            print_result(
                f"deleted {freed.paths} store paths, freed {human_size(freed.freed_bytes)}"
            )
        elif not results:
            print_result("nothing is kept")
