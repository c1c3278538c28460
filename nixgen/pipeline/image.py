"""The main job: from a built conf and its closure to an image where the user wants it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.aside import scratch_folder
from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.nixcli import Nix
from nixgen.oci import (
    BuiltImage,
    Compressor,
    ImageConf,
    LayerBuilder,
    LayerCache,
    StoreRoot,
    build_image,
    gzip_compressor,
    read_conf,
    write_docker_archive,
    write_layout,
    write_oci_archive,
    zstd_compressor,
)
from nixgen.oci.trimming import Trimming
from nixgen.oci.writing import work_folder
from nixgen.pipeline.alarm import remember
from nixgen.pipeline.bases import FoundBase
from nixgen.pipeline.confs import store_root
from nixgen.pipeline.entrypoint import check_entrypoint
from nixgen.pipeline.limits import refuse_violations
from nixgen.pipeline.outcome import Format, Outcome, PlatformOutcome
from nixgen.pipeline.prepare import Prepared
from nixgen.pipeline.programs import check_programs
from nixgen.pipeline.realise import Evaluated
from nixgen.pipeline.state import State
from nixgen.pipeline.trimming import rules_of, trim_confs
from nixgen.plan import ImagePlan
from nixgen.progress import PhaseStarted
from nixgen.runtime import RunnableImage

_SUFFIXES: dict[Format, str] = {
    "oci": ".oci",
    "oci-archive": ".oci.tar",
    "docker-archive": ".docker.tar",
}


Accept = Callable[[Sequence[BuiltImage], Sequence[RunnableImage], Path], None]
"""Looks at images that are built and not yet written, with a folder to work in; may refuse them.

Nothing is at the `layout` that the runnable images name.
"""


def default_destination(name: str, form: Format) -> Path:
    """Where an image goes unless told: `./<name>.oci` and the like."""
    return Path(f"{name}{_SUFFIXES[form]}")


def write_image(
    evaluated: Evaluated,
    conf_paths: Sequence[Path],
    nix: Nix,
    *,
    destination: Path,
    form: Format,
    cache: LayerCache | None,
    state: State,
    accept: Accept | None = None,
) -> Outcome:
    """Write the image of built confs.

    Without a cache, or with one that is verified, what was found in store paths before does not
    count. The lockfile learns digests and sizes where the request lets it. Before anything is
    replaced raises ForeignProgramError for programs that can't run in an image, AnswerIsNoError for
    what exceeds the description's limits, what `accept` raises, and IrreproducibleError.
    """
    plan = evaluated.prepared.plan
    if form == "docker-archive" and len(plan.images) > 1:
        raise UsageError(
            "a docker-archive holds one platform", hint="name one with --platform, or use -f oci"
        )
    refuse_own_base(evaluated.prepared, destination)
    store = store_root(nix)
    anew = cache is None or cache.rehash
    drafts = _read_drafts(evaluated, conf_paths, nix, state=state, store=store, anew=anew)
    confs = [draft.conf for draft in drafts]
    check_programs(evaluated, confs, nix, state=state, store=store, anew=anew)
    nix.reporter.report(PhaseStarted(name="write layers"))
    with work_folder(destination) as work:
        images, runnables = [], []
        for draft in drafts:
            compressor = _compressor(draft.plan, evaluated, nix)
            builder = LayerBuilder(work=work, compressor=compressor, cache=cache)
            image, runnable = draft.build(builder, destination, store)
            images.append(image)
            runnables.append(runnable)
        refuse_violations(evaluated, images, runnables, nix)
        if accept is not None:
            accept(images, runnables, work)
        remember(evaluated, images)
        digest = _WRITERS[form](images, destination, plan.images[0])
    return Outcome(
        name=plan.images[0].name,
        tags=plan.images[0].tags,
        path=destination,
        format=form,
        digest=digest,
        platforms=tuple(
            PlatformOutcome.of({**image.as_json(), **draft.as_json()})
            for image, draft in zip(images, drafts, strict=True)
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """One platform's image before its layers: its conf as built, and less what the rules take."""

    plan: ImagePlan
    whole: ImageConf
    conf: ImageConf
    trimming: Trimming | None
    base: FoundBase | None
    variants: Mapping[str, str]

    def build(
        self, builder: LayerBuilder, destination: Path, store: StoreRoot
    ) -> tuple[BuiltImage, RunnableImage]:
        """Write its layers; raises BuildError where it lacks the program that it starts."""
        image, found = self.plan, self.base
        base = None if found is None else found.read(work=builder.work, cache=builder.cache)
        runnable = RunnableImage(
            layout=destination,
            tag=image.tag,
            platform=image.platform,
            conf=self.conf,
            store=store,
        )
        check_entrypoint(
            runnable,
            None if found is None else found.files,
            whole=self.whole,
            rules=rules_of(image),
            variants=self.variants,
        )
        built = build_image(
            self.conf,
            store=store,
            platform=image.platform,
            builder=builder,
            annotations=image.annotations,
            base=base,
        )
        return built, dataclasses.replace(runnable, base=base)

    def as_json(self) -> dict[str, Any]:
        """What the outcome tells of it, besides sizes and layers."""
        closure = {} if self.trimming is None else {"closure": self.trimming.as_json()}
        return {"variants": dict(self.variants), **closure}


