"""Bills of materials of images: of those that a description makes, and of those that are there."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nixgen.aside import scratch_folder
from nixgen.attest.cyclonedx import CYCLONEDX_TYPE, make_cyclonedx
from nixgen.attest.inventory import (
    BaseImage,
    Component,
    FileHashes,
    Inventory,
    PackageFacts,
    linked_components,
)
from nixgen.attest.spdx import SPDX_TYPE, make_spdx
from nixgen.attest.statement import Statement, Subject, make_statement
from nixgen.closure.references import walk
from nixgen.closure.variants import format_variants
from nixgen.digest import Digest
from nixgen.errors import MachineError, UsageError
from nixgen.nixcli import Nix
from nixgen.oci import LayerCache, LayoutImage, read_conf
from nixgen.oci.opening import ImageSource
from nixgen.oci.trimming import Trimming
from nixgen.pipeline.closures import ImageClosure, closure_of
from nixgen.pipeline.confs import store_root
from nixgen.pipeline.knowledge import Knowledge, ask_set
from nixgen.pipeline.prepare import Request, resolve_all
from nixgen.pipeline.realise import realise
from nixgen.pipeline.recorded import Recorded, find_recorded
from nixgen.pipeline.state import State
from nixgen.pipeline.trimming import trim_confs
from nixgen.plan import ImagePlan
from nixgen.progress import PhaseStarted
from nixgen.sources import Supply
from nixgen.sources.nar import nar_digest

SbomFormat = Literal["spdx-json", "cyclonedx-json"]

_CHUNK_BYTES = 1 << 20
# https://github.com/opencontainers/image-spec/blob/main/annotations.md
_OCI = "org.opencontainers.image"
_MAKE: Mapping[SbomFormat, tuple[str, Callable[[Inventory], dict[str, Any]]]] = {
    "spdx-json": (SPDX_TYPE, make_spdx),
    "cyclonedx-json": (CYCLONEDX_TYPE, make_cyclonedx),
}


def make_sbom(inventory: Inventory, form: SbomFormat) -> dict[str, Any]:
    """The bill of materials in one of the formats, as a JSON object."""
    _, make = _MAKE[form]
    return make(inventory)


def sbom_statement(inventory: Inventory, form: SbomFormat) -> Statement:
    """The bill of materials as a statement about the image's manifest."""
    predicate_type, make = _MAKE[form]
    name = f"{inventory.reference} {inventory.platform}"
    return make_statement(
        [Subject(name=name, digest=inventory.digest)], predicate_type, make(inventory)
    )


