"""From a description to the layers of its images, and why they are so."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nixgen.nixcli import Nix, StorePath
from nixgen.nixexpr import format_attribute_path
from nixgen.oci import ImageConf, StoreRoot, layer_sources, read_conf
from nixgen.oci.blob import Summing
from nixgen.oci.tar import walk_store_path
from nixgen.pipeline.confs import build_confs, store_root
from nixgen.pipeline.prepare import Request
from nixgen.pipeline.realise import Evaluated
from nixgen.pipeline.state import State
from nixgen.pipeline.trimming import trim_confs
from nixgen.plan import ImagePlan
from nixgen.plan.layer_facts import Decider, LayerFacts, explain_layers
from nixgen.plan.layering import Closure, Member
from nixgen.sources import Supply

_BLOCK_BYTES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedImage:
    """The layers of one image: those of store paths, and the size of the one of its own files.

    `base_layers` are below them and not counted in `max_layers`.
    """

    platform: str
    decider: Decider
    max_layers: int
    base_layers: int
    store_layers: tuple[LayerFacts, ...]
    own_bytes: int

    def as_json(self) -> dict[str, Any]:
        """One element of `platforms` in the document of `nixgen layers --json`."""
        return {
            "platform": self.platform,
            "strategy": self.decider,
            "max_layers": self.max_layers,
            "base_layers": self.base_layers,
            "store_layers": [layer.as_json() for layer in self.store_layers],
            "customisation_layer": {"size_bytes": self.own_bytes},
        }


def explain(request: Request, nix: Nix, *, supply: Supply) -> tuple[ExplainedImage, ...]:
    """Build what the images hold, and explain their layers, in the order of the platforms.

    The lockfile stays as it is. Raises as `build_and_write` does, and MachineError where a store
    path can't be read.
    """
    state = State.of_user(os.environ)
    evaluated, confs = build_confs(request.looking, nix, state=state, supply=supply)
    plan = evaluated.prepared.plan
    store = store_root(nix)
    explained = []
    whole = [read_conf(path, store=store) for path in confs]
    trimmed = trim_confs(evaluated, whole, nix, state=state, store=store)
    for image, (conf, _) in zip(plan.images, trimmed, strict=True):
        closure = _read_closure(conf, _find_apps(image, evaluated, nix), nix, store)
        # why: another set's dockerTools has its own way, and takes the other two from us.
        own_way = plan.package_set.kind != "bundled" and image.layer_strategy == "auto"
        decider: Decider = "package-set" if own_way else image.layer_strategy
        explained.append(
            ExplainedImage(
                platform=str(image.platform),
                decider=decider,
                max_layers=image.max_layers,
                base_layers=0 if image.base is None else image.base.layers,
                store_layers=explain_layers(conf.store_layers, closure, decider),
                own_bytes=_own_bytes(conf, store),
            )
        )
    return tuple(explained)


def layer_bytes(path: str, store: StoreRoot, *, absent: frozenset[str] = frozenset()) -> int:
    """What a store path takes in a layer's tar: a header for each file, contents in blocks.

    The same as `layer-split` measures, but for what is absent. Raises MachineError.
    """
    total = 0
    for _, _, status in walk_store_path(path, store, absent=absent):
        total += _BLOCK_BYTES
        if stat.S_ISREG(status.st_mode):
            total += -(-status.st_size // _BLOCK_BYTES) * _BLOCK_BYTES
    return total


def _own_bytes(conf: ImageConf, store: StoreRoot) -> int:
    summing = Summing()
    layer_sources(conf, store=store)[-1].write(summing)
    return summing.summed().size_bytes


def _find_apps(image: ImagePlan, evaluated: Evaluated, nix: Nix) -> frozenset[str]:
    if image.build is None:
        return frozenset()
    attribute = format_attribute_path("images", image.platform.slug, "app")
    (app,) = nix.instantiate(evaluated.trees.expression(), [attribute], names=evaluated.names)
    return frozenset({str(app.path)})


def _read_closure(conf: ImageConf, apps: Iterable[str], nix: Nix, store: StoreRoot) -> Closure:
    held = set(conf.store_paths)
    infos = nix.path_info(StorePath.parse(path) for path in sorted(held))
    members = tuple(
        Member(
            path=str(info.path),
            size_bytes=layer_bytes(str(info.path), store, absent=conf.absent),
            references=tuple(ref for ref in map(str, info.references) if ref in held),
        )
        for info in infos
    )
    return Closure(members=members, apps=frozenset(apps))
