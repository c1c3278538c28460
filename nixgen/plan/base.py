"""What the plan has to know of a base image, and what of it stands in the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nixgen.digest import Digest
from nixgen.errors import DescriptionError, Problem
from nixgen.rootfiles import RootFiles

STORE_DIR = "/nix/store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base image for one platform.

    `name` is what the description calls it, `reference` the repository and tag where it comes from
    a registry. `digest` is of its manifest, `has_manifest` False where that only stands for one (a
    docker-archive has none). `runtime` is the `config` object of its image configuration, its
    values of the shapes that the OCI specification gives them, or null.
    """

    name: str
    reference: str | None
    digest: Digest
    has_manifest: bool
    layers: int
    runtime: Mapping[str, Any]
    files: RootFiles

    def setting(self, key: str) -> Any:
        """One value of the runtime configuration; None where it says nothing."""
        return self.runtime.get(key) or None

    @property
    def env(self) -> dict[str, str]:
        """The environment; of entries with one name the last counts."""
        pairs = [entry.partition("=") for entry in self.setting("Env") or ()]
        return {name: value for name, _, value in pairs}

    @property
    def annotations(self) -> dict[str, str]:
        """What a manifest says of its base.

        https://github.com/opencontainers/image-spec/blob/main/annotations.md
        """
        found = {}
        if self.has_manifest:
            found["org.opencontainers.image.base.digest"] = str(self.digest)
        if self.reference is not None:
            found["org.opencontainers.image.base.name"] = self.reference
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class BasePlan:
    """The base image as the plan tells of it.

    `links` are those links of its root that lead to a folder, each with that folder's path: what
    packages put below one goes where the link leads, so that the link stays.
    """

    name: str
    digest: Digest
    layers: int
    links: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, base: Base) -> BasePlan:
        """The plan's part of what is known of a base."""
        links = base.files.folder_links(besides=STORE_DIR)
        return cls(
            name=base.name,
            digest=base.digest,
            layers=base.layers,
            # why: what is no plain text can't be written down, and no package has such a path.
            links=tuple(link for link in links if "".join(link).isprintable()),
        )


def layers_left(most: int, base: Base | None) -> int:
    """How many layers an image of at most `most` may have above its base.

    Raises DescriptionError where they are fewer than the two that it needs.
    """
    if base is None:
        return most
    left = most - base.layers
    if left < 2:
        message = (
            f"the base image has {base.layers} layers, and image.layers.max is {most}: that leaves "
            f"{max(left, 0)} for this image, which needs 2"
        )
        hint = f"image.layers.max may be {min(127, base.layers + 40)}; engines run at most 127"
        problem = Problem(
            message=message,
            key="image.layers.max",
            hint=hint if base.layers <= 125 else "take a base with fewer layers",
        )
        raise DescriptionError("too many layers", problems=(problem,))
    return left
