"""Compression by external programs: bytes that no core count changes, failures that are told."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from nixgen._process import ProcessFailedError
from nixgen.errors import MachineError
from nixgen.oci.compress import Compressor, compressing, gzip_compressor, zstd_compressor


def sample(size: int = 9_000_000) -> bytes:
    """Bytes that compress somewhat, and fill several jobs of zstd and blocks of pigz."""
    source = random.Random(7)
    words = [source.randbytes(source.randint(3, 12)) for _ in range(5000)]
    return b"".join(source.choices(words, k=size // 7))[:size]


def compress(compressor: Compressor, data: bytes, tmp_path: Path) -> bytes:
    out = tmp_path / "out"
    file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        with compressing(compressor, file) as (put, summing):
            for start in range(0, len(data), 1 << 20):
                put(memoryview(data)[start : start + (1 << 20)])
    finally:
        os.close(file)
    stored = out.read_bytes()
    assert summing.summed().size_bytes == len(stored)
    assert summing.summed().digest.hex == hashlib.sha256(stored).hexdigest()
    return stored


@pytest.mark.parametrize("make", [zstd_compressor, gzip_compressor])
@pytest.mark.parametrize("size", [0, 1000, 9_000_000])
def test_the_bytes_do_not_depend_on_the_number_of_threads(
    make: type[Compressor], size: int, tmp_path: Path
) -> None:
    program = "zstd" if make is zstd_compressor else "pigz"
    data = sample(size)
    made = {compress(make(program, threads=n), data, tmp_path) for n in (1, 2, 3, 8)}
    assert len(made) == 1
    plain = subprocess.run([program, "-d", "-c"], input=made.pop(), capture_output=True, check=True)
    assert plain.stdout == data


def test_the_environment_does_not_change_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = sample(3_000_000)
    plain = compress(zstd_compressor("zstd"), data, tmp_path)
    monkeypatch.setenv("ZSTD_CLEVEL", "19")
    monkeypatch.setenv("ZSTD_NBTHREADS", "1")
    assert compress(zstd_compressor("zstd"), data, tmp_path) == plain


def test_gzip_holds_no_time_and_no_name(tmp_path: Path) -> None:
    made = compress(gzip_compressor("pigz"), b"data", tmp_path)
    assert made[3] == 0
    assert made[4:8] == bytes(4)


def test_the_cache_identity_does_not_name_the_threads() -> None:
    assert zstd_compressor("z", threads=1).identity == zstd_compressor("z", threads=9).identity


def script(code: str) -> Compressor:
    return Compressor(kind="zstd", argv=(sys.executable, "-c", code), identity="test")


def test_a_failing_compressor_is_told_with_its_words(tmp_path: Path) -> None:
    code = "import sys; sys.stdin.buffer.read(9); sys.exit('out of memory')"
    with pytest.raises(ProcessFailedError, match="out of memory"):
        compress(script(code), sample(2_000_000), tmp_path)


def test_a_compressor_that_reads_only_a_part_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="ended before it had read all"):
        compress(script("import sys; sys.stdin.buffer.read(9)"), sample(2_000_000), tmp_path)


def test_a_missing_compressor_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="not found"):
        compress(zstd_compressor("/nowhere/zstd"), b"x", tmp_path)


def test_a_full_disk_is_told_as_such_not_as_the_compressors_failure() -> None:
    file = os.open("/dev/full", os.O_WRONLY)
    try:
        with (
            pytest.raises(OSError, match="No space left"),
            compressing(zstd_compressor("zstd"), file) as (put, _),
        ):
            for _ in range(20):
                put(memoryview(os.urandom(1 << 20)))
    finally:
        os.close(file)


def test_an_exception_in_the_body_ends_the_program_and_passes(tmp_path: Path) -> None:
    file = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    try:
        with pytest.raises(KeyError), compressing(zstd_compressor("zstd"), file) as (put, _):
            put(memoryview(b"x"))
            raise KeyError
    finally:
        os.close(file)
