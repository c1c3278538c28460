"""Images opened by name wherever they are, and copied to wherever they are to go."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nixgen.digest import Digest
from nixgen.engine import Engine, Loaded, choose_engine, load_image
from nixgen.errors import MachineError, UsageError
from nixgen.oci.copying import Copied, check_destination, copy_image
from nixgen.oci.opening import ImageSource, choose_image, open_stored
from nixgen.oci.reading import LayoutImage
from nixgen.oci.reference import ImagePlace, check_tag, is_there
from nixgen.pipeline.naming import EngineTarget, guess, parse_source, parse_target
from nixgen.pipeline.outcome import Outcome
from nixgen.pipeline.publish import RegistryAccess
from nixgen.platforms import Platform, native_platform
from nixgen.progress import PhaseStarted, Reporter, Silent
from nixgen.registry import (
    ImageReference,
    PullResult,
    PushResult,
    RegistryImage,
    open_registry_image,
    pull,
    push,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOutcome:
    """A copy, wherever it went. `digest` is what names it there.

    `format` is that of the place, `registry`, `docker` or `podman`; `referrers` their number.
    """

    destination: str
    format: str
    tags: tuple[str, ...]
    digest: Digest
    referrers: int
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The document of `nixgen copy --json`."""
        return {
            "destination": self.destination,
            "format": self.format,
            "tags": list(self.tags),
            "digest": str(self.digest),
            "referrers": self.referrers,
            **self.details,
        }


@contextlib.contextmanager
def open_image(
    text: str, access: RegistryAccess, *, platform: Platform | None = None
) -> Iterator[ImageSource]:
    """An image by its name, open as long as the context is; layers are read only when asked for.

    With `platform`, of an image in a registry only that is fetched. Raises UsageError for what is
    no name or is not there, NetworkError, BuildError where it is damaged.
    """
    name = parse_source(text)
    if isinstance(name, ImageReference):
        with access.open(name) as registry:
            yield open_registry_image(registry, platform=platform)
        return
    try:
        source = name.open()
    except UsageError as error:
        if error.hint is None and not is_there(name.path):
            error.hint = guess(text, name)
        raise
    yield source


def copy(
    source_name: str,
    target_name: str,
    access: RegistryAccess,
    *,
    platform: Platform | None = None,
    with_referrers: bool = True,
) -> CopyOutcome:
    """Copy an image from anywhere to anywhere; every digest is checked on the way.

    A target without a tag gets all the source's. Raises as `open_image`, and MachineError where
    the target can't be written.
    """
    target = parse_target(target_name)
    parse_source(source_name)
    if isinstance(target, ImagePlace):
        # why here: a wrong target is told before anything is fetched.
        check_destination(target.form, target.path)
        check_tag(target)
    with open_image(source_name, access, platform=platform) as source:
        if isinstance(target, EngineTarget):
            image = choose_runnable(source, platform)
            engine = choose_engine(target.engine)
            reporter = access.reporter or Silent()
            return of_loaded(
                load_image(engine, source, image, names=target.names, reporter=reporter)
            )
        options = _Options(access=access, platform=platform, with_referrers=with_referrers)
        if isinstance(target, ImageReference):
            return _to_registry(source, target, options)
        return _to_place(source, target, options)


def choose_runnable(source: ImageSource, platform: Platform | None) -> LayoutImage:
    """The image for an engine: that of the platform, the only one, or this machine's own."""
    if platform is None and len(source.images) > 1:
        with contextlib.suppress(MachineError):
            native = native_platform()
            if any(image.platform == native for image in source.images):
                return choose_image(source, native)
    return choose_image(source, platform)


def load(
    outcome: Outcome, engine: Engine, *, platform: Platform | None, reporter: Reporter
) -> Loaded:
    """Load an image that was just written into an engine, under all its tags.

    Raises EngineError, and UsageError where `platform` must be named.
    """
    source = open_stored(outcome.path, tag=outcome.tag)
    names = [f"{outcome.name}:{tag}" for tag in outcome.tags]
    image = choose_runnable(source, platform)
    return load_image(engine, source, image, names=names, reporter=reporter)


def of_loaded(loaded: Loaded) -> CopyOutcome:
    """What `nixgen copy` tells of an image in an engine."""
    return CopyOutcome(
        destination=loaded.names[0],
        format=loaded.engine,
        tags=loaded.names,
        digest=loaded.digest or loaded.image_id,
        referrers=0,
        details={"image_id": str(loaded.image_id), "platform": str(loaded.platform)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    access: RegistryAccess
    platform: Platform | None
    with_referrers: bool

    @property
    def reporter(self) -> Reporter:
        return self.access.reporter or Silent()


def _to_registry(
    source: ImageSource,
    target: ImageReference,
    options: _Options,
) -> CopyOutcome:
    if target.digest is not None:
        raise UsageError(
            f"{target}: a copy has the digest that its bytes have", hint="leave out @sha256:…"
        )
    mount_from = []
    if isinstance(source, RegistryImage) and source.registry.reference.host == target.host:
        mount_from.append(source.registry.reference.repository)
    tags = (target.tag,) if target.tag else source.tags
    with options.access.open(target) as registry:
        pushed = push(
            source,
            registry,
            platform=options.platform,
            tags=tags,
            mount_from=mount_from,
            with_referrers=options.with_referrers,
        )
    return _of_pushed(pushed)


def _of_pushed(pushed: PushResult) -> CopyOutcome:
    names = ("uploaded_bytes", "uploaded_blobs", "mounted_blobs", "skipped_blobs")
    return CopyOutcome(
        destination=str(pushed.reference),
        format="registry",
        tags=pushed.tags,
        digest=pushed.digest,
        referrers=len(pushed.referrers),
        details={name: getattr(pushed, name) for name in names},
    )


def _to_place(
    source: ImageSource,
    target: ImagePlace,
    options: _Options,
) -> CopyOutcome:
    form = check_destination(target.form, target.path)
    tags = [target.tag] if target.tag else []
    if form == "oci" and isinstance(source, RegistryImage):
        return _of_pulled(
            pull(
                source.registry,
                target.path,
                platform=options.platform,
                tags=tags,
                with_referrers=options.with_referrers,
            )
        )
    options.reporter.report(PhaseStarted(name=f"copy {source.where}"))
    return _of_copied(
        copy_image(
            source,
            target.path,
            form=form,
            tags=tags,
            platform=options.platform,
            with_referrers=options.with_referrers,
            reporter=options.reporter,
        )
    )


def _of_pulled(pulled: PullResult) -> CopyOutcome:
    names = ("downloaded_bytes", "downloaded_blobs", "skipped_blobs")
    return CopyOutcome(
        destination=str(pulled.path),
        format="oci",
        tags=pulled.tags,
        digest=pulled.digest,
        referrers=len(pulled.referrers),
        details={name: getattr(pulled, name) for name in names},
    )


def _of_copied(copied: Copied) -> CopyOutcome:
    return CopyOutcome(
        destination=str(copied.path),
        format=copied.format,
        tags=copied.tags,
        digest=copied.digest,
        referrers=copied.referrers,
    )
