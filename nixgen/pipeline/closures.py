"""The closures of the images of a description: built, and what refers to what in them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nixgen.closure.graph import ClosureGraph
from nixgen.closure.references import hash_of
from nixgen.nixcli import Nix, StorePath
from nixgen.oci import ImageConf, read_conf
from nixgen.pipeline.confs import build_confs, store_root
from nixgen.pipeline.prepare import Request
from nixgen.pipeline.state import State
from nixgen.sources import Supply


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltClosure:
    """The store paths of one image. `place` says where one of them lies on this machine.

    The graph's roots are what the image's own files and its config name; sizes are of the NAR
    serialisation, as Nix counts them.
    """

    platform: str
    name: str
    graph: ClosureGraph
    place: Callable[[str], Path]


def build_closures(request: Request, nix: Nix, *, supply: Supply) -> tuple[BuiltClosure, ...]:
    """Build what the images hold, in the order of the platforms; raises as `build_confs` does."""
    state = State.of_user(os.environ)
    evaluated, confs = build_confs(request, nix, state=state, supply=supply)
    store = store_root(nix)
    return tuple(
        BuiltClosure(
            platform=str(image.platform),
            name=f"{image.name}:{image.tag}",
            graph=read_graph(read_conf(path, store=store), nix),
            place=lambda each: store.physical(each),
        )
        for image, path in zip(evaluated.prepared.plan.images, confs, strict=True)
    )


def read_graph(conf: ImageConf, nix: Nix) -> ClosureGraph:
    """The graph of a conf's store paths; raises MachineError for one that is not in the store."""
    held = set(conf.store_paths)
    own = StorePath.parse(conf.customisation_layer)
    infos = {str(info.path): info for info in nix.path_info([own, *map(StorePath.parse, held)])}
    references = {
        path: [target for target in map(str, info.references) if target in held]
        for path, info in infos.items()
    }
    config = json.dumps(conf.config).encode()
    roots = {*references.pop(str(own)), *(path for path in held if hash_of(path) in config)}
    # why: dockerTools puts in what its conf refers to, which can be more than the image needs.
    sizes = {path: infos[path].nar_size_bytes for path in held}
    return ClosureGraph.of(roots, sizes, references)
