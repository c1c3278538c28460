"""`nixgen run`: the daily loop."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from nixgen.cli.groups import BuildOptions, ProgressOptions, grouped
from nixgen.cli.image import print_steps
from nixgen.cli.options import DescriptionArgument
from nixgen.cli.output import end, print_note, reporting_errors

_DEFAULT = Path("app.toml")


@grouped
def run(
    description: DescriptionArgument = _DEFAULT,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- ARGS]", help="For the program, in place of image.cmd."),
    ] = None,
    runner: Annotated[
        str | None, typer.Option("--runner", help="podman, bwrap or unshare; default: what works.")
    ] = None,
    network: Annotated[
        bool, typer.Option("--network/--no-network", help="Share this machine's network.")
    ] = True,
    writable: Annotated[
        bool, typer.Option("--writable", help="Let the program write to the image's root.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be built and fetched, and stop.")
    ] = False,
    *,
    options: BuildOptions,
    told: ProgressOptions,
) -> None:
    """Build the image and run it here.

    Ends with the program's own exit code.
    """
    with reporting_errors(as_json=False), ExitStack() as held:
        from nixgen import runtime
        from nixgen.pipeline import build
        from nixgen.pipeline.running import built_to_run, choose_platform
        from nixgen.pipeline.state import State

        request = options.request(description)
        with told.reporting() as reporter:
            nix = options.nix(reporter)
            if dry_run:
                print_steps(build.plan_steps(request, nix), as_json=False)
                return
            wanted = choose_platform(request)
            chosen = runtime.choose_runner(runner, wanted)
            image = held.enter_context(
                built_to_run(
                    request,
                    wanted,
                    nix,
                    state=State.of_user(os.environ),
                    supply=options.supply(),
                    cache=build.layer_cache(warn=print_note, rehash=False),
                )
            )
        code = runtime.run(
            image,
            chosen,
            args=arguments or (),
            network=network,
            read_only=not writable,
            tty=sys.stdin.isatty() and sys.stdout.isatty(),
        )
    end(code)
