"""`nixgen provenance`: what an image was made from, and by what."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from nixgen.cli.groups import BuildOptions, ProgressOptions, grouped
from nixgen.cli.options import CreatedOption, DescriptionArgument, JsonOption, TagOption
from nixgen.cli.output import print_note, reporting_errors
from nixgen.cli.statements import BuilderIdOption, OutputOption, check_builder_id, write_document

_DEFAULT = Path("app.toml")


@grouped
def provenance(
    description: DescriptionArgument = _DEFAULT,
    predicate: Annotated[
        bool, typer.Option("--predicate", help="Only the predicate, without whom it is about.")
    ] = False,
    builder_id: BuilderIdOption = None,
    output: OutputOption = None,
    tag: TagOption = None,
    created: CreatedOption = None,
    as_json: JsonOption = False,
    *,
    options: BuildOptions,
    told: ProgressOptions,
) -> None:
    """Print the SLSA provenance of an image, as JSON."""
    with reporting_errors(as_json=as_json):
        from nixgen.attest.provenance import LOCAL_BUILDER
        from nixgen.pipeline.build import layer_cache
        from nixgen.pipeline.provenance import provenance_statement
        from nixgen.pipeline.recorded import find_recorded
        from nixgen.pipeline.state import State

        builder = check_builder_id(builder_id) if builder_id is not None else LOCAL_BUILDER
        request = options.request(description, tags=tag, created=created)
        with told.reporting() as reporter:
            nix = options.nix(reporter)
            recorded = find_recorded(
                request,
                nix,
                state=State.of_user(os.environ),
                supply=options.supply(),
                cache=layer_cache(warn=print_note, rehash=False),
            )
            statement = provenance_statement(recorded.record, nix, builder_id=builder)
        write_document(statement.predicate if predicate else json.loads(statement.data), output)
