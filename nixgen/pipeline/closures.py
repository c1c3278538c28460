"""The closures of the images of a description: built, and what refers to what in them."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nixgen.closure.graph import ClosureGraph
from nixgen.closure.references import ReferenceScanner, hash_of
from nixgen.closure.report import ClosureFigures, make_figures
from nixgen.nixcli import Nix, StorePath
from nixgen.oci import ImageConf, StoreRoot, read_conf
from nixgen.pipeline.confs import build_confs, store_root
from nixgen.pipeline.prepare import Request
from nixgen.pipeline.state import State
from nixgen.sources import Supply

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltClosure:
    """The store paths of one image. `place` says where one of them lies on this machine.

    The graph's roots are what the image's own files and its config name; sizes are of the NAR
    serialisation, as Nix counts them. `holders` says for each root what of the image names it: keys
    of the config and own files.
    """

    platform: str
    name: str
    graph: ClosureGraph
    place: Callable[[str], Path]
    holders: Mapping[str, tuple[str, ...]]


def build_closures(request: Request, nix: Nix, *, supply: Supply) -> tuple[BuiltClosure, ...]:
    """Build what the images hold, in the order of the platforms; raises as `build_confs` does."""
    state = State.of_user(os.environ)
    evaluated, confs = build_confs(request, nix, state=state, supply=supply)
    store = store_root(nix)
    closures = []
    for image, path in zip(evaluated.prepared.plan.images, confs, strict=True):
        conf = read_conf(path, store=store)
        graph = read_graph(conf, nix)
        closures.append(
            BuiltClosure(
                platform=str(image.platform),
                name=f"{image.name}:{image.tag}",
                graph=graph,
                place=lambda each: store.physical(each),
                holders=find_holders(conf, graph.roots, store),
            )
        )
    return tuple(closures)


def measure_closures(request: Request, nix: Nix, *, supply: Supply) -> tuple[ClosureFigures, ...]:
    """Build what the images hold, and measure it; raises as `build_closures` does."""
    return tuple(
        make_figures(each.graph, each.place, platform=each.platform, image=each.name)
        for each in build_closures(request, nix, supply=supply)
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


def find_holders(
    conf: ImageConf, roots: Iterable[str], store: StoreRoot
) -> dict[str, tuple[str, ...]]:
    """For each root, the keys of the config and the image's own files that name it."""
    by_hash = {hash_of(root): root for root in roots}
    found: dict[str, list[str]] = {root: [] for root in by_hash.values()}
    for key, value in sorted(conf.config.items()):
        for each, root in by_hash.items():
            if each in json.dumps(value).encode():
                found[root].append(f"config {key}")
    with tarfile.open(store.physical(conf.customisation_layer) / "layer.tar") as tar:
        for member in tar:
            scanner = ReferenceScanner(by_hash, first_only=True)
            scanner.feed(f"{member.name}\0{member.linkname}".encode("utf-8", "surrogateescape"))
            scanner.end_file()
            content = tar.extractfile(member) if member.isreg() else None
            while content is not None and (data := content.read(_READ_BYTES)):
                scanner.feed(data)
            for each in scanner.found:
                found[by_hash[each]].append("/" + member.name.removeprefix("./"))
    return {root: tuple(names) for root, names in found.items()}
