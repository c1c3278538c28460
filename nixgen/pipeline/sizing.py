"""How large the images of a description are, or images that are there, and what they were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from nixgen.closure.sizes import ImageSize, package_sizes
from nixgen.errors import LockError, UsageError
from nixgen.lock import Lock, read_lock
from nixgen.nixcli import Nix
from nixgen.oci import BuiltImage, LayerCache, LayoutImage
from nixgen.oci.opening import ImageSource
from nixgen.oci.unpacking import open_tar
from nixgen.pipeline.closures import closure_of
from nixgen.pipeline.confs import build_confs
from nixgen.pipeline.image import write_aside
from nixgen.pipeline.imageclosures import holds_store_paths, open_image_closures
from nixgen.pipeline.prepare import Request
from nixgen.pipeline.state import State
from nixgen.runtime import RunnableImage
from nixgen.sources import Supply


def measure_description(
    request: Request, nix: Nix, *, state: State, supply: Supply, cache: LayerCache | None
) -> tuple[ImageSize, ...]:
    """Build the images of a description and measure them; they are gone afterwards.

    The lockfile stays as it is. Raises what building and writing them raises.
    """
    evaluated, confs = build_confs(request.looking, nix, state=state, supply=supply)
    found: list[ImageSize] = []

    def measure(
        images: Sequence[BuiltImage], runnables: Sequence[RunnableImage], work: Path
    ) -> None:
        for image, runnable in zip(images, runnables, strict=True):
            found.append(_measure_built(image, runnable, nix, work))

    write_aside(evaluated, confs, nix, cache=cache, state=state, accept=measure)
    return tuple(found)


def _measure_built(image: BuiltImage, runnable: RunnableImage, nix: Nix, work: Path) -> ImageSize:
    closure = closure_of(
        runnable.conf,
        nix,
        platform=image.platform,
        name=str(image.platform),
        store=runnable.store,
        folder=work,
    )
    return ImageSize(
        platform=str(image.platform),
        size_bytes=image.size_bytes,
        unpacked_bytes=image.unpacked_bytes,
        layer_count=len(image.layers),
        packages=package_sizes(closure.measure()),
    )


def measure_images(source: ImageSource, images: Sequence[LayoutImage]) -> tuple[ImageSize, ...]:
    """Measure images that are there; every layer is read. Raises BuildError for damaged ones."""
    closed = [image for image in images if holds_store_paths(image)]
    with ExitStack() as stack:
        closures = stack.enter_context(open_image_closures(source, closed)) if closed else ()
        packages = {
            image.digest: package_sizes(closure.measure())
            for image, closure in zip(closed, closures, strict=True)
        }
    return tuple(
        ImageSize(
            platform=str(image.platform),
            size_bytes=sum(layer.descriptor.size_bytes for layer in image.layers),
            unpacked_bytes=_unpacked_bytes(source, image),
            layer_count=len(image.layers),
            packages=packages.get(image.digest),
        )
        for image in images
    )


def _unpacked_bytes(source: ImageSource, image: LayoutImage) -> int:
    total = 0
    for layer in image.layers:
        with open_tar(source, layer) as tar:
            while data := tar.read():
                total += len(data)
    return total


def read_recorded(path: Path, *, profile: str | None, build_system: str) -> tuple[ImageSize, ...]:
    """The sizes that a lockfile records for a profile; raises LockError."""
    lock = read_lock(path)
    if lock is None:
        raise LockError(f"{path}: there is no lockfile", hint="`nixgen image` writes it")
    return recorded_sizes(lock, profile=profile, build_system=build_system)


def recorded_sizes(lock: Lock, *, profile: str | None, build_system: str) -> tuple[ImageSize, ...]:
    """The sizes in a lock, sorted by platform; those built on `build_system` before others."""
    found: dict[str, ImageSize] = {}
    for (name, platform, system), result in sorted(lock.results.items()):
        if name != (profile or "") or result.size_bytes is None or result.unpacked_bytes is None:
            continue
        size = ImageSize(
            platform=platform,
            size_bytes=result.size_bytes,
            unpacked_bytes=result.unpacked_bytes,
        )
        if system == build_system:
            found[platform] = size
        else:
            found.setdefault(platform, size)
    return tuple(found.values())


def refuse_unrecorded(wanted: Iterable[str], before: Iterable[ImageSize], where: str) -> None:
    """Raise UsageError for a platform whose growth can't be told: it was not there before."""
    known = {each.platform for each in before}
    if missing := [platform for platform in wanted if platform not in known]:
        raise UsageError(
            f"{where} has no size for {', '.join(missing)}, so growth can't be told",
            hint="`nixgen image` records sizes in the lockfile; --against names another image",
        )
