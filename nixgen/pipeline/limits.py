"""Holding built images against the limits of their description, before anything is written."""

from __future__ import annotations

import stat
import tarfile
from collections.abc import Iterator, Sequence
from typing import IO, cast

from nixgen.closure.limits import ImageFacts, ImageFile, find_violations
from nixgen.errors import AnswerIsNoError, BuildError
from nixgen.nixcli import Nix
from nixgen.oci import BuiltImage, StoreRoot
from nixgen.oci.base import BaseImage
from nixgen.oci.tar import walk_store_path
from nixgen.oci.trimmed import image_path, is_absent
from nixgen.oci.trimming import read_own_files
from nixgen.oci.unpacking import open_tar
from nixgen.pipeline.closures import read_graph
from nixgen.pipeline.knowledge import ask_set
from nixgen.pipeline.realise import Evaluated
from nixgen.plan import ImagePlan
from nixgen.runtime import RunnableImage


def refuse_violations(
    evaluated: Evaluated,
    images: Sequence[BuiltImage],
    runnables: Sequence[RunnableImage],
    nix: Nix,
) -> None:
    """Raise AnswerIsNoError with every limit that an image exceeds; all in the plan's order."""
    plans = evaluated.prepared.plan.images
    problems = [
        problem
        for plan, image, runnable in zip(plans, images, runnables, strict=True)
        if not plan.closure.limits.ask_nothing
        for problem in find_violations(
            plan.closure.limits, _facts(evaluated, plan, image, runnable, nix)
        )
    ]
    if problems:
        raise AnswerIsNoError("the image is not what [closure] allows", problems=problems)


def _facts(
    evaluated: Evaluated, plan: ImagePlan, image: BuiltImage, runnable: RunnableImage, nix: Nix
) -> ImageFacts:
    limits = plan.closure.limits
    names_packages = limits.forbid or limits.allow_only
    store_paths = runnable.conf.store_paths
    looks_at_files = limits.no_shell or limits.no_setuid or limits.no_world_writable
    return ImageFacts(
        platform=str(image.platform),
        size_bytes=image.size_bytes,
        unpacked_bytes=image.unpacked_bytes,
        layer_count=len(image.layers),
        graph=read_graph(runnable.conf, nix, store=runnable.store),
        linked=ask_set(evaluated, plan, nix).linked(store_paths) if names_packages else {},
        files=tuple(_files(runnable)) if looks_at_files else (),
    )


def _files(runnable: RunnableImage) -> Iterator[ImageFile]:
    """The files of the image, those of its base first."""
    conf, store = runnable.conf, runnable.store
    if runnable.base is not None:
        yield from _base_files(runnable.base)
    for path in conf.store_paths:
        yield from _store_files(path, conf.absent, store)
    for own in read_own_files(conf, store):
        if not is_absent(own.path, conf.absent):
            is_link = own.link is not None
            yield ImageFile(path=own.path, mode=own.mode, is_folder=own.is_folder, is_link=is_link)


def _store_files(path: str, absent: frozenset[str], store: StoreRoot) -> Iterator[ImageFile]:
    for name, _, found in walk_store_path(path, store, absent=absent):
        yield ImageFile(
            path=name,
            mode=stat.S_IMODE(found.st_mode),
            is_folder=stat.S_ISDIR(found.st_mode),
            is_link=stat.S_ISLNK(found.st_mode),
        )


def _base_files(base: BaseImage) -> Iterator[ImageFile]:
    """The files of every layer of a base; what a higher layer removes is still in the image."""
    for source in base.sources:
        with open_tar(source, source.layer) as stream:
            try:
                with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|") as tar:
                    for member in tar:
                        yield ImageFile(
                            path=image_path(member.name),
                            mode=member.mode,
                            is_folder=member.isdir(),
                            is_link=member.issym(),
                        )
            except tarfile.TarError as error:
                raise BuildError(f"{base.where}: a layer is damaged: {error}") from error
