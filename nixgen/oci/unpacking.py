"""The tar in a stored layer: decompressed while it is read, and held against both digests."""

from __future__ import annotations

import contextlib
import gzip
import os
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Protocol, cast

from nixgen import _process
from nixgen.errors import BuildError, MachineError, NixgenError
from nixgen.oci.blob import Summing, write_all
from nixgen.oci.compress import OpenFilter
from nixgen.oci.image import Descriptor
from nixgen.oci.reading import LayoutLayer
from nixgen.oci.verified import Verified

ZSTD = ("zstd", "-q", "-d", "-c")
_READ_BYTES = 1 << 20


class Blobs(Protocol):
    """Where a layer's bytes come from: an `ImageSource`, or less."""

    @property
    def where(self) -> str:
        """What it is, for messages."""
        ...

    def open_blob(self, descriptor: Descriptor) -> Verified:
        """The bytes, checked while they are read."""
        ...


class LayerTar:
    """A layer's tar as a stream; `finish` reads the rest and checks its diffID."""

    def __init__(self, read: Callable[[int], bytes], layer: LayoutLayer) -> None:
        self._read = read
        self._layer = layer
        self._summing = Summing()

    def read(self, size: int = _READ_BYTES) -> bytes:
        """The next bytes of the tar, none at its end; raises BuildError where it is damaged."""
        try:
            data = self._read(_READ_BYTES if size < 0 else size)
        except (OSError, EOFError, zlib.error) as error:
            raise BuildError(f"the layer {self._layer.descriptor.digest}: {error}") from error
        self._summing(data)
        return data

    def finish(self) -> int:
        """Read to the end; gives the tar's size. Raises BuildError for another diffID."""
        while self.read():
            pass
        summed = self._summing.summed()
        if summed.digest != self._layer.diff_id:
            raise BuildError(
                f"the layer {self._layer.descriptor.digest} unpacks to {summed.digest}, but the "
                f"image's config says {self._layer.diff_id}"
            )
        return summed.size_bytes


@contextlib.contextmanager
def open_tar(
    source: Blobs,
    layer: LayoutLayer,
    *,
    decompress: Sequence[str] = ZSTD,
    open_filter: OpenFilter = _process.open_filter,
    on_read: Callable[[int], None] | None = None,
) -> Iterator[LayerTar]:
    """Open a layer's tar; `decompress` is the program for zstd, from stdin to stdout.

    `on_read` is told of stored bytes as they are read.

    Leaving the context without an exception reads to the end and checks. Raises BuildError for
    what is damaged or of unknown type, MachineError where the program is missing or fails.
    """
    kind = layer.descriptor.media_type.rpartition("+")[2].rpartition(".")[2]
    with source.open_blob(layer.descriptor) as blob:
        blob.on_read = on_read or blob.on_read
        if kind == "tar":
            tar = LayerTar(blob.read, layer)
            yield tar
            tar.finish()
        elif kind == "gzip":
            with gzip.GzipFile(fileobj=cast(IO[bytes], blob), mode="rb") as plain:
                tar = LayerTar(plain.read, layer)
                yield tar
                tar.finish()
            blob.drain()
        elif kind == "zstd":
            with _through(decompress, blob, open_filter) as read:
                tar = LayerTar(read, layer)
                yield tar
                tar.finish()
        else:
            raise BuildError(f"{source.where}: a layer is a {layer.descriptor.media_type}")


@contextlib.contextmanager
def _through(
    argv: Sequence[str], blob: Verified, open_filter: OpenFilter
) -> Iterator[Callable[[int], bytes]]:
    """Feed a blob to a program in another thread; gives what reads the program's output."""
    read_end, write_end = os.pipe()
    failures: list[Exception] = []

    def feed() -> None:
        try:
            with open_filter(argv, stdout=write_end) as program:
                while data := blob.read(_READ_BYTES):
                    write_all(program.stdin.fileno(), data)
        except (OSError, NixgenError) as error:
            failures.append(error)
        finally:
            os.close(write_end)

    def read(size: int) -> bytes:
        data = os.read(read_end, size)
        if not data:
            thread.join()
            if failures:
                raise failures[0]
        return data

    thread = threading.Thread(target=feed, name="nixgen-unpack", daemon=True)
    thread.start()
    try:
        yield read
    finally:
        os.close(read_end)
        thread.join()
    if failures and isinstance(failures[0], MachineError):
        raise failures[0]
