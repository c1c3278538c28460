"""A layout on disk as tests look at it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from nixgen.digest import Digest
from nixgen.oci.describing import measure_layers
from nixgen.oci.opening import StoredImage, choose_image, open_stored
from nixgen.oci.reading import LayoutImage
from nixgen.platforms import Platform


class Layout(StoredImage):
    """An image in a layout, by short names."""

    @property
    def path(self) -> Path:
        return self.files.path

    @property
    def tag(self) -> str | None:
        return self.tags[0] if self.tags else None

    @property
    def digest(self) -> Digest:
        return self.top.digest

    def blob(self, digest: Digest) -> Path:
        return self.path / "blobs" / "sha256" / digest.hex

    def image(self, platform: Platform) -> LayoutImage:
        return choose_image(self, platform)

    def verify_layers(self) -> None:
        """Read every layer, and check its digest and its diffID."""
        measure_layers(self, self.images)


def read_layout(path: Path, *, tag: str | None = None) -> Layout:
    found = open_stored(path, form="oci", tag=tag)
    return Layout(**{each.name: getattr(found, each.name) for each in dataclasses.fields(found)})
