"""The closures of the images that a description makes."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nixgen.aside import scratch_folder
from nixgen.closure.graph import ClosureGraph
from nixgen.closure.references import find_occurrences, named_by_config
from nixgen.closure.report import ClosureFigures, measure_closure
from nixgen.nixcli import Nix, StorePath
from nixgen.oci import ImageConf, StoreRoot, copy_store_path, read_conf
from nixgen.oci.tar import walk_store_path
from nixgen.oci.trimmed import is_absent
from nixgen.oci.trimming import read_own_files
from nixgen.pipeline.confs import build_confs, store_root
from nixgen.pipeline.knowledge import ask_set
from nixgen.pipeline.prepare import Request
from nixgen.pipeline.realise import Evaluated
from nixgen.pipeline.state import State
from nixgen.pipeline.trimming import trim_confs
from nixgen.plan import ImagePlan
from nixgen.platforms import Platform
from nixgen.sources import Supply

Place = Callable[[str], Path]
Linked = Callable[[], Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageClosure:
    """The store paths of one image. `place` says where one of them lies on this machine.

    The graph's roots are what the image's own files and its config name, and what is there though
    nothing that was left refers to it; sizes are of the contents of the files that the image
    holds. `holders` says for each root what of the image names it: keys of the config and own
    files, or nothing. `linked` asks the package set what was linked into the store paths, as
    `Knowledge.linked` says; of an image that is only looked at nobody knows.
    `variants` are the packages that stand in place of those that are named, by these; empty there.
    """

    platform: str
    name: str
    graph: ClosureGraph
    place: Place
    holders: Mapping[str, tuple[str, ...]]
    linked: Linked = dict
    variants: Mapping[str, str] = field(default_factory=dict)

    def measure(self) -> ClosureFigures:
        """What each store path takes; raises MachineError for what can't be read."""
        return measure_closure(
            self.graph,
            self.place,
            platform=self.platform,
            image=self.name,
            named_by=self.holders,
            variants=self.variants,
        )


@contextmanager
def open_closures(
    request: Request, nix: Nix, *, supply: Supply, whole: bool = False
) -> Iterator[tuple[ImageClosure, ...]]:
    """Build what a description's images hold, in the order of its platforms.

    They are as the rules of the description leave them, or with `whole` as Nix built them. The
    lockfile stays as it is. Raises as `build_confs` does.
    """
    state = State.of_user(os.environ)
    evaluated, confs = build_confs(request.looking, nix, state=state, supply=supply)
    store = store_root(nix)
    with scratch_folder() as folder:
        closures = []
        read = [read_conf(path, store=store) for path in confs]
        if not whole:
            trimmed = trim_confs(evaluated, read, nix, state=state, store=store)
            read = [conf for conf, _ in trimmed]
        for image, variants, conf in zip(
            evaluated.prepared.plan.images, evaluated.variants, read, strict=True
        ):
            closure = closure_of(
                conf,
                nix,
                platform=image.platform,
                name=f"{image.name}:{image.tag}",
                store=store,
                folder=folder,
            )
            linked = _linked(evaluated, image, nix, closure.graph)
            closures.append(dataclasses.replace(closure, linked=linked, variants=variants))
        yield tuple(closures)


def _linked(evaluated: Evaluated, image: ImagePlan, nix: Nix, graph: ClosureGraph) -> Linked:
    return lambda: ask_set(evaluated, image, nix).linked(graph.nodes)


def closure_of(
    conf: ImageConf,
    nix: Nix,
    *,
    platform: Platform,
    name: str,
    store: StoreRoot,
    folder: Path,
) -> ImageClosure:
    """The closure of a conf; `folder` takes copies of store paths of which parts are left out."""
    place = _place_partial(conf, store, folder / platform.slug)
    graph = read_graph(conf, nix, store=store, place=place)
    return ImageClosure(
        platform=str(platform),
        name=name,
        graph=graph,
        place=place,
        holders=_holders(conf, graph.roots, store),
    )


def read_graph(
    conf: ImageConf, nix: Nix, *, store: StoreRoot, place: Place | None = None
) -> ClosureGraph:
    """The graph of all of a conf's store paths, also of those that nothing refers to.

    Sizes are of the contents of the files that the image holds. With `place`, what a store path
    refers to is looked up there where parts of it are left out.
    Raises MachineError for one that is not in the store.
    """
    held = set(conf.store_paths)
    own = StorePath.parse(conf.customisation_layer)
    infos = {str(info.path): info for info in nix.path_info([own, *map(StorePath.parse, held)])}
    references = {
        path: [target for target in map(str, info.references) if target in held]
        for path, info in infos.items()
    }
    for path in sorted(conf.partial_store_paths):
        if place is None:
            break
        found = find_occurrences(place(path), set(references[path]) - {path})
        references[path] = sorted({each.target for each in found})
    roots = {*references.pop(str(own)), *named_by_config(conf.config, held)}
    # why: dockerTools puts in what its conf refers to, which can be more than the image needs.
    sizes = {path: _content_bytes(path, conf, store) for path in held}
    return ClosureGraph.of_all(roots, sizes, references)


def _content_bytes(path: str, conf: ImageConf, store: StoreRoot) -> int:
    members = walk_store_path(path, store, absent=conf.absent)
    return sum(found.st_size for _, _, found in members if stat.S_ISREG(found.st_mode))


def _place_partial(conf: ImageConf, store: StoreRoot, folder: Path) -> Place:
    """Where store paths lie; those of which parts are left out are copied into `folder`."""
    copies = {}
    for path in sorted(conf.partial_store_paths):
        folder.mkdir(exist_ok=True)
        copy_store_path(path, conf, store=store, dest=folder)
        copies[path] = folder / path.lstrip("/")
    return lambda path: copies.get(path) or store.physical(path)


def _holders(conf: ImageConf, roots: Sequence[str], store: StoreRoot) -> dict[str, tuple[str, ...]]:
    """For each root, the keys of the config and the image's own files that name it."""
    named = named_by_config(conf.config, roots)
    found = {root: [f"config {key}" for key in named.get(root, ())] for root in roots}
    for own in read_own_files(conf, store):
        if not is_absent(own.path, conf.absent):
            for target in own.targets:
                if target in found:
                    found[target].append(own.path)
    return {root: tuple(names) for root, names in found.items()}