def _read_drafts(
    evaluated: Evaluated,
    conf_paths: Sequence[Path],
    nix: Nix,
    *,
    state: State,
    store: StoreRoot,
    anew: bool,
) -> list[_Draft]:
    whole = [read_conf(path, store=store) for path in conf_paths]
    trimmed = trim_confs(evaluated, whole, nix, state=state, store=store, anew=anew)
    prepared = evaluated.prepared
    return [
        _Draft(plan=plan, whole=conf, conf=left, trimming=trimming, base=base, variants=variants)
        for plan, conf, (left, trimming), base, variants in zip(
            prepared.plan.images, whole, trimmed, prepared.bases, evaluated.variants, strict=True
        )
    ]


def write_aside(
    evaluated: Evaluated,
    conf_paths: Sequence[Path],
    nix: Nix,
    *,
    cache: LayerCache | None,
    state: State,
    accept: Accept | None = None,
) -> Outcome:
    """Write the image where it is gone afterwards, but for the layer cache; see `write_image`."""
    with scratch_folder() as folder:
        outcome = write_image(
            evaluated,
            conf_paths,
            nix,
            destination=folder / "image.oci",
            form="oci",
            cache=cache,
            state=state,
            accept=accept,
        )
    if cache is not None:
        cache.bound()
    return outcome


def refuse_own_base(prepared: Prepared, destination: Path) -> None:
    """Raise UsageError where an image would be written over its own base."""
    places = [base.place for base in prepared.bases if base is not None and base.place is not None]
    if any(place.resolve() == destination.resolve() for place in places):
        raise UsageError(
            f"{destination} is the base image that this one begins with",
            hint="name another place with -o",
        )


def _compressor(image: ImagePlan, evaluated: Evaluated, nix: Nix) -> Compressor | None:
    if image.compression == "none":
        return None
    folder = evaluated.compressors[image.compression].path
    program, make = {
        "zstd": ("zstd", zstd_compressor),
        "gzip": ("pigz", gzip_compressor),
    }[image.compression]
    compressor = make(f"{folder}/bin/{program}")
    # why: with another store root the program is not where its store path says.
    place = nix.physical_path(folder) / "bin" / program
    return dataclasses.replace(compressor, argv=(str(place), *compressor.argv[1:]))


def _write_oci(images: Sequence[BuiltImage], path: Path, plan: ImagePlan) -> Digest:
    return write_layout(images, path, tags=plan.tags).digest


def _write_oci_archive(images: Sequence[BuiltImage], path: Path, plan: ImagePlan) -> Digest:
    return write_oci_archive(images, path, tags=plan.tags)


def _write_docker_archive(images: Sequence[BuiltImage], path: Path, plan: ImagePlan) -> Digest:
    repo_tags = [f"{plan.name}:{tag}" for tag in plan.tags]
    return write_docker_archive(images[0], path, repo_tags=repo_tags)


_WRITERS: dict[Format, Callable[[Sequence[BuiltImage], Path, ImagePlan], Digest]] = {
    "oci": _write_oci,
    "oci-archive": _write_oci_archive,
    "docker-archive": _write_docker_archive,
}
