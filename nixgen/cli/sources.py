"""`nixgen sources`: what the bundled set is built from, and a folder for offline machines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.options import (
    JsonOption,
    OfflineOption,
    QuietOption,
    SourcesOption,
    StoreOption,
    make_nix,
    progress,
)
from nixgen.cli.output import human_size, print_json, print_result, reporting_errors
from nixgen.platforms import native_system

if TYPE_CHECKING:
    from nixgen.sources import Fetched, ListedSource


def sources(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these; default: all.")
    ] = None,
    fetch: Annotated[
        Path | None,
        typer.Option("--fetch", metavar="DIR", help="Put the files into this folder."),
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(
            "--system", metavar="SYSTEM", help="For builds on this Nix system; `all` for every one."
        ),
    ] = None,
    places: SourcesOption = None,
    offline: OfflineOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """List the pinned sources of the bundled set, or fetch them."""
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline.sourcing import NixSourceStore, bundled_catalogue
        from nixgen.sources import fetch_all, list_sources, make_supply

        wanted = None if system == "all" else system or native_system()
        chosen = bundled_catalogue().select(system=wanted, names=names or None)
        if fetch is not None:
            supply = make_supply(os.environ, folders=places or (), offline=offline)
            with progress(quiet=quiet) as reporter:
                fetched = fetch_all(fetch, chosen, supply=supply, reporter=reporter)
            _print_fetched(fetched, fetch, as_json=as_json)
            return
        holding = NixSourceStore.holding(chosen, make_nix(store=store))
        listed = list_sources(chosen, store=holding)
        if as_json:
            print_json({"sources": [one.as_json() for one in listed]})
        else:
            print_result("\n".join(_row(one) for one in listed))


def _print_fetched(fetched: tuple[Fetched, ...], folder: Path, *, as_json: bool) -> None:
    if as_json:
        files = [
            {"file": one.source.file, "sha256": one.source.digest.hex, "from": one.where}
            for one in fetched
        ]
        print_json({"folder": str(folder), "files": files})
        return
    for one in fetched:
        print_result(f"{folder / one.source.file}  ({one.where or 'there already'})")


def _row(one: ListedSource) -> str:
    from nixgen.sources import describe_origin

    source = one.source
    kind = "seed" if source.seed else "source"
    here = "in the store" if one.in_store else "not in the store"
    origins = "\n".join(f"    from {describe_origin(origin)}" for origin in source.origins)
    return (
        f"{source.name}  {kind}, {human_size(source.size_bytes)}, {source.license}, {here}\n"
        f"    {source.file}\n    sha256 {source.digest.hex}\n{origins}"
    )
