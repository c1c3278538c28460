"""The main job: from a built conf and its closure to an image where the user wants it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nixgen.aside import scratch_folder
from nixgen.closure.variants import format_variants
from nixgen.digest import Digest
from nixgen.errors import BuildError, IrreproducibleError, UsageError
from nixgen.lock import LockedResult, lock_path, write_lock
from nixgen.nixcli import Nix
from nixgen.oci import (
    BuiltImage,
    Compressor,
    LayerBuilder,
    LayerCache,
    build_image,
    canonical_json,
    gzip_compressor,
    read_conf,
    write_docker_archive,
    write_layout,
    write_oci_archive,
    zstd_compressor,
)
from nixgen.oci.trimming import Trimming
from nixgen.oci.writing import work_folder
from nixgen.pipeline.bases import FoundBase
from nixgen.pipeline.confs import store_root
from nixgen.pipeline.entrypoint import check_entrypoint, refuse_left_out
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
    whole = [read_conf(path, store=store) for path in conf_paths]
    anew = cache is None or cache.rehash
    trimmed = trim_confs(evaluated, whole, nix, state=state, store=store, anew=anew)
    confs = [conf for conf, _ in trimmed]
    check_programs(evaluated, confs, nix, state=state, store=store, anew=anew)
    nix.reporter.report(PhaseStarted(name="write layers"))
    with work_folder(destination) as work:
        images, runnables = [], []
        for image, conf, untrimmed, found, variants in zip(
            plan.images, confs, whole, evaluated.prepared.bases, evaluated.variants, strict=True
        ):
            base = None if found is None else found.read(work=work, cache=cache)
            runnable = RunnableImage(
                layout=destination, tag=image.tag, platform=image.platform, conf=conf, store=store
            )
            try:
                _check_entrypoint(runnable, found, variants)
            except BuildError:
                if conf != untrimmed:
                    refuse_left_out(runnable, untrimmed, rules_of(image))
                raise
            runnables.append(dataclasses.replace(runnable, base=base))
            builder = LayerBuilder(
                work=work, compressor=_compressor(image, evaluated, nix), cache=cache
            )
            images.append(
                build_image(
                    conf,
                    store=store,
                    platform=image.platform,
                    builder=builder,
                    annotations=image.annotations,
                    base=base,
                )
            )
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
            PlatformOutcome.of(
                {**image.as_json(), "variants": dict(variants), **_trimmed_json(trimming)}
            )
            for image, variants, (_, trimming) in zip(
                images, evaluated.variants, trimmed, strict=True
            )
        ),
    )


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


def _check_entrypoint(
    image: RunnableImage, base: FoundBase | None, variants: Mapping[str, str]
) -> None:
    """As `check_entrypoint`, with the way back where a smaller package may lack the program."""
    try:
        check_entrypoint(image, None if base is None else base.files)
    except BuildError as error:
        if not variants:
            raise
        names = ", ".join(f'"{name}"' for name in variants)
        told = "\n".join(f"  {line}" for line in format_variants(variants))
        raise BuildError(
            f"{error.message}\n{told}", hint=f"[closure] as-named = [{names}]  takes what is named"
        ) from error


def _trimmed_json(trimming: Trimming | None) -> dict[str, Any]:
    return {} if trimming is None else {"closure": trimming.as_json()}


def refuse_own_base(prepared: Prepared, destination: Path) -> None:
    """Raise UsageError where an image would be written over its own base."""
    places = [base.place for base in prepared.bases if base is not None and base.place is not None]
    if any(place.resolve() == destination.resolve() for place in places):
        raise UsageError(
            f"{destination} is the base image that this one begins with",
            hint="name another place with -o",
        )


def remember(evaluated: Evaluated, images: Sequence[BuiltImage]) -> None:
    """Compare with the lock's last results, then record the new ones.

    Raises IrreproducibleError where the same derivation, written in the same way, once gave
    another digest.
    """
    prepared = evaluated.prepared
    lock = prepared.lock
    for image, target, built in zip(prepared.plan.images, evaluated.confs, images, strict=True):
        key = (prepared.request.profile or "", str(image.platform), image.build_system)
        result = LockedResult(
            derivation=str(target.drv_path),
            writer=writer_digest(image, evaluated),
            manifest=built.digest,
            size_bytes=built.size_bytes,
            unpacked_bytes=built.unpacked_bytes,
        )
        old = lock.results.get(key)
        if (
            old is not None
            and (old.derivation, old.writer) == (result.derivation, result.writer)
            and old.manifest != result.manifest
        ):
            raise IrreproducibleError(
                f"{image.platform}: the same derivation gave another image\n"
                f"  derivation {result.derivation}\n"
                f"  locked     {old.manifest}\n"
                f"  built      {result.manifest}",
                hint=f"`nix-store --realise --check {result.derivation}` rebuilds the last step "
                "and compares (`nixgen audit`, which is to do so for every step, is not there "
                "yet); `nixgen lock` accepts the new digest",
            )
        lock = lock.with_result(key, result)
    if prepared.request.may_write_lock:
        write_lock(lock_path(prepared.description.path), lock)


def writer_digest(image: ImagePlan, evaluated: Evaluated) -> Digest:
    """The digest of all that an image's bytes depend on besides its conf's derivation."""
    compressor = evaluated.compressors.get(image.compression)
    rules = rules_of(image)
    parameters = {
        "annotations": dict(image.annotations),
        "compression": image.compression,
        "compressor": str(compressor.drv_path) if compressor else "",
        **({} if rules.leaves_out_nothing else {"closure": rules.as_json()}),
        "platform": str(image.platform),
        "writer": 1,
    }
    if image.base is not None:
        parameters["base"] = str(image.base.digest)
    return Digest.of_bytes(canonical_json(parameters))


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
