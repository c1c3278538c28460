"""`nixgen inspect`: what an image holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.options import JsonOption
from nixgen.cli.output import human_size, print_json, print_result, reporting_errors

if TYPE_CHECKING:
    from nixgen.oci.opening import ImageSource

ImageArgument = Annotated[
    str,
    typer.Argument(
        metavar="IMAGE",
        help="PATH or PATH:TAG of an OCI layout, an OCI archive or a docker-archive; "
        "`oci:`, `oci-archive:` or `docker-archive:` before it says which.",
    ),
]
OnePlatformOption = Annotated[
    str | None, typer.Option("--platform", metavar="OS/ARCH", help="Only this platform.")
]


def inspect(
    image: ImageArgument,
    platform: OnePlatformOption = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every layer and check its digest too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what an image holds: config, layers, store paths, annotations and referrers."""
    with reporting_errors(as_json=as_json):
        from nixgen.oci.opening import choose_image
        from nixgen.oci.reference import open_image, parse_platform

        source = open_image(image)
        wanted = parse_platform(platform)
        images = source.images if wanted is None else (choose_image(source, wanted),)
        if verify:
            for one in images:
                for layer in one.layers:
                    with source.open_blob(layer.descriptor) as blob:
                        blob.drain()
        document = describe(source)
        names = [str(one.platform) for one in images]
        document["platforms"] = [one for one in document["platforms"] if one["platform"] in names]
        if as_json:
            print_json(document)
        else:
            print_result("\n".join(_text(document)))


def describe(source: ImageSource) -> dict[str, Any]:
    """The document of `nixgen inspect --json`."""
    archived = source.format == "docker-archive"
    return {
        "image": source.where,
        "format": source.format,
        "name": source.name,
        "tags": list(source.tags),
        "digest": str(source.images[0].config_digest if archived else source.top.digest),
        "platforms": [
            {
                "platform": str(image.platform),
                "digest": None if archived else str(image.digest),
                "config_digest": str(image.config_digest),
                "size_bytes": sum(layer.descriptor.size_bytes for layer in image.layers),
                "annotations": dict(sorted(image.annotations.items())),
                "config": json.loads(image.config),
                "layers": [
                    {
                        "digest": str(layer.descriptor.digest),
                        "diff_id": str(layer.diff_id),
                        "media_type": layer.descriptor.media_type,
                        "size_bytes": layer.descriptor.size_bytes,
                        "store_paths": list(layer.store_paths),
                    }
                    for layer in image.layers
                ],
            }
            for image in source.images
        ],
        "referrers": [referrer.as_json() for referrer in source.referrers],
    }


def _text(document: dict[str, Any]) -> list[str]:
    lines = [f"{document['image']}: {document['format']}"]
    lines += [f"name       {document['name']}"] if document["name"] else []
    lines += [f"tags       {' '.join(document['tags'])}"] if document["tags"] else []
    lines.append(f"digest     {document['digest']}")
    for image in document["platforms"]:
        lines += ["", *_image_text(image)]
    if document["referrers"]:
        lines += ["", "referrers"]
        lines += [
            f"  {one['digest']}  {one.get('artifactType') or one['mediaType']}"
            for one in document["referrers"]
        ]
    return lines


def _image_text(image: dict[str, Any]) -> list[str]:
    lines = [f"{image['platform']}  {human_size(image['size_bytes'])}"]
    if image["digest"]:
        lines.append(f"  manifest {image['digest']}")
    lines.append(f"  image id {image['config_digest']}")
    for key, value in sorted((image["config"].get("config") or {}).items()):
        lines.append(f"  {key}: {json.dumps(value, ensure_ascii=False)}")
    for key, value in image["annotations"].items():
        lines.append(f"  annotation {key}: {json.dumps(value, ensure_ascii=False)}")
    for number, layer in enumerate(image["layers"], start=1):
        lines.append(f"  layer {number}  {human_size(layer['size_bytes'])}  {layer['digest']}")
        lines += [f"    {path}" for path in layer["store_paths"]]
    return lines
