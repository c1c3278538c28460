"""`nixgen run`: the daily loop."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from nixgen.cli.image import print_steps
from nixgen.cli.options import (
    CrossOption,
    DescriptionArgument,
    LockedOption,
    OfflineOption,
    PlatformOption,
    ProfileOption,
    QuietOption,
    SourcesOption,
    StoreOption,
    SubstituteOption,
    VarOption,
    VerboseOption,
    make_nix,
    make_request,
    progress,
)
from nixgen.cli.output import end, print_note, reporting_errors

_DEFAULT = Path("app.toml")


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
    profile: ProfileOption = None,
    platform: PlatformOption = None,
    cross: CrossOption = None,
    var: VarOption = None,
    locked: LockedOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be built and fetched, and stop.")
    ] = False,
    store: StoreOption = None,
    sources: SourcesOption = None,
    offline: OfflineOption = False,
    substitute: SubstituteOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Build the image and run it here; ends with the program's own exit code."""
    with reporting_errors(as_json=False), ExitStack() as held:
        from nixgen import runtime
        from nixgen.pipeline import build
        from nixgen.pipeline.running import built_to_run, choose_platform
        from nixgen.pipeline.state import State
        from nixgen.sources import make_supply

        request = make_request(
            description,
            profile=profile,
            platforms=platform,
            cross=cross,
            variables=var,
            frozen=locked,
            offline=offline,
        )
        with progress(quiet=quiet, verbose=verbose) as reporter:
            nix = make_nix(reporter, store=store, substitute=substitute)
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
                    supply=make_supply(os.environ, folders=sources or (), offline=offline),
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
