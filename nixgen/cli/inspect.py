"""`nixgen inspect`: what an image holds."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from nixgen.cli.images import ImageArgument, OnePlatformOption, opening, parse_platform
from nixgen.cli.options import CaFileOption, JsonOption, PlainHttpOption, QuietOption
from nixgen.cli.output import counted, human_size, print_json, print_result, reporting_errors


def inspect(
    image: ImageArgument,
    platform: OnePlatformOption = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Read every layer, check both its digests, tell its unpacked size."
        ),
    ] = False,
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say what an image holds: config, layers, packages, referrers."""
    with reporting_errors(as_json=as_json):
        from nixgen.oci.describing import describe, measure_layers
        from nixgen.oci.opening import choose_image
        from nixgen.pipeline.copying import open_image

        wanted = parse_platform(platform)
        with (
            opening(plain_http=plain_http, ca_file=ca_file, quiet=quiet) as access,
            open_image(image, access, platform=wanted) as source,
        ):
            images = source.images if wanted is None else (choose_image(source, wanted),)
            sizes = measure_layers(source, images, access.reporter) if verify else {}
            document = describe(source, images, unpacked_bytes=sizes)
        if as_json:
            print_json(document)
        else:
            print_result("\n".join(_text(document)))


def _text(document: dict[str, Any]) -> list[str]:
    lines = [f"{document['image']}: {document['format']}"]
    lines += [f"name       {document['name']}"] if document["name"] else []
    lines += [f"tags       {' '.join(document['tags'])}"] if document["tags"] else []
    lines.append(f"digest     {document['digest']}")
    for image in document["platforms"]:
        lines += ["", *_image_text(image)]
    if document["referrers"]:
        lines += ["", "referrers"]
        lines += [_referrer_text(one) for one in document["referrers"]]
    return lines


def _image_text(image: dict[str, Any]) -> list[str]:
    count = len(image["layers"])
    unpacked = image["unpacked_bytes"]
    size = human_size(image["size_bytes"])
    more = f", {human_size(unpacked)} unpacked" if unpacked is not None else ""
    lines = [f"{image['platform']}  {size} in {counted(count, 'layer')}{more}"]
    if image["digest"]:
        lines.append(f"  manifest {image['digest']}")
    lines.append(f"  image id {image['config_digest']}")
    if image["config"].get("created"):
        lines.append(f"  created  {image['config']['created']}")
    for key, value in sorted((image["config"].get("config") or {}).items()):
        lines.append(f"  {key}: {json.dumps(value, ensure_ascii=False)}")
    for key, value in image["annotations"].items():
        lines.append(f"  annotation {key}: {json.dumps(value, ensure_ascii=False)}")
    for number, layer in enumerate(image["layers"], start=1):
        unpacked = layer["unpacked_bytes"]
        size = human_size(layer["size_bytes"])
        if unpacked not in (None, layer["size_bytes"]):
            size += f" ({human_size(unpacked)} unpacked)"
        lines.append(f"  layer {number}  {size}  {layer['digest']}")
        lines += [f"    {path}" for path in layer["store_paths"]]
    return lines


def _referrer_text(referrer: dict[str, Any]) -> str:
    kind = referrer["artifact_type"] or referrer["media_type"]
    return f"  {referrer['digest']}  {kind}\n    of {referrer['subject']}"
