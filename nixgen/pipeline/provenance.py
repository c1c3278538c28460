"""Provenance from a build record and the build graph that Nix has of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nixgen.attest.provenance import (
    LOCAL_BUILDER,
    PROVENANCE_TYPE,
    Builder,
    Material,
    PlatformBuild,
    Provenance,
)
from nixgen.attest.purls import image_purl
from nixgen.attest.statement import Statement, make_statement
from nixgen.digest import Digest
from nixgen.errors import MachineError
from nixgen.nixcli import Derivation, Nix, StorePath
from nixgen.pipeline.materials import fixed_outputs, material_of
from nixgen.pipeline.record import subjects_of
from nixgen.pipeline.sourcing import bundled_catalogue


def provenance_statement(record: Any, nix: Nix, *, builder_id: str = LOCAL_BUILDER) -> Statement:
    """The provenance of the image that a record is about, as a statement about it.

    Raises MachineError where a derivation of the record is no longer in the store.
    """
    derivations = [StorePath.parse(text) for text in _derivations(record)]
    gone = sorted(set(derivations) - nix.is_valid(derivations))
    if gone:
        raise MachineError(
            f"{gone[0]} is no longer in the store, which tells what the image was made from",
            hint=f"nixgen plan {record['description']['path']}  puts it there again",
        )
    graph = nix.build_graph(derivations)
    provenance = make_provenance(record, graph, builder_id=builder_id)
    return make_statement(subjects_of(record), PROVENANCE_TYPE, provenance.predicate())


def make_provenance(
    record: Any, graph: Mapping[StorePath, Derivation], *, builder_id: str
) -> Provenance:
    """The provenance by a record; `graph` holds its derivations and all that they come from."""
    description, inputs, conditions = record["description"], record["inputs"], record["conditions"]
    return Provenance(
        description=Digest.parse(description["digest"]),
        description_name=description["path"].rpartition("/")[2],
        profile=description["profile"],
        variables=description["variables"],
        tags=record["image"]["tags"],
        lock=Digest.parse(inputs["lock"]),
        package_set=(inputs["packages"]["kind"], Digest.parse(inputs["packages"]["digest"])),
        generated=Digest.parse(inputs["generated"]),
        builds=[
            PlatformBuild(
                platform=platform,
                build_system=build["build_system"],
                strategy=build["strategy"],
                derivation=build["conf"],
                variants=build["variants"],
                writer=Digest.parse(build["writer"]),
            )
            for platform, build in record["derivations"].items()
        ],
        materials=[*_trees(record), *_bases(inputs), *_sources(record, graph)],
        builder=Builder(
            id=builder_id,
            version={"nixgen": conditions["nixgen"], "nix": conditions["nix"]},
            conditions={
                name: value
                for name, value in sorted(conditions.items())
                if name not in ("nixgen", "nix")
            },
        ),
    )


def _derivations(record: Any) -> list[str]:
    confs = [build["conf"] for build in record["derivations"].values()]
    return [*confs, *record["inputs"]["compressors"].values()]


def _trees(record: Any) -> Iterator[Material]:
    inputs = record["inputs"]
    yield Material(
        name="nixgen library",
        uri="urn:nixgen:library",
        digest={"narHash": Digest.parse(inputs["library"]).hex},
    )
    if inputs["packages"]["kind"] != "bundled":
        nar_hash = Digest.parse(inputs["packages"]["digest"])
        yield Material(name="package set", digest={"narHash": nar_hash.hex})
    revision = record["description"]["revision"]
    digest, annotations = {}, {}
    if inputs["source"] is not None:
        digest["narHash"] = Digest.parse(inputs["source"]).hex
    if revision is not None:
        digest["gitCommit"] = revision["commit"]
        annotations["clean"] = revision["clean"]
    if digest:
        address = revision["repository"] if revision is not None else None
        yield Material(
            name="project source",
            uri=None if address is None else f"git+{address}",
            digest=digest,
            annotations=annotations,
        )


def _bases(inputs: Any) -> Iterator[Material]:
    for platform, base in inputs["bases"].items():
        digest = Digest.parse(base["digest"])
        reference = base["reference"]
        yield Material(
            name=f"base image {reference or base['name']} for {platform}",
            uri=None if reference is None else image_purl(reference, digest),
            digest={"sha256": digest.hex},
        )


def _sources(record: Any, graph: Mapping[StorePath, Derivation]) -> Iterator[Material]:
    known = {source.store_path(): source for source in bundled_catalogue().sources}
    roots = [StorePath.parse(text) for text in _derivations(record)]
    for derivation in fixed_outputs(roots, graph):
        yield material_of(derivation, known.get(str(derivation.outputs["out"])))
