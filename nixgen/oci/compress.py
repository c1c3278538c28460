"""Compression of layers by an external program, with the digest taken in the same pass.

The program comes from the locked package set, so that one lock gives the same bytes anywhere.
Its output must not depend on the machine's cores; the flags here see to that:

- zstd: any `-T<n>`, n ≥ 1, cuts the input into jobs whose size depends on the level alone and
  compresses each with a fixed overlap; only `--single-thread` does otherwise. `-T0` would be
  the number of cores, which may be zero to zstd where it can't tell: a number is always given.
- pigz: `-p 2` or more compresses blocks of 128 KiB, each primed with the end of the last;
  `-p 1` takes another path with other bytes and is never used. `-n -m` leave out name and time.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol

from nixgen import _process
from nixgen.errors import MachineError
from nixgen.oci.blob import Summing, write_all

CompressionKind = Literal["zstd", "gzip", "none"]

_READ_BYTES = 256 << 10


class Filter(Protocol):
    """A running program that reads what is written to `stdin`."""

    @property
    def stdin(self) -> BinaryIO:
        """The program's input."""
        ...


class OpenFilter(Protocol):
    """How a filter is started: `nixgen._process.open_filter`, or a fake in tests."""

    def __call__(
        self, argv: Sequence[str], *, stdout: BinaryIO | int
    ) -> AbstractContextManager[Filter]:
        """Start a program; leaving the context waits for it and raises where it failed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressor:
    """A program that compresses stdin to stdout.

    `identity` names what the bytes depend on (program and level, not the number of threads): it
    is part of the cache's key.
    """

    kind: CompressionKind
    argv: tuple[str, ...]
    identity: str


def zstd_compressor(program: str, *, level: int = 3, threads: int | None = None) -> Compressor:
    """Zstandard by the `zstd` at `program`; the bytes are the same for every `threads`.

    `program` should be a store path: its name stands for what it does.
    """
    argv = (program, "-q", "-c", f"-{level}", f"-T{threads or cpu_count()}", "--no-progress", "-")
    return Compressor(kind="zstd", argv=argv, identity=f"zstd {program} -{level}")


def gzip_compressor(program: str, *, level: int = 6, threads: int | None = None) -> Compressor:
    """Gzip by the `pigz` at `program`; the bytes are the same for every `threads`.

    `program` should be a store path: its name stands for what it does.
    """
    processes = max(2, threads or cpu_count())
    argv = (program, "-c", "-n", "-m", f"-{level}", "-b", "128", "-p", str(processes))
    return Compressor(kind="gzip", argv=argv, identity=f"pigz {program} -{level} -b 128")


def cpu_count() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def compressing(
    compressor: Compressor, file: int, *, open_filter: OpenFilter = _process.open_filter
) -> Iterator[tuple[Callable[[memoryview], object], Summing]]:
    """Run the compressor into `file`: gives a sink for bytes, and the sum of what comes out.

    The sum is complete once the context is left. Raises what the program's failure raises, and
    OSError where `file` can't be written.
    """
    read_end, write_end = os.pipe()
    drain = _Drain(read_end, file)
    complete = False
    try:
        try:
            with open_filter(compressor.argv, stdout=write_end) as program:
                os.close(write_end)
                write_end = -1
                drain.start()
                yield (lambda data: write_all(program.stdin.fileno(), data)), drain.out
                complete = True
        finally:
            if write_end >= 0:
                os.close(write_end)
            drain.finish()
    except BaseException as error:
        # why: the program's failure follows from this one.
        if drain.error is not None:
            raise drain.error from error
        raise
    if drain.error is not None:
        raise drain.error
    if not complete:
        # why: `open_filter` takes a broken pipe for the program's failure, which it may not be.
        raise MachineError(f"{compressor.argv[0]} ended before it had read all of its input")


class _Drain:
    """A thread that stores and sums what a program writes to a pipe."""

    def __init__(self, pipe: int, file: int) -> None:
        self.out = Summing(file)
        self.error: OSError | None = None
        self._pipe = pipe
        self._thread = threading.Thread(target=self._run, name="nixgen-drain", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()
        else:
            os.close(self._pipe)

    def _run(self) -> None:
        try:
            while data := os.read(self._pipe, _READ_BYTES):
                self.out(data)
        except OSError as error:
            self.error = error
        finally:
            os.close(self._pipe)
