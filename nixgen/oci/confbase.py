"""The base image of a conf: `fromImage` of dockerTools, a docker-archive or one unpacked."""

from __future__ import annotations

import bz2
import contextlib
import dataclasses
import gzip
import lzma
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nixgen.errors import BuildError
from nixgen.oci import faults
from nixgen.oci.base import BaseImage
from nixgen.oci.basefetch import read_base
from nixgen.oci.cache import LayerCache
from nixgen.oci.conf import ImageConf
from nixgen.oci.opening import SourceFormat, StoredImage, open_stored
from nixgen.oci.store import StoreRoot

_COPY_BYTES = 1 << 20
_COMPRESSED: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
)


def read_conf_base(
    conf: ImageConf, *, store: StoreRoot, work: Path, cache: LayerCache | None
) -> BaseImage | None:
    """The base that a conf names, its layers in the cache or in `work`; None where it has none.

    Raises UsageError where it is not there or no image, BuildError where it is damaged or for
    another platform, MachineError (no space).
    """
    if conf.from_image is None:
        return None
    source = open_compressed(store.physical(conf.from_image), work=work)
    for image in source.images:
        if (image.platform.os, image.platform.architecture) == (conf.os, conf.architecture):
            return read_base(source, image, work=work, cache=cache)
    found = ", ".join(str(image.platform) for image in source.images)
    raise BuildError(
        f"the base image {conf.from_image} is for {found}, "
        f"the image conf for {conf.os}/{conf.architecture}"
    )


def inherit_env(conf: ImageConf, base: BaseImage | None) -> ImageConf:
    """The conf with the base's environment below its own, as dockerTools has it; no more is taken.

    Of entries with one name the last counts, at the place of the first.
    """
    if base is None:
        return conf
    entries = [*base.env, *conf.config.get("Env", [])]
    if not entries:
        return conf
    env = list({entry.partition("=")[0]: entry for entry in entries}.values())
    return dataclasses.replace(conf, config={**conf.config, "Env": env})


def open_compressed(
    path: Path, *, work: Path, form: SourceFormat | None = None, tag: str | None = None
) -> StoredImage:
    """Open an image on disk as `open_stored` does, also one that is compressed as a whole.

    What is unpacked for that lies in `work`. Raises as `open_stored` does.
    """
    with _uncompressed(path, work) as plain:
        image = open_stored(plain, form=form, tag=tag)
    return dataclasses.replace(image, where=image.where.replace(str(plain), str(path), 1))


@contextlib.contextmanager
def _uncompressed(path: Path, work: Path) -> Iterator[Path]:
    opener = _opener(path)
    if opener is None:
        yield path
        return
    plain = work / "base.tar"
    with faults.writing("the base image", work), plain.open("wb") as out:
        try:
            with opener(path) as packed:
                shutil.copyfileobj(packed, out, _COPY_BYTES)
        except (OSError, lzma.LZMAError, zlib.error, EOFError) as error:
            # why: bz2 and gzip tell of damage by an OSError without a number.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise BuildError(f"{path} is cut off or damaged: {error}") from error
    yield plain


def _opener(path: Path) -> Callable[[Path], Any] | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise faults.unreadable(str(path), error) from error
    return next((opener for magic, opener in _COMPRESSED if start.startswith(magic)), None)
