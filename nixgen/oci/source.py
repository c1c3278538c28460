"""What the layers of an image are made from: store paths, or a tar that lies ready in one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nixgen.closure.references import hash_of
from nixgen.errors import BuildError
from nixgen.oci import faults
from nixgen.oci.blob import Summed
from nixgen.oci.packing import Packer, Sink
from nixgen.oci.store import StoreRoot
from nixgen.oci.tar import write_layer_tar
from nixgen.oci.tarheader import Ownership


class LayerSource(Protocol):
    """What a layer's tar can be made from, as often as it is wanted."""

    @property
    def store_paths(self) -> tuple[str, ...]:
        """The store paths that the layer stands for, in order."""
        ...

    @property
    def key(self) -> tuple[str | int, ...]:
        """All that the tar depends on."""
        ...

    def write(self, sink: Sink) -> None:
        """Write the tar; raises MachineError or BuildError."""
        ...

    def check(self, tar: Summed) -> None:
        """Raise BuildError if the tar is not what it was said to be."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLayer:
    """A layer of store paths, made anew from the store.

    It lacks the names that are `absent`; `cuts` are as in `ImageConf`.
    """

    store_paths: tuple[str, ...]
    ownership: Ownership
    store: StoreRoot
    absent: tuple[str, ...] = ()
    cuts: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[str | int, ...]:
        """See `LayerSource`."""
        owner = self.ownership
        ids = (owner.mtime, owner.uid, owner.gid, owner.uname, owner.gname)
        # why: without them the key is what it was before layers could lack anything.
        absent = ("without", *self.absent) if self.absent else ()
        cuts = ("cut", *(path for pair in self.cuts for path in pair)) if self.cuts else ()
        return ("store", *ids, *self.store_paths, *absent, *cuts)

    def write(self, sink: Sink) -> None:
        """See `LayerSource`."""
        write_layer_tar(
            self.store_paths,
            ownership=self.ownership,
            store=self.store,
            sink=sink,
            absent=frozenset(self.absent),
            cuts={
                path: [hash_of(target) for source, target in self.cuts if source == path]
                for path in self.store_paths
            },
        )

    def check(self, tar: Summed) -> None:
        """A store layer has no digest before it is made: anything goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomisationLayer:
    """A layer whose tar lies ready in a store path, with its digest: copied as it is."""

    path: str
    store: StoreRoot

    @property
    def store_paths(self) -> tuple[str, ...]:
        """See `LayerSource`."""
        return (self.path,)

    @property
    def key(self) -> tuple[str | int, ...]:
        """See `LayerSource`."""
        return ("customisation", self.path)

    @property
    def tar(self) -> Path:
        """The layer's tar on disk."""
        return self.store.physical(self.path) / "layer.tar"

    def write(self, sink: Sink) -> None:
        """See `LayerSource`."""
        name = f"{self.path}/layer.tar"
        try:
            file = os.open(self.tar, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise faults.unreadable(name, error) from error
        try:
            with Packer(sink) as packer:
                packer.put_rest(file, name=name)
                packer.flush()
        finally:
            os.close(file)

    def check(self, tar: Summed) -> None:
        """See `LayerSource`."""
        name = f"{self.path}/checksum"
        try:
            text = (self.store.physical(self.path) / "checksum").read_bytes().strip()
        except OSError as error:
            raise faults.unreadable(name, error) from error
        if text != tar.digest.hex.encode():
            raise BuildError(
                f"{self.path}/layer.tar has the digest {tar.digest.hex}, but {name} says "
                f"{text[:80].decode('ascii', 'replace')}",
                hint="the store is damaged: run 'nix-store --verify --check-contents'",
            )
