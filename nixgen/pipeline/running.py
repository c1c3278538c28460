"""From a built image to one that can be run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nixgen.aside import scratch_folder
from nixgen.nixcli import Nix
from nixgen.oci import BuiltImage, LayerCache
from nixgen.pipeline.confs import build_confs
from nixgen.pipeline.image import write_image
from nixgen.pipeline.prepare import Request
from nixgen.pipeline.state import State
from nixgen.platforms import Platform, native_platform
from nixgen.runtime import RunnableImage
from nixgen.sources import Supply
from nixgen.spec import read_description


def choose_platform(request: Request) -> Platform:
    """The platform to run: the one asked for, else this machine's where described, else the first.

    Raises DescriptionError.
    """
    described = request.platforms or read_description(request.description).platforms(
        request.profile
    )
    native = native_platform()
    return native if native in described else described[0]


@contextmanager
def built_to_run(
    request: Request,
    platform: Platform,
    nix: Nix,
    *,
    state: State,
    supply: Supply,
    cache: LayerCache | None,
) -> Iterator[RunnableImage]:
    """Build one platform's image, and lend it: its layout is gone afterwards."""
    only = dataclasses.replace(request, platforms=(platform,))
    evaluated, (conf_path,) = build_confs(only, nix, state=state, supply=supply)
    written: list[RunnableImage] = []

    def keep(_: Sequence[BuiltImage], runnables: Sequence[RunnableImage], __: Path) -> None:
        written.extend(runnables)

    with scratch_folder() as folder:
        write_image(
            evaluated,
            (conf_path,),
            nix,
            destination=folder / "image.oci",
            form="oci",
            cache=cache,
            state=state,
            accept=keep,
        )
        if cache is not None:
            cache.bound()
        (found,) = evaluated.prepared.bases
        base = None if found is None else found.read(work=folder, cache=cache)
        yield dataclasses.replace(written[0], base=base)
