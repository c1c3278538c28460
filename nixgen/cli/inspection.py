"""Commands that show what would be done: `plan`, `generate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.groups import DescribeOptions, grouped
from nixgen.cli.options import CreatedOption, DescriptionArgument, JsonOption, TagOption, make_nix
from nixgen.cli.output import print_json, print_note, print_result, reporting_errors

if TYPE_CHECKING:
    from nixgen.plan import ImagePlan, Plan

_DEFAULT = Path("app.toml")


@grouped
def plan(
    description: DescriptionArgument = _DEFAULT,
    tag: TagOption = None,
    created: CreatedOption = None,
    static: Annotated[
        bool, typer.Option("--static", help="Do not evaluate: packages are not looked up.")
    ] = False,
    as_json: JsonOption = False,
    *,
    options: DescribeOptions,
) -> None:
    """Show every decision about the image.

    Finds the mistakes that evaluation can find.
    """
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline.prepare import prepare
        from nixgen.pipeline.realise import evaluate

        request = options.request(description, tags=tag, created=created)
        nix = make_nix(store=options.store)
        prepared = prepare(request, nix)
        variants = None if static else evaluate(prepared, nix).variants
        if as_json:
            print_json(_document(prepared.plan, variants))
        else:
            print_result(_format_plan(prepared.plan, variants))


@grouped
def generate(
    description: DescriptionArgument = _DEFAULT,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Write the files into this folder."),
    ] = None,
    tag: TagOption = None,
    created: CreatedOption = None,
    *,
    options: DescribeOptions,
) -> None:
    """Show the generated Nix, or write it into a folder."""
    with reporting_errors(as_json=False):
        from nixgen.generate import write_generated
        from nixgen.pipeline.prepare import prepare

        request = options.request(description, tags=tag, created=created)
        files = prepare(request, make_nix(store=options.store)).files
        if output is not None:
            write_generated(files, output)
            print_result("\n".join(str(output / file.name) for file in files))
            return
        for file in files:
            print_note(f"--- {file.name}")
            print_result(file.content.decode())


def _document(plan: Plan, variants: Sequence[Mapping[str, str]] | None) -> dict[str, Any]:
    """The plan, and for each image which packages stand in place of others, where it is known."""
    document = plan.as_json()
    for image, found in zip(document["images"], variants or (), strict=variants is not None):
        image["variants"] = dict(found)
    return document


def _format_plan(plan: Plan, variants: Sequence[Mapping[str, str]] | None) -> str:
    profile = f", profile {plan.profile}" if plan.profile else ""
    lines = [
        f"{plan.app_name} {plan.app_version}{profile}",
        f"package set  {plan.package_set.kind} {plan.package_set.digest}",
    ]
    for image, found in zip(plan.images, variants or [{}] * len(plan.images), strict=True):
        lines += ["", *_format_image(image, found)]
    return "\n".join(lines)


def _format_image(image: ImagePlan, variants: Mapping[str, str]) -> list[str]:
    from nixgen.closure.variants import format_variants

    config = image.config
    command = [*config.get("Entrypoint", []), *config.get("Cmd", [])]
    rows = {
        "image": f"{image.name}:{' '.join(image.tags)} for {image.platform}",
        "strategy": f"{image.strategy}: {image.strategy_reason}",
        "app": f"kind {image.build.kind}, from {image.build.src}" if image.build else "none",
        "contents": " ".join(image.contents) or "none",
        "variants": ", ".join(format_variants(variants)),
        "command": " ".join(command) or "none",
        "user": config.get("User", ""),
        "env": " ".join(config.get("Env", [])),
        "ports": " ".join(config.get("ExposedPorts", {})),
        "files": " ".join(entry.path for entry in image.entries),
        "layers": f"at most {image.max_layers}, {image.layer_strategy}, {image.compression}",
        "created": image.created,
        "base": f"{image.base.name}, {image.base.digest}" if image.base else "",
    }
    return [f"{name:<12} {value}" for name, value in rows.items() if value]
