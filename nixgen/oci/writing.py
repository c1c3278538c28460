"""From an image conf to an image on disk, without an app description."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nixgen.aside import MARK, scratch_folder
from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.oci.archive import write_docker_archive, write_oci_archive
from nixgen.oci.cache import LayerCache
from nixgen.oci.compress import Compressor
from nixgen.oci.conf import read_conf
from nixgen.oci.confbase import inherit_env, read_conf_base
from nixgen.oci.image import BuiltImage, build_image
from nixgen.oci.layer import LayerBuilder
from nixgen.oci.layout import write_layout
from nixgen.oci.store import StoreRoot
from nixgen.platforms import Platform

ImageFormat = Literal["oci", "oci-archive", "docker-archive"]
FORMATS: tuple[ImageFormat, ...] = ("oci", "oci-archive", "docker-archive")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenImage:
    """An image of a conf, as written. `digest` is of the manifest, or the image id (see format)."""

    name: str
    tags: tuple[str, ...]
    path: Path
    format: ImageFormat
    digest: Digest
    image: BuiltImage

    def as_json(self) -> dict[str, Any]:
        """The document of `nixgen write --json`, shaped as that of `nixgen image --json`."""
        return {
            "name": self.name,
            "tag": self.tags[0],
            "tags": list(self.tags),
            "path": str(self.path),
            "format": self.format,
            "digest": str(self.digest),
            "platforms": [self.image.as_json()],
        }


def write_conf(
    conf_path: Path,
    destination: Path,
    *,
    form: ImageFormat = "oci",
    store: StoreRoot | None = None,
    platform: Platform | None = None,
    tags: Sequence[str] = (),
    compressor: Compressor | None = None,
    cache: LayerCache | None = None,
) -> WrittenImage:
    """Write the image of a conf.json; layers stay tar unless there is a `compressor`.

    `platform` None is the conf's own `os` and `architecture`, no `tags` the one of its
    `repo_tag`.
    The layers of a base image stay as they are.
    Raises UsageError (no conf there, `destination` taken), BuildError (the conf, or what it names,
    is not usable), MachineError (missing store path, no space).
    """
    store = store or StoreRoot()
    conf = read_conf(conf_path, store=store)
    name, _, own_tag = conf.repo_tag.rpartition(":")
    # why: the colon of `localhost:5000/name` is a port's.
    if not name or "/" in own_tag:
        name, own_tag = conf.repo_tag, "latest"
    names = tuple(tags) or (own_tag,)
    own = (conf.os, conf.architecture)
    if platform is not None and (platform.os, platform.architecture) != own:
        raise UsageError(f"the image conf is for {'/'.join(own)}, --platform says {platform}")
    with work_folder(destination) as work:
        base = read_conf_base(conf, store=store, work=work, cache=cache)
        image = build_image(
            inherit_env(conf, base),
            store=store,
            platform=platform or Platform(conf.os, conf.architecture),
            builder=LayerBuilder(work=work, compressor=compressor, cache=cache),
            base=base,
        )
        if form == "docker-archive":
            repo_tags = [f"{name}:{tag}" for tag in names]
            digest = write_docker_archive(image, destination, repo_tags=repo_tags)
        elif form == "oci-archive":
            digest = write_oci_archive([image], destination, tags=names)
        else:
            digest = write_layout([image], destination, tags=names).digest
    return WrittenImage(
        name=name, tags=names, path=destination, format=form, digest=digest, image=image
    )


@contextmanager
def work_folder(destination: Path) -> Iterator[Path]:
    """A folder for blobs, on the destination's file system where that can be written."""
    with ExitStack() as stack:
        try:
            beside = scratch_folder(destination.absolute().parent, prefix=f"{MARK}work-")
            folder = stack.enter_context(beside)
        except OSError:
            folder = stack.enter_context(scratch_folder())
        yield folder
