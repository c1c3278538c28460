"""`nixgen layers`: what is in which layer of the image, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nixgen.cli.groups import BuildOptions, ProgressOptions, grouped
from nixgen.cli.options import DescriptionArgument, JsonOption
from nixgen.cli.output import human_size, print_json, print_result, reporting_errors

if TYPE_CHECKING:
    from nixgen.pipeline.layers import ExplainedImage
    from nixgen.plan.layer_facts import LayerFacts

_DEFAULT = Path("app.toml")
_SHOWN_PATHS = 6


@grouped
def layers(
    description: DescriptionArgument = _DEFAULT,
    as_json: JsonOption = False,
    *,
    options: BuildOptions,
    told: ProgressOptions,
) -> None:
    """Show the layers of the image, and why each is as it is."""
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline.layers import explain

        request = options.request(description)
        with told.reporting() as reporter:
            images = explain(request, options.nix(reporter), supply=options.supply())
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