def description_inventory(
    request: Request,
    nix: Nix,
    *,
    state: State,
    supply: Supply,
    cache: LayerCache | None,
    with_files: bool = False,
) -> Inventory:
    """What the image of a description holds, for the one platform of the request.

    Builds what is not built. Raises UsageError where there are several platforms.
    """
    specs = resolve_all(request.read_description(), request)
    if len(specs) > 1:
        known = ", ".join(str(spec.platform) for spec in specs)
        raise UsageError(
            f"{request.description} makes images for {known}: each has a bill of materials",
            hint=f"--platform {specs[0].platform}",
        )
    recorded = find_recorded(request, nix, state=state, supply=supply, cache=cache)
    (inventory,) = (
        each.inventory(with_files=with_files)
        for each in examine(recorded, nix, state=state, supply=supply)
    )
    return inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The image of one platform; its closure can be read until the next one is asked for."""

    recorded: Recorded
    image: ImagePlan
    closure: ImageClosure
    trimming: Trimming | None
    nix: Nix

    def inventory(self, *, with_files: bool = False) -> Inventory:
        """What it holds; asks the package set."""
        (digest,) = (
            one["digest"]
            for one in self.recorded.record["image"]["platforms"]
            if one["platform"] == str(self.image.platform)
        )
        named = _Named(
            name=self.image.name,
            tag=self.image.tag,
            digest=Digest.parse(digest),
            created=_parse_time(self.image.created),
        )
        return _inventory(
            self.closure,
            named,
            knowledge=ask_set(self.recorded.evaluated, self.image, self.nix),
            bases=_bases(self.recorded.record, self.image),
            notes=tuple(self._notes()),
            with_files=with_files,
        )

    def _notes(self) -> Iterator[str]:
        for line in format_variants(self.closure.variants):
            yield f"Taken by the description's rules: {line}."
        if self.trimming is not None:
            yield from _notes(self.trimming)


def examine(recorded: Recorded, nix: Nix, *, state: State, supply: Supply) -> Iterator[Examined]:
    """Each image of a record, in the order of its platforms; builds what is not in the store."""
    evaluated = recorded.evaluated
    confs = realise(evaluated, nix, state=state, supply=supply)
    nix.reporter.report(PhaseStarted(name="look at store paths"))
    store = store_root(nix)
    whole = [read_conf(path, store=store) for path in confs]
    trimmed = trim_confs(evaluated, whole, nix, state=state, store=store)
    for image, variants, (conf, trimming) in zip(
        evaluated.prepared.plan.images, evaluated.variants, trimmed, strict=True
    ):
        with scratch_folder() as folder:
            name = f"{image.name}:{image.tag}"
            closure = closure_of(
                conf, nix, platform=image.platform, name=name, store=store, folder=folder
            )
            closure = dataclasses.replace(closure, variants=variants)
            yield Examined(
                recorded=recorded, image=image, closure=closure, trimming=trimming, nix=nix
            )


def image_inventory(
    closure: ImageClosure,
    image: LayoutImage,
    source: ImageSource,
    *,
    with_files: bool = False,
) -> Inventory:
    """What an image of `source` holds: what no package set says of it is not known.

    Where it is not named, it has the name that its own annotations tell, or that of its place.
    """
    titles = image.annotations
    named = _Named(
        name=source.name or titles.get(f"{_OCI}.title") or Path(source.where).name,
        tag=next(iter(source.tags), "") or titles.get(f"{_OCI}.version", ""),
        # why: a docker-archive has no manifest.
        digest=image.config_digest if source.format == "docker-archive" else image.digest,
        created=_parse_time(str(json.loads(image.config).get("created"))),
    )
    return _inventory(
        closure, named, knowledge=Knowledge(facts={}, static=False), with_files=with_files
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """An image as its bill of materials names it."""

    name: str
    tag: str
    digest: Digest
    created: datetime.datetime


def _inventory(
    closure: ImageClosure,
    named: _Named,
    *,
    knowledge: Knowledge,
    bases: tuple[BaseImage, ...] = (),
    notes: tuple[str, ...] = (),
    with_files: bool,
) -> Inventory:
    facts, present = knowledge.facts, closure.graph.nodes
    references = {
        path: tuple(each for each in node.references if each != path)
        for path, node in present.items()
    }
    linked = linked_components(references, facts) if knowledge.static else {}
    inside = [
        Component(
            path=path,
            facts=facts.get(path, PackageFacts()),
            nar_hash=_nar_hash(closure, path),
            references=references[path],
            linked=tuple(
                each for each in sorted(facts[path].inputs) if each in linked or each in present
            )
            if knowledge.static and path in facts
            else (),
            files=tuple(_hash_files(closure.place(path), path)) if with_files else (),
        )
        for path in present
    ]
    return Inventory(
        name=named.name,
        tag=named.tag,
        platform=closure.platform,
        digest=named.digest,
        created=named.created,
        components=tuple(sorted([*inside, *linked.values()], key=lambda each: each.path)),
        roots=tuple(sorted(closure.graph.roots)),
        bases=bases,
        notes=notes,
    )


def _nar_hash(closure: ImageClosure, path: str) -> Digest:
    try:
        return nar_digest(closure.place(path))
    except OSError as error:
        raise MachineError(f"{path}: can't be read: {error.strerror or error}") from error


def _hash_files(place: Path, path: str) -> Iterator[FileHashes]:
    for name, found in walk(place):
        if not stat.S_ISREG(found.st_mode):
            continue
        sha1, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
        with (place / name if name else place).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                sha1.update(chunk)
                sha256.update(chunk)
        shown = os.fsencode(f"{path}/{name}" if name else path).decode(errors="replace")
        yield FileHashes(path=shown, sha1=sha1.hexdigest(), sha256=sha256.hexdigest())


def _bases(record: Any, image: ImagePlan) -> tuple[BaseImage, ...]:
    base = record["inputs"]["bases"].get(str(image.platform))
    if base is None:
        return ()
    return (BaseImage(name=base["reference"] or base["name"], digest=Digest.parse(base["digest"])),)


def _notes(trimming: Trimming) -> Iterator[str]:
    for saving in trimming.savings:
        yield (
            f"Left out by {saving.reason}: {saving.file_count} "
            f"{'file' if saving.file_count == 1 else 'files'} of {saving.size_bytes} bytes."
        )
    for path, size_bytes in sorted(trimming.gone.items()):
        yield f"Left out, for nothing refers to it: {path} of {size_bytes} bytes."
    for cut in trimming.cuts:
        files = ", ".join(sorted({each.file for each in cut.places}))
        yield f"References cut: from {cut.source} to {cut.target}, in {files}."
    for link in trimming.dangling:
        yield f"Leads to what was left out: the link {link}."


def _parse_time(text: str) -> datetime.datetime:
    """A time of RFC 3339 in UTC, whole seconds: SPDX knows no others."""
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        found = datetime.datetime.fromtimestamp(1, datetime.UTC)
    return found.astimezone(datetime.UTC).replace(microsecond=0)
