"""An image in a registry for reading, as an `ImageSource`: nothing is fetched that is not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from nixgen.errors import UsageError
from nixgen.oci.image import CONFIG_TYPE, Descriptor
from nixgen.oci.reading import LayoutImage, parse_image
from nixgen.oci.verified import Verified
from nixgen.platforms import Platform
from nixgen.registry.client import Registry
from nixgen.registry.documents import Manifest
from nixgen.registry.errors import MalformedAnswerError, WrongDigestError, bounded
from nixgen.registry.reference import DEFAULT_TAG
from nixgen.registry.referrers import find_referrers

_LARGEST_CONFIG_BYTES = 16 << 20


class RegistryImage:
    """See `ImageSource`. `registry` must stay open as long as this is read.

    `where` and `name` are the reference's; `tags` holds its tag, nothing beside a digest alone.
    """

    format = "registry"

    def __init__(
        self, registry: Registry, top: Manifest, images: Sequence[tuple[Manifest, LayoutImage]]
    ) -> None:
        reference = registry.reference
        self.registry = registry
        self.where = str(reference)
        self.name: str | None = reference.name
        tag = reference.tag or (DEFAULT_TAG if reference.digest is None else None)
        self.tags: tuple[str, ...] = () if tag is None else (tag,)
        self.top = top.descriptor
        self.images = tuple(image for _, image in images)
        self._subjects = (top.digest, *(each.digest for each, _ in images))
        self._read = {top.digest: top, **{each.digest: each for each, _ in images}}

    @cached_property
    def referrers(self) -> tuple[Descriptor, ...]:
        """See `ImageSource`; asked for when first read. Raises NetworkError."""
        found = find_referrers(self.registry, self._subjects)
        self._read |= {manifest.digest: manifest for _, manifest in found}
        return tuple(entry for entry, _ in found)

    def open_blob(self, descriptor: Descriptor) -> Verified:
        """See `ImageSource`; raises NetworkError."""
        return Verified(
            lambda: self.registry.open_blob(descriptor),
            descriptor,
            self.where,
            fault=WrongDigestError,
        )

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """See `ImageSource`; raises NetworkError."""
        known = self._read.get(descriptor.digest)
        if known is None:
            known = self._read[descriptor.digest] = self.registry.get_manifest(descriptor.digest)
        return known.data


def open_registry_image(registry: Registry, *, platform: Platform | None = None) -> RegistryImage:
    """Read the manifests and configs of what the registry's reference names; no layers.

    With `platform` only those of that platform are fetched, and `top` stays what is named.
    Raises NetworkError, UsageError where there is no image, or none for that platform.
    """
    reference = registry.reference
    top = registry.get_manifest(reference.target)
    if top.is_index:
        images = _images_of_index(registry, top, platform)
    else:
        image = _read_image(registry, top)
        images = [(top, image)] if platform in (None, image.platform) else []
    if not images:
        wanted = "no image" if platform is None else f"no image for {platform}"
        raise UsageError(f"{reference} holds {wanted}", hint=_known(top))
    return RegistryImage(registry, top, images)


def _images_of_index(
    registry: Registry, index: Manifest, platform: Platform | None
) -> list[tuple[Manifest, LayoutImage]]:
    images = []
    for entry in index.images():
        if entry.platform is not None and platform not in (None, entry.platform):
            continue
        manifest = registry.get_manifest(entry.digest)
        image = _read_image(registry, manifest)
        # why: an index tells the variant, which older configs do not.
        image = replace(image, platform=entry.platform or image.platform)
        if platform in (None, image.platform):
            images.append((manifest, image))
    return images


def _known(top: Manifest) -> str | None:
    names = sorted({str(entry.platform) for entry in top.images()}) if top.is_index else []
    return f"it has: {', '.join(names)}" if names else None


def _read_image(registry: Registry, manifest: Manifest) -> LayoutImage:
    if manifest.is_index:
        raise MalformedAnswerError(f"{registry.reference}: an index within an index")
    described = manifest.blobs()[0]
    if described.size_bytes > _LARGEST_CONFIG_BYTES:
        raise MalformedAnswerError(
            f"{registry.reference}: the config is said to have {described.size_bytes} bytes"
        )
    where = str(registry.reference)
    stream = Verified(
        lambda: registry.open_blob(described), described, where, fault=WrongDigestError
    )
    with stream:
        config = stream.read()
    try:
        return parse_image(manifest.data, config)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        kind = manifest.as_referrer().artifact_type
        if kind not in (None, CONFIG_TYPE):
            subject = manifest.subject()
            raise UsageError(
                f"{where} is no image, but an artifact: {bounded(kind)}",
                hint=None if subject is None else f"it refers to {subject}",
            ) from error
        wrong = bounded(f"{type(error).__name__}: {error}")
        raise MalformedAnswerError(f"{where} is no image: {wrong}") from error
