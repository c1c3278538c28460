"""Finding base images: where a name leads, pinned for each platform, and what is in them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nixgen.aside import scratch_folder
from nixgen.digest import Digest
from nixgen.errors import BuildError, NetworkError, UsageError
from nixgen.lock import PinnedBase
from nixgen.oci import LayerCache
from nixgen.oci.base import BaseImage, runtime_config_of
from nixgen.oci.basefetch import find_base, read_base
from nixgen.oci.basefiles import read_root_files
from nixgen.oci.confbase import open_compressed
from nixgen.oci.moved import Moved
from nixgen.oci.opening import ImageSource
from nixgen.oci.reading import LayoutImage
from nixgen.oci.reference import ImagePlace
from nixgen.pipeline.knownbases import KnownBase, KnownBases
from nixgen.pipeline.unchanged import Surveyed
from nixgen.plan import Base
from nixgen.platforms import Platform
from nixgen.progress import Notice, PhaseStarted, Reporter, Silent
from nixgen.rootfiles import RootFiles
from nixgen.spec.model import BaseName
from nixgen.spec.texts import BASE_FORMS


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseAccess:
    """How base images are reached: `offline` is without a network; the rest see `Registry`.

    NIXGEN_OFFLINE set to other than 0 is `offline` too.
    """

    offline: bool = False
    plain_http: bool | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBase:
    """The base image of one platform: which it is, and what has to be known for the plan.

    `reference` is the repository and tag without a digest, for one from a registry; `surveyed` is
    what one on disk was before it was read. `has_manifest` is False for a docker-archive.
    """

    name: BaseName
    platform: Platform
    pinned: PinnedBase
    image: LayoutImage
    files: RootFiles
    reference: str | None
    surveyed: Surveyed | None
    has_manifest: bool
    finder: BaseFinder

    @property
    def place(self) -> Path | None:
        """Where a base on disk lies."""
        return None if self.surveyed is None else self.surveyed.place

    def for_plan(self) -> Base:
        """What the plan is made from."""
        return Base(
            name=self.name.text,
            reference=self.reference,
            digest=self.pinned.manifest,
            has_manifest=self.has_manifest,
            layers=len(self.image.layers),
            runtime=runtime_config_of(self.image),
            files=self.files,
        )

    def read(self, *, work: Path, cache: LayerCache | None) -> BaseImage:
        """Its layers as files, in the cache or in `work`; fetched only where they are not there.

        Without a `cache` the user's own serves: it has what was fetched, and nothing is made anew.
        Raises what opening and reading the image raises, and BuildError where one on disk is
        another by now.
        """
        cache = cache or self.finder.layer_cache()
        found = find_base(self.image, self.name.text, cache=cache)
        if found is not None:
            return found
        with self.finder.opened(self.name, self.platform, manifest=self.pinned.manifest) as opened:
            if opened.image.digest != self.pinned.manifest:
                raise BuildError(f"the base image {self.name.text} changed while it was used")
            return self.finder.read(opened, work=work, cache=cache)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBase:
    """A base image open for reading. `named` is the digest of what its name stands for.

    `surveyed` is of one on disk, from before it was opened.
    """

    source: ImageSource
    image: LayoutImage
    named: Digest
    surveyed: Surveyed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseFinder:
    """Finds base images for the description in `project_dir`."""

    project_dir: Path
    access: BaseAccess
    environ: Mapping[str, str]
    reporter: Reporter = field(default_factory=Silent)

    def pin(self, name: BaseName, platform: Platform) -> PinnedBase:
        """What the name stands for now. Raises UsageError where there is no such image, or none
        for the platform, BuildError where it is damaged, NetworkError.
        """
        with self.opened(name, platform) as opened:
            return PinnedBase(manifest=opened.image.digest, named=opened.named)

    def find(self, name: BaseName, platform: Platform, locked: PinnedBase | None) -> FoundBase:
        """The base image: of a registry, the one that is `locked`, if any; on disk, what is there.

        Nothing is fetched for one that is locked and known. Raises as `pin` does, and BuildError
        for what can't be a base.
        """
        known = KnownBases.of_user(self.environ)
        if name.kind == "registry" and locked is not None:
            base = known.find(locked.manifest)
            if base is not None:
                return self._found(name, platform, locked, base, has_manifest=True)
        manifest = locked.manifest if locked is not None and name.kind == "registry" else None
        with self.opened(name, platform, manifest=manifest) as opened:
            base = known.find(opened.image.digest)
            if base is None:
                base = KnownBase(image=opened.image, files=self._read_files(opened))
                known.keep(base)
            pinned = PinnedBase(manifest=opened.image.digest, named=opened.named)
            if manifest is not None and locked is not None:
                pinned = locked
            has_manifest = opened.source.format != "docker-archive"
            return self._found(
                name, platform, pinned, base, has_manifest=has_manifest, surveyed=opened.surveyed
            )

    @contextlib.contextmanager
    def opened(
        self, name: BaseName, platform: Platform, *, manifest: Digest | None = None
    ) -> Iterator[OpenedBase]:
        """Open a base image; from a registry that of `manifest` instead of what it is named."""
        surveyed: Surveyed | None = None
        with contextlib.ExitStack() as stack:
            if name.kind == "disk":
                work = stack.enter_context(scratch_folder())
                place = disk_place(name, self.project_dir)
                with contextlib.suppress(FileNotFoundError):
                    surveyed = Surveyed.of(place.path)
                stored = open_compressed(place.path, work=work, form=place.form, tag=place.tag)
                source: ImageSource = dataclasses.replace(stored, where=name.text)
            else:
                source = stack.enter_context(self._open_registry(name, platform, manifest))
            yield OpenedBase(
                source=source,
                image=_choose(source, platform),
                named=source.top.digest,
                surveyed=surveyed,
            )

    @contextlib.contextmanager
    def _open_registry(
        self, name: BaseName, platform: Platform, manifest: Digest | None
    ) -> Iterator[ImageSource]:
        from nixgen.sources.supply import OFFLINE_VARIABLE

        if self.access.offline or self.environ.get(OFFLINE_VARIABLE, "0") not in ("", "0"):
            raise NetworkError(
                f"the base image {name.text} for {platform} is not on this machine, and you are "
                "offline",
                hint="run the same command once with a network, or keep the base on disk: "
                f"nixgen pull {name.text} -o base.oci, and write from = './base.oci'",
            )
        # why here: what needs no registry needs none of their code.
        from nixgen.pipeline.publish import RegistryAccess
        from nixgen.registry import ImageReference
        from nixgen.registry.source import open_registry_image

        self.reporter.report(PhaseStarted(name=f"fetch the base image {name.text}"))
        access = RegistryAccess(
            environ=self.environ,
            plain_http=self.access.plain_http,
            ca_file=self.access.ca_file,
            reporter=self.reporter,
        )
        reference = ImageReference.parse(name.text)
        if manifest is not None:
            reference = reference.with_digest(manifest)
        with access.open(reference) as registry:
            yield open_registry_image(registry, platform=None if manifest else platform)

    def read(self, opened: OpenedBase, *, work: Path, cache: LayerCache) -> BaseImage:
        """An open base's layers as files, in the cache or in `work`; raises as `read_base` does."""
        sizes = {layer.descriptor.digest: layer.descriptor for layer in opened.image.layers}
        told = Moved(self.reporter, "fetched", [each.size_bytes for each in sizes.values()])
        return read_base(opened.source, opened.image, work=work, cache=cache, moved=told.add)

    def layer_cache(self) -> LayerCache:
        """The user's layer cache; raises UsageError where its bound is no size."""

        def warn(text: str) -> None:
            self.reporter.report(Notice(text=text))

        return LayerCache.of_user(self.environ, warn=warn)

    def _read_files(self, opened: OpenedBase) -> RootFiles:
        with scratch_folder() as work:
            return read_root_files(self.read(opened, work=work, cache=self.layer_cache()))

    def _found(
        self,
        name: BaseName,
        platform: Platform,
        pinned: PinnedBase,
        base: KnownBase,
        *,
        has_manifest: bool,
        surveyed: Surveyed | None = None,
    ) -> FoundBase:
        return FoundBase(
            name=name,
            platform=platform,
            pinned=pinned,
            image=base.image,
            files=base.files,
            reference=None if name.kind == "disk" else _reference(name.text),
            surveyed=surveyed,
            has_manifest=has_manifest,
            finder=self,
        )


def disk_place(name: BaseName, project_dir: Path) -> ImagePlace:
    """Where a base on disk lies; its path is relative to the project's folder."""
    form = next((form for form in BASE_FORMS if name.text.startswith(form)), "")
    path = os.path.normpath(project_dir / name.text[len(form) :])
    return ImagePlace.parse(f"{form}{path}")


def _reference(text: str) -> str:
    """Host, repository and tag of a reference, written in full."""
    from nixgen.registry import ImageReference

    return str(dataclasses.replace(ImageReference.parse(text), digest=None))


def _choose(source: ImageSource, platform: Platform) -> LayoutImage:
    """The image for a platform; a config may leave out the variant where there is no choice."""
    for image in source.images:
        if image.platform == platform:
            return image
    plain = Platform(platform.os, platform.architecture)
    near = [image for image in source.images if image.platform == plain]
    if len(near) == 1:
        return near[0]
    known = ", ".join(str(image.platform) for image in source.images)
    raise UsageError(
        f"the base image {source.where} is not there for {platform}, but for {known}",
        hint="leave the platform out, or take another base",
    )
