import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.sources.answer import Miss, Obtained
from nixgen.sources.member import extract_member

INNER = b"inner release" * 100


def make_tar(path: Path, mode: str = "w:gz", kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in (("./p-1/README", b"x"), ("./p-1/deps/inner.tar", INNER)):
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd" if kind == tarfile.SYMTYPE else ""
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:bz2", "w:xz"])
def test_a_member_of_a_tar_comes_out_whole(tmp_path: Path, mode: str) -> None:
    archive = make_tar(tmp_path / "a", mode)
    target = tmp_path / "out"
    answer = extract_member(archive, "p-1/deps/inner.tar", target, max_bytes=len(INNER))
    assert answer == Obtained(path=target, digest=Digest.of_bytes(INNER))
    assert target.read_bytes() == INNER


def test_a_member_of_a_zip_comes_out_whole(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("p/inner", INNER)
    answer = extract_member(tmp_path / "a", "p/inner", tmp_path / "out", max_bytes=len(INNER))
    assert isinstance(answer, Obtained)
    assert (tmp_path / "out").read_bytes() == INNER


def test_a_member_that_is_too_large_is_wrong_content(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a")
    answer = extract_member(archive, "p-1/deps/inner.tar", tmp_path / "out", max_bytes=100)
    assert answer == Miss(reason="more than the 100 bytes that it should have", wrong_content=True)


def test_a_missing_member_is_told(tmp_path: Path) -> None:
    answer = extract_member(make_tar(tmp_path / "a"), "gone", tmp_path / "out", max_bytes=100)
    assert answer == Miss(reason="there is no gone in it", wrong_content=True)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a", kind=tarfile.SYMTYPE)
    answer = extract_member(archive, "p-1/deps/inner.tar", tmp_path / "out", max_bytes=9999)
    assert isinstance(answer, Miss)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x1f\x8b\x08garbage"])
def test_what_is_no_archive_is_wrong_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    answer = extract_member(tmp_path / "a", "x", tmp_path / "out", max_bytes=100)
    assert isinstance(answer, Miss)
    assert answer.wrong_content
