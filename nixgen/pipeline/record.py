"""The build record: what went into an image, what came out, and under which conditions.

Inputs and outputs are named by digest or store path. Conditions are what this run saw of the
machine; they never reach the image.
"""

from __future__ import annotations

from typing import Any

import nixgen
from nixgen.nixcli import Nix
from nixgen.pipeline.image import ImageResult, writer_digest
from nixgen.pipeline.realise import Evaluated

FORMAT = 1


def make_record(evaluated: Evaluated, result: ImageResult, nix: Nix) -> dict[str, Any]:
    """The record as a JSON object."""
    prepared = evaluated.prepared
    trees = evaluated.trees
    return {
        "format": FORMAT,
        "description": {
            "path": str(prepared.description.path.resolve()),
            "digest": str(prepared.description.digest),
            "profile": prepared.request.profile,
        },
        "inputs": {
            "packages": {
                "kind": prepared.pinned.package_set.kind,
                "digest": str(prepared.pinned.package_set.digest),
            },
            "generated": str(trees.generated.nar_hash),
            "library": str(trees.library.nar_hash),
            "source": str(trees.source.nar_hash) if trees.source else None,
        },
        "derivations": {
            str(image.platform): {
                "conf": str(conf.drv_path),
                "output": str(conf.path),
                "writer": str(writer_digest(image, evaluated)),
            }
            for image, conf in zip(prepared.plan.images, evaluated.confs, strict=True)
        },
        "image": result.as_json(),
        "conditions": {
            "nixgen": nixgen.__version__,
            "nix": str(nix.version),
            "build_system": prepared.request.options.build_system,
            "store_access": nix.access.mode.value,
            "substitute": nix.settings.substitute,
        },
    }
