import os
import socket
from pathlib import Path

import pytest

from nixgen.sources.nar import nar_digest


def test_the_hash_is_the_one_that_nix_gives(tmp_path: Path) -> None:
    """The expected value is what `nix-hash --type sha256` says of this tree."""
    tree = tmp_path / "tree"
    (tree / "dir").mkdir(parents=True)
    (tree / "dir" / "empty").touch()
    (tree / "a").write_bytes(b"12345678")
    (tree / "a-b").write_bytes(b"123456789")
    (tree / "run").write_bytes(b"#!\n")
    (tree / "run").chmod(0o755)
    (tree / "link").symlink_to("dir/empty")
    assert nar_digest(tree).sri == "sha256-z3v5qG9K6f77nliZ4RqiFCTR1bh6f/7mSXjXbrEgUAQ="


def test_only_the_owners_executable_bit_counts(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    file.chmod(0o644)
    plain = nar_digest(file)
    file.chmod(0o640)
    assert nar_digest(file) == plain
    file.chmod(0o744)
    assert nar_digest(file) != plain


def test_times_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    before = nar_digest(file)
    os.utime(file, (1, 1))
    assert nar_digest(file) == before


def test_what_a_nar_cannot_hold_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "s"))
        with pytest.raises(ValueError, match="neither"):
            nar_digest(tmp_path)
