"""The build record: what went into an image, what came out, and under which conditions.

Inputs and outputs are named by digest or store path. Conditions are what this run saw of the
machine; they never reach the image. The record stays in the state folder; as an unsigned in-toto
statement (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md), without the
paths of this machine, it goes beside the image on request.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nixgen.errors import MachineError
from nixgen.pipeline.conditions import Conditions
from nixgen.pipeline.image import writer_digest
from nixgen.pipeline.outcome import Outcome
from nixgen.pipeline.realise import Evaluated
from nixgen.wholefile import write_whole

FORMAT = 1
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:nixgen:build-record:v1"


def make_record(evaluated: Evaluated, outcome: Outcome, conditions: Conditions) -> dict[str, Any]:
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
            "bases": {
                str(image.platform): str(image.base.digest)
                for image in prepared.plan.images
                if image.base is not None
            },
        },
        "derivations": {
            str(image.platform): {
                "build_system": image.build_system,
                "strategy": image.strategy,
                "conf": str(conf.drv_path),
                "output": str(conf.path),
                "writer": str(writer_digest(image, evaluated)),
            }
            for image, conf in zip(prepared.plan.images, evaluated.confs, strict=True)
        },
        "image": outcome.as_json(),
        "tests": None
        if outcome.tests is None
        else [each.as_record() for each in outcome.tests.results],
        "conditions": conditions.as_json(),
    }


def make_statement(record: Any) -> dict[str, Any]:
    """The record as a statement about the image: each of its digests is a subject."""
    image = record["image"]
    reference = f"{image['name']}:{image['tag']}"
    subjects = {image["digest"]: reference}
    for one in image["platforms"]:
        subjects.setdefault(one["digest"], f"{reference} {one['platform']}")
    predicate = {
        **record,
        "description": {**record["description"], "path": Path(record["description"]["path"]).name},
        "image": {name: value for name, value in image.items() if name not in ("path", "record")},
    }
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}
            for digest, name in subjects.items()
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }


def record_path(image: Path) -> Path:
    """Where the statement about an image goes: beside it."""
    return image.with_name(f"{image.name}.record.json")


def write_statement(record: Any, place: Path) -> None:
    """Write the statement, whole or not at all; raises MachineError."""
    text = json.dumps(make_statement(record), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        write_whole(place, text.encode())
    except OSError as error:
        raise MachineError(
            f"{place}: the build record can't be written: {error.strerror or error}",
            hint="name another place with -o",
        ) from error
