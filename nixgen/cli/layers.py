"""`nixgen layers`: what is in which layer of the image, and why."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nixgen.cli.options import (
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
    VarOption,
    VerboseOption,
    make_nix,
    make_request,
    progress,
)
from nixgen.cli.output import human_size, print_json, print_result, reporting_errors

if TYPE_CHECKING:
    from nixgen.pipeline.layers import ExplainedImage
    from nixgen.plan.layer_facts import LayerFacts

_DEFAULT = Path("app.toml")
_SHOWN_PATHS = 6


def layers(
    description: DescriptionArgument = _DEFAULT,
    profile: ProfileOption = None,
    platform: PlatformOption = None,
    cross: CrossOption = None,
    var: VarOption = None,
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
    """Show the layers of the image: sizes, store paths, how often each is updated, and why."""
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline.layers import explain
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
            images = explain(
                request,
                make_nix(reporter, store=store, substitute=substitute, jobs=jobs),
                supply=make_supply(os.environ, folders=sources or (), offline=offline),
            )
        if as_json:
            print_json({"platforms": [image.as_json() for image in images]})
        else:
            print_result("\n\n".join(_format_image(image) for image in images))


def _format_image(image: ExplainedImage) -> str:
    count = len(image.store_layers) + 1
    below = f" above {image.base_layers} of the base image" if image.base_layers else ""
    most = f"{count} of at most {image.max_layers} layers{below}"
    lines = [
        f"{image.platform}: {most}, by {image.decider}",
        f"{'layer':>5}  {'size':>9}  {'paths':>5}  {'updates':>7}  why",
    ]
    for number, layer in enumerate(image.store_layers, start=1):
        lines += _format_layer(number, layer)
    own = "the image's own files: links, accounts, files of the description"
    lines.append(f"{count:>5}  {human_size(image.own_bytes):>9}  {'':>5}  {'':>7}  {own}")
    return "\n".join(lines)


def _format_layer(number: int, layer: LayerFacts) -> list[str]:
    share = f"{layer.update_share:.0%}"
    size = human_size(layer.size_bytes)
    names = [path.rpartition("/")[2].partition("-")[2] for path in layer.paths[:_SHOWN_PATHS]]
    left = len(layer.paths) - len(names)
    names += [f"and {left} more"] if left else []
    return [
        f"{number:>5}  {size:>9}  {len(layer.paths):>5}  {share:>7}  {layer.why}",
        f"{'':>34}{', '.join(names)}",
    ]
