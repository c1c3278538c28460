"""From a built image to one that can be run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nixgen.aside import scratch_folder
from nixgen.nixcli import Nix
from nixgen.oci import LayerCache, read_conf
from nixgen.pipeline.confs import build_confs, store_root
from nixgen.pipeline.image import write_image
from nixgen.pipeline.prepare import Request
from nixgen.pipeline.state import State
from nixgen.pipeline.trimming import trim_conf
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
    store = store_root(nix)
    (plan,) = evaluated.prepared.plan.images
    conf, _ = trim_conf(plan, read_conf(conf_path, store=store), nix.silent(), store=store)
    with scratch_folder() as folder:
        layout = folder / "image.oci"
        result = write_image(
            evaluated,
            (conf_path,),
            nix,
            destination=layout,
            form="oci",
            cache=cache,
            state=state,
        )
        if cache is not None:
            cache.bound()
        (found,) = evaluated.prepared.bases
        yield RunnableImage(
            layout=layout,
            tag=result.tag,
            platform=platform,
            conf=conf,
            store=store,
            base=None if found is None else found.read(work=Path(folder), cache=cache),
        )
