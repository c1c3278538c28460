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

from nixgen.attest.statement import STATEMENT_TYPE, Subject
from nixgen.digest import Digest
from nixgen.errors import MachineError
from nixgen.lock import lock_path, pins_digest
from nixgen.pipeline.alarm import writer_digest
from nixgen.pipeline.conditions import Conditions
from nixgen.pipeline.outcome import Outcome
from nixgen.pipeline.realise import Evaluated
from nixgen.pipeline.revision import find_revision
from nixgen.pipeline.state import RECORD_FORMAT
from nixgen.spec.model import Sign
from nixgen.wholefile import write_whole

PREDICATE_TYPE = "urn:nixgen:build-record:v1"


def make_record(evaluated: Evaluated, outcome: Outcome, conditions: Conditions) -> dict[str, Any]:
    """The record as a JSON object."""
    return {
        **record_inputs(evaluated),
        "image": outcome.as_json(),
        "tests": None
        if outcome.tests is None
        else [each.as_record() for each in outcome.tests.results],
        "conditions": conditions.as_json(),
    }


def record_inputs(evaluated: Evaluated) -> dict[str, Any]:
    """That part of the record which stands before anything is built."""
    prepared = evaluated.prepared
    trees = evaluated.trees
    description = prepared.description
    revision = find_revision(
        description.project_dir, prepared.source, lock_name=lock_path(description.path).name
    )
    return {
        "format": RECORD_FORMAT,
        "description": {
            "path": str(description.path.resolve()),
            "digest": str(description.digest),
            "profile": prepared.request.profile,
            "variables": dict(sorted(prepared.request.overrides.items())),
            "created": prepared.plan.images[0].created,
            "cross": prepared.request.cross,
            "revision": None if revision is None else revision.as_json(),
        },
        "signer": _signer(prepared.specs[0].sign),
        "inputs": {
            "lock": str(pins_digest(prepared.lock)),
            "packages": {
                "kind": prepared.pinned.package_set.kind,
                "digest": str(prepared.pinned.package_set.digest),
            },
            "generated": str(trees.generated.nar_hash),
            "library": str(trees.library.nar_hash),
            "source": str(trees.source.nar_hash) if trees.source else None,
            "bases": {
                str(image.platform): {
                    "name": Path(image.base.name).name if found.reference is None else "",
                    "reference": found.reference,
                    "digest": str(image.base.digest),
                }
                for image, found in zip(prepared.plan.images, prepared.bases, strict=True)
                if image.base is not None and found is not None
            },
            "compressors": {
                name: str(target.drv_path) for name, target in sorted(evaluated.compressors.items())
            },
        },
        "derivations": {
            str(image.platform): {
                "build_system": image.build_system,
                "strategy": image.strategy,
                "conf": str(conf.drv_path),
                "output": str(conf.path),
                "variants": dict(variants),
                "writer": str(writer_digest(image, evaluated)),
            }
            for image, conf, variants in zip(
                prepared.plan.images, evaluated.confs, evaluated.variants, strict=True
            )
        },
    }


def _signer(sign: Sign) -> dict[str, Any] | None:
    """Who signs keylessly by the description, as `Identity.named` takes it."""
    text = sign.identity or sign.identity_pattern
    if text is None:
        return None
    return {"identity": text, "pattern": sign.identity is None, "issuer": sign.issuer}


def subjects_of(record: Any) -> tuple[Subject, ...]:
    """The artifacts that a record is about: the index or manifest, and each platform's manifest."""
    image = record["image"]
    reference = f"{image['name']}:{image['tag']}"
    names = {image["digest"]: reference}
    for one in image["platforms"]:
        names.setdefault(one["digest"], f"{reference} {one['platform']}")
    return tuple(Subject(name=name, digest=Digest.parse(text)) for text, name in names.items())


def make_statement(record: Any) -> dict[str, Any]:
    """The record as a statement about the image: each of its digests is a subject."""
    image = record["image"]
    predicate = {
        **record,
        "description": {**record["description"], "path": Path(record["description"]["path"]).name},
        "image": {name: value for name, value in image.items() if name not in ("path", "record")},
    }
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": subject.name, "digest": {"sha256": subject.digest.hex}}
            for subject in subjects_of(record)
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
