"""`nixgen provenance`: what an image was made from, and by what."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from nixgen.cli.options import (
    CreatedOption,
    CrossOption,
    DescriptionArgument,
    JobsOption,
    JsonOption,
    LockedOption,
    OfflineOption,
    PlatformOption,
    ProfileOption,
    QuietOption,
    SourcesOption,
    StoreOption,
    SubstituteOption,
    TagOption,
    VarOption,
    VerboseOption,
    make_nix,
    make_request,
    progress,
)
from nixgen.cli.output import print_note, reporting_errors
from nixgen.cli.statements import BuilderIdOption, OutputOption, check_builder_id, write_document

_DEFAULT = Path("app.toml")


def provenance(
    description: DescriptionArgument = _DEFAULT,
    predicate: Annotated[
        bool, typer.Option("--predicate", help="Only the predicate, without whom it is about.")
    ] = False,
    builder_id: BuilderIdOption = None,
    output: OutputOption = None,
    profile: ProfileOption = None,
    platform: PlatformOption = None,
    cross: CrossOption = None,
    var: VarOption = None,
    tag: TagOption = None,
    created: CreatedOption = None,
    locked: LockedOption = False,
    store: StoreOption = None,
    sources: SourcesOption = None,
    offline: OfflineOption = False,
    substitute: SubstituteOption = False,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print the SLSA provenance of an image, from the graph of its build; JSON in any case."""
    with reporting_errors(as_json=as_json):
        from nixgen.attest.provenance import LOCAL_BUILDER
        from nixgen.pipeline.build import layer_cache
        from nixgen.pipeline.provenance import provenance_statement
        from nixgen.pipeline.recorded import find_recorded
        from nixgen.pipeline.state import State
        from nixgen.sources import make_supply

        builder = check_builder_id(builder_id) if builder_id is not None else LOCAL_BUILDER
        request = make_request(
            description,
            profile=profile,
            platforms=platform,
            cross=cross,
            variables=var,
            tags=tag,
            created=created,
            frozen=locked,
            offline=offline,
        )
        with progress(quiet=quiet, verbose=verbose) as reporter:
            nix = make_nix(reporter, store=store, substitute=substitute, jobs=jobs)
            recorded = find_recorded(
                request,
                nix,
                state=State.of_user(os.environ),
                supply=make_supply(os.environ, folders=sources or (), offline=offline),
                cache=layer_cache(warn=print_note, rehash=False),
            )
            statement = provenance_statement(recorded.record, nix, builder_id=builder)
        write_document(statement.predicate if predicate else json.loads(statement.data), output)
