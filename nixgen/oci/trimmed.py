"""The layers of a conf, less what is left out of them."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from nixgen.errors import BuildError
from nixgen.oci import faults
from nixgen.oci.blob import Summed, Summing
from nixgen.oci.conf import ImageConf
from nixgen.oci.packing import Packer, Sink
from nixgen.oci.source import CustomisationLayer, LayerSource, StoreLayer
from nixgen.oci.store import StoreRoot, holder_of
from nixgen.oci.tarheader import trailer

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimmedCustomisation:
    """A customisation layer without the paths of the image that are `absent`, and all below them.

    The entries that are left are copied byte for byte: it is the archive that it would be if the
    others had never been in it.
    """

    whole: CustomisationLayer
    absent: tuple[str, ...]

    @property
    def store_paths(self) -> tuple[str, ...]:
        """See `LayerSource`."""
        return self.whole.store_paths

    @property
    def key(self) -> tuple[str | int, ...]:
        """See `LayerSource`."""
        return (*self.whole.key, "without", *self.absent)

    def write(self, sink: Sink) -> None:
        """See `LayerSource`."""
        name = f"{self.whole.path}/layer.tar"
        try:
            with self.whole.tar.open("rb") as file:
                self._check_whole(file)
                with Packer(sink) as packer:
                    for start, end in kept_ranges(file, frozenset(self.absent)):
                        _put_range(packer, file, start, end)
                    packer.put(trailer(packer.total_bytes))
                    packer.flush()
        except tarfile.TarError as error:
            raise BuildError(f"{name} is not a whole tar archive: {error}") from error
        except OSError as error:
            raise faults.unreadable(name, error) from error

    def check(self, tar: Summed) -> None:
        """The whole archive was checked while it was read; what is left has no digest before."""

    def _check_whole(self, file: BinaryIO) -> None:
        summing = Summing()
        while data := file.read(_READ_BYTES):
            summing(data)
        self.whole.check(summing.summed())
        file.seek(0)


def kept_ranges(file: BinaryIO, absent: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Where in a tar the entries lie that stay: (start, end) in bytes, headers included.

    Raises tarfile.TarError.
    """
    with tarfile.open(fileobj=file, mode="r:", encoding="utf-8") as tar:
        members = tar.getmembers()
        ends = [*(member.offset for member in members[1:]), tar.offset]
    for member, end in zip(members, ends, strict=True):
        if not is_absent(image_path(member.name), absent):
            yield member.offset, end


def image_path(name: str) -> str:
    """The absolute path of the image that an entry's name means."""
    return "/" + "/".join(part for part in name.split("/") if part not in ("", "."))


def is_absent(path: str, absent: frozenset[str]) -> bool:
    """Whether a path of the image, or a folder above it, is left out."""
    return path in absent or any(str(each) in absent for each in PurePosixPath(path).parents)


def layer_sources(conf: ImageConf, *, store: StoreRoot) -> tuple[LayerSource, ...]:
    """The layers that a conf names, lowest first: the store layers, then the customisation."""
    by_path: dict[str, list[str]] = {}
    for name in sorted(conf.absent):
        by_path.setdefault(holder_of(name), []).append(name)
    layers: list[LayerSource] = [
        StoreLayer(
            store_paths=paths,
            ownership=conf.ownership,
            store=store,
            absent=tuple(name for path in paths for name in by_path.pop(path, ())),
            cuts=tuple(pair for pair in conf.cuts if pair[0] in paths),
        )
        for paths in conf.store_layers
    ]
    whole = CustomisationLayer(path=conf.customisation_layer, store=store)
    own = tuple(name for names in by_path.values() for name in names)
    return (*layers, TrimmedCustomisation(whole=whole, absent=own) if own else whole)


def _put_range(packer: Packer, file: BinaryIO, start: int, end: int) -> None:
    file.seek(start)
    while start < end:
        data = file.read(min(_READ_BYTES, end - start))
        if not data:
            raise tarfile.ReadError("it is cut off")
        packer.put(data)
        start += len(data)
