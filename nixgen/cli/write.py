"""`nixgen write`: an image from an image conf, without an app description."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.image import Format
from nixgen.cli.options import JsonOption, parse_platforms, parse_tags
from nixgen.cli.output import human_size, print_json, print_note, print_result, reporting_errors
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.oci import Compressor


class Compression(StrEnum):
    """How layers are stored."""

    none = "none"
    gzip = "gzip"
    zstd = "zstd"


_PROGRAMS = {Compression.gzip: "pigz", Compression.zstd: "zstd"}


def write(
    conf: Annotated[
        Path, typer.Argument(metavar="CONF.json", help="An image conf of dockerTools.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="PATH", help="Where the image goes.")
    ],
    form: Annotated[
        Format, typer.Option("-f", "--format", help="OCI layout folder, or an archive.")
    ] = Format.oci,
    platform: Annotated[
        str | None,
        typer.Option("--platform", metavar="OS/ARCH", help="Default: as the conf says."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Default: as the conf says; may be repeated."),
    ] = None,
    compression: Annotated[
        Compression,
        typer.Option(
            "--compression", help="With a compressor, the bytes depend on that program too."
        ),
    ] = Compression.none,
    compressor: Annotated[
        Path | None,
        typer.Option(
            "--compressor", metavar="PATH", help="The pigz or zstd to use; default: that on PATH."
        ),
    ] = None,
    store: Annotated[
        Path, typer.Option("--store", metavar="ROOT", help="The root folder of the Nix store.")
    ] = Path("/"),
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read and compress every layer anew.")
    ] = False,
    verify_cache: Annotated[
        bool, typer.Option("--verify-cache", help="Hash every cached layer before it is used.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the image of a conf.json of dockerTools."""
    with reporting_errors(as_json=as_json):
        from nixgen.oci import LayerCache, StoreRoot
        from nixgen.oci.writing import write_conf

        platforms = parse_platforms([platform] if platform else None)
        if len(platforms) > 1:
            raise UsageError("--platform: an image conf is for one platform")
        cache = (
            None
            if no_cache
            else LayerCache.of_user(os.environ, warn=print_note, rehash=verify_cache)
        )
        written = write_conf(
            conf,
            output,
            form=form.value,
            store=StoreRoot(root=store),
            platform=platforms[0] if platforms else None,
            tags=parse_tags(tag),
            compressor=_compressor(compression, compressor),
            cache=cache,
        )
        if cache is not None:
            cache.bound()
        if as_json:
            print_json(written.as_json())
        else:
            size = human_size(written.image.size_bytes)
            print_result(
                f"{written.path}: {written.name}:{written.tags[0]}, {size}\n{written.digest}"
            )


def _compressor(compression: Compression, program: Path | None) -> Compressor | None:
    import dataclasses

    from nixgen._process import find_program, missing_program
    from nixgen.digest import Digest
    from nixgen.oci import gzip_compressor, zstd_compressor

    if compression is Compression.none:
        if program is not None:
            raise UsageError("--compressor without --compression", hint="add --compression zstd")
        return None
    name = str(program or _PROGRAMS[compression])
    found = find_program(name)
    if found is None:
        raise missing_program(name)
    make = {Compression.gzip: gzip_compressor, Compression.zstd: zstd_compressor}[compression]
    made = make(str(found))
    # why: outside of the store a path does not stand for what lies there.
    return dataclasses.replace(made, identity=f"{made.identity} {Digest.of_file(found)}")
