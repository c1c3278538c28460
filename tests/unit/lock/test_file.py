"""The lockfile on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.errors import LockError, MachineError
from nixgen.lock import Lock, LockedResult, PinnedBase, PinnedSet, lock_path, read_lock, write_lock

_A = Digest.of_bytes(b"a")
_B = Digest.of_bytes(b"b")


def _lock() -> Lock:
    lock = Lock(description=_A, package_set=PinnedSet(kind="path", digest=_B, path="../nixpkgs"))
    result = LockedResult(
        derivation="/nix/store/x.drv", writer=_A, manifest=_B, size_bytes=5, unpacked_bytes=9
    )
    for platform in ("linux/arm64", "linux/amd64"):
        lock = lock.with_result(("", platform, "x86_64-linux"), result)
    return lock.with_result(("debug", "linux/amd64", "aarch64-linux"), result)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "nixgen.lock"
    assert write_lock(path, _lock())
    assert read_lock(path) == _lock()


def test_a_result_without_sizes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "nixgen.lock"
    result = LockedResult(derivation="/nix/store/x.drv", writer=_A, manifest=_B)
    lock = _lock().with_result(("", "linux/386", "x86_64-linux"), result)
    write_lock(path, lock)
    assert "size" not in json.loads(path.read_text())["results"][""]["linux/386"]["x86_64-linux"]
    assert read_lock(path) == lock


@pytest.mark.parametrize("size", ["5", -1, 1.5, True])
def test_a_size_that_is_none_is_refused(tmp_path: Path, size: object) -> None:
    path = tmp_path / "nixgen.lock"
    write_lock(path, _lock())
    document = json.loads(path.read_text())
    document["results"][""]["linux/amd64"]["x86_64-linux"]["size"] = size
    path.write_text(json.dumps(document))
    with pytest.raises(LockError, match="size: expected a size in bytes"):
        read_lock(path)


def test_writing_the_same_lock_again_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "nixgen.lock"
    write_lock(path, _lock())
    before = path.stat()
    assert not write_lock(path, _lock())
    assert path.stat().st_ino == before.st_ino


def test_the_order_of_results_does_not_show(tmp_path: Path) -> None:
    lock = _lock()
    other = Lock(
        description=lock.description,
        package_set=lock.package_set,
        results=dict(reversed(list(lock.results.items()))),
    )
    write_lock(tmp_path / "a", lock)
    write_lock(tmp_path / "b", other)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_bases_are_written_and_read_back_in_one_order(tmp_path: Path) -> None:
    pins = {
        ("registry.example/b:1", "linux/arm64"): PinnedBase(manifest=_A, named=_B),
        ("./base.oci", "linux/amd64"): PinnedBase(manifest=_B, named=_B),
    }
    for name, order in (("a", pins), ("b", dict(reversed(pins.items())))):
        lock = Lock(description=_A, package_set=PinnedSet(kind="bundled", digest=_B), bases=order)
        write_lock(tmp_path / name, lock)
        assert read_lock(tmp_path / name) == lock
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_lock_without_bases_is_as_it_was_before_there_were_any(tmp_path: Path) -> None:
    write_lock(tmp_path / "nixgen.lock", _lock())
    assert "bases" not in json.loads((tmp_path / "nixgen.lock").read_text())


def test_no_lockfile_is_none(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "nixgen.lock") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", ":1: not JSON"),
        ("[]", "the document: expected an object"),
        ('{"nixgen-lock": 2}', "this nixgen reads format 1"),
        ('{"nixgen-lock": 1}', "results: expected an object"),
        ('{"nixgen-lock": 1, "results": {"": []}}', "results.: expected an object"),
        (
            '{"nixgen-lock": 1, "results": {"": {"p": {"s": {"writer": "x"}}}}}',
            "results..p.s.derivation: expected a string",
        ),
        ('{"nixgen-lock": 1, "results": {}, "description": "md5:x"}', "description: not a digest"),
        (
            json.dumps(
                {
                    "nixgen-lock": 1,
                    "results": {},
                    "description": str(_A),
                    "packages": {"kind": "channel", "digest": str(_A)},
                }
            ),
            "packages: not a package set",
        ),
    ],
)
def test_a_damaged_lockfile_says_where_and_how_to_mend_it(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "nixgen.lock"
    path.write_text(text)
    with pytest.raises(LockError) as caught:
        read_lock(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    assert "nixgen lock" in str(caught.value)


def test_a_lockfile_that_is_not_text_is_a_lock_error(tmp_path: Path) -> None:
    (tmp_path / "nixgen.lock").write_bytes(b"\xff\xfe")
    with pytest.raises(LockError):
        read_lock(tmp_path / "nixgen.lock")


def test_a_folder_that_is_not_there_is_a_machine_error(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="--locked"):
        write_lock(tmp_path / "none" / "nixgen.lock", _lock())


def test_a_description_of_another_name_has_a_lock_of_its_own() -> None:
    assert lock_path(Path("a/app.toml")) == Path("a/nixgen.lock")
    assert lock_path(Path("a/web.toml")) == Path("a/web.toml.lock")
