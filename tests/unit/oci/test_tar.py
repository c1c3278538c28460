"""The tar of a store layer: identity with the rival, and files that do not behave."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from nixgen.errors import BuildError, MachineError
from nixgen.oci import HeaderEncoder, Ownership, write_layer_tar
from tests.unit.oci.rival import rival_bytes
from tests.unit.oci.synthetic import ROOT_AT_ONE, SyntheticStore


def tar_bytes(
    synthetic: SyntheticStore, paths: list[str], ownership: Ownership = ROOT_AT_ONE
) -> bytes:
    pieces: list[bytes] = []
    size = write_layer_tar(
        paths,
        ownership=ownership,
        store=synthetic.store,
        sink=lambda data: pieces.append(bytes(data)),
    )
    made = b"".join(pieces)
    assert size == len(made)
    return made


def assert_identical(
    synthetic: SyntheticStore, paths: list[str], ownership: Ownership = ROOT_AT_ONE
) -> None:
    expected = rival_bytes(paths, root=synthetic.root, ownership=ownership)
    assert tar_bytes(synthetic, paths, ownership) == expected


@pytest.fixture
def synthetic(tmp_path: Path) -> SyntheticStore:
    return SyntheticStore(tmp_path)


def test_an_empty_layer_is_identical(synthetic: SyntheticStore) -> None:
    assert_identical(synthetic, [])


def test_order_is_by_path_component(synthetic: SyntheticStore) -> None:
    path = synthetic.add_tree("p", {"a/b": b"1", "a-b": b"2", "a.c/d": b"3", "a0": b"4"})
    assert_identical(synthetic, [path])


def test_plain_files_and_links_as_store_paths_stand_alone(synthetic: SyntheticStore) -> None:
    target = synthetic.add_tree("target", {"inside": b"x"})
    plain = synthetic.add_file("plain", b"content", mode=0o555)
    link = synthetic.new("link")
    synthetic.place(link).symlink_to(synthetic.place(target))
    assert_identical(synthetic, [link, plain])


def test_hard_links_become_whole_files(synthetic: SyntheticStore) -> None:
    path = synthetic.add_tree("p", {"one": b"same bytes"})
    (synthetic.place(path) / "two").hardlink_to(synthetic.place(path) / "one")
    other = synthetic.new("other")
    synthetic.place(other).hardlink_to(synthetic.place(path) / "one")
    assert_identical(synthetic, [path, other])


@pytest.mark.parametrize("length", [1, 50, 51, 52, 53, 54, 99, 100, 101, 155, 255])
def test_names_around_the_limits_are_identical(synthetic: SyntheticStore, length: int) -> None:
    path = synthetic.add_tree("p", {})
    (synthetic.place(path) / ("f" * length)).write_bytes(b"x")
    (synthetic.place(path) / ("d" * length)).mkdir()
    (synthetic.place(path) / ("l" * length)).symlink_to("t" * length)
    assert_identical(synthetic, [path])


def test_names_and_targets_that_are_no_text_are_identical(synthetic: SyntheticStore) -> None:
    path = synthetic.add_tree("p", {})
    top = os.fsencode(synthetic.place(path))
    for name in (b"\xff\xfe", "é".encode(), b"new\nline", b"\x01", "\U0001f600".encode(), b"\\"):
        Path(os.fsdecode(top + b"/" + name)).write_bytes(name)
        Path(os.fsdecode(top + b"/link-" + name)).symlink_to(os.fsdecode(name * 20))
    Path(os.fsdecode(top + b"/\xee\x80\x80")).mkdir()
    assert_identical(synthetic, [path])


def test_modes_are_kept_with_special_bits(synthetic: SyntheticStore) -> None:
    modes = [0o400, 0o444, 0o555, 0o755, 0o4755, 0o2755, 0o7777]
    path = synthetic.add_tree("p", {f"{mode:o}": b"x" for mode in modes})
    for mode in modes:
        (synthetic.place(path) / f"{mode:o}").chmod(mode)
    (synthetic.place(path) / "sticky").mkdir()
    (synthetic.place(path) / "sticky").chmod(0o1777)
    assert_identical(synthetic, [path])


@pytest.mark.parametrize(
    "ownership",
    [
        Ownership(mtime=0, uid=0, gid=0, uname="", gname=""),
        Ownership(mtime=1 << 40, uid=1 << 21, gid=(1 << 32) - 1, uname="u" * 33, gname="ü"),
        Ownership(mtime=-5, uid=(1 << 21) - 1, gid=65532, uname="u" * 32, gname="root"),
    ],
)
def test_owners_and_times_of_any_size_are_identical(
    synthetic: SyntheticStore, ownership: Ownership
) -> None:
    path = synthetic.add_tree("p", {"a": b"1", "é" * 60: b"2"})
    assert_identical(synthetic, [path], ownership)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, (512 << 10) - 1, 512 << 10, 1_300_001])
def test_contents_around_block_and_buffer_sizes_are_identical(
    synthetic: SyntheticStore, size: int
) -> None:
    path = synthetic.add_tree("p", {"a": os.urandom(size), "b": os.urandom(1000)})
    assert_identical(synthetic, [path])


def test_a_tree_deeper_than_the_stack_is_written(synthetic: SyntheticStore) -> None:
    path = synthetic.add_tree("p", {})
    folders = [str(synthetic.place(path))]
    for _ in range(sys.getrecursionlimit() + 200):
        folders.append(folders[-1] + "/d")
        os.mkdir(folders[-1])  # noqa: PTH102
    try:
        assert b"/d/d/d" in tar_bytes(synthetic, [path])
    finally:
        for folder in reversed(folders):
            os.rmdir(folder)  # noqa: PTH106


def test_a_missing_store_path_is_named_with_a_hint(synthetic: SyntheticStore) -> None:
    path = synthetic.new("gone")
    with pytest.raises(MachineError, match=f"missing from the store: {path}") as caught:
        tar_bytes(synthetic, [path])
    assert caught.value.hint


def test_a_socket_is_refused(synthetic: SyntheticStore, monkeypatch: pytest.MonkeyPatch) -> None:
    path = synthetic.add_tree("p", {})
    monkeypatch.chdir(synthetic.place(path))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(BuildError, match="/s is a device, pipe or socket"):
            tar_bytes(synthetic, [path])


def test_a_pipe_is_refused(synthetic: SyntheticStore) -> None:
    path = synthetic.add_tree("p", {})
    os.mkfifo(synthetic.place(path) / "s")
    with pytest.raises(BuildError, match="/s is a device, pipe or socket"):
        tar_bytes(synthetic, [path])


@pytest.mark.parametrize("becomes", ["gone", "pipe", "folder", "link"])
def test_what_is_collected_or_replaced_meanwhile_is_an_error_not_waited_for(
    synthetic: SyntheticStore, becomes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = synthetic.add_tree("p", {"a": b"a", "b": b"b"})
    victim = synthetic.place(path) / "b"
    real = os.open

    def late(place: bytes | str, flags: int, mode: int = 0o777) -> int:
        if place == os.fsencode(victim):
            victim.unlink()
            if becomes == "pipe":
                os.mkfifo(victim)
            elif becomes == "folder":
                victim.mkdir()
            elif becomes == "link":
                victim.symlink_to("a")
        return real(place, flags, mode)

    monkeypatch.setattr(os, "open", late)
    with pytest.raises((BuildError, MachineError), match="-p/b"):
        tar_bytes(synthetic, [path])


def test_a_name_longer_than_the_system_takes_is_an_error(synthetic: SyntheticStore) -> None:
    path = synthetic.add_tree("p", {})
    folder = os.open(synthetic.place(path), os.O_RDONLY)
    opened = [folder]
    try:
        for _ in range(20):
            os.mkdir("n" * 250, dir_fd=opened[-1])
            opened.append(os.open("n" * 250, os.O_RDONLY, dir_fd=opened[-1]))
        with pytest.raises(MachineError, match="File name too long"):
            tar_bytes(synthetic, [path])
    finally:
        for number in range(20, 0, -1):
            os.close(opened[number])
            os.rmdir("n" * 250, dir_fd=opened[number - 1])
        os.close(folder)


def test_another_store_folder_has_the_same_parents(synthetic: SyntheticStore) -> None:
    path = synthetic.add_tree("p", {"a": b"a"})
    moved = path.replace("/nix/store", "/gnu/store")
    synthetic.place("/gnu").mkdir()
    synthetic.place("/nix/store").rename(synthetic.place("/gnu/store"))
    assert_identical(synthetic, [moved])


@pytest.mark.parametrize("data", [b"", b"short", b"x" * 2_000_000, b"y" * 1_000_000])
def test_a_file_that_changes_while_it_is_read_is_an_error(
    synthetic: SyntheticStore, data: bytes
) -> None:
    path = synthetic.add_tree("p", {"a": b"x" * 600_000, "b": b"x" * 1_000_000})
    victim = synthetic.place(path) / "b"
    seen = 0

    def sink(view: memoryview) -> None:
        nonlocal seen
        seen += len(view)
        # why: the buffer is handed on when `b` has been started.
        if seen > 600_000 and victim.read_bytes() != data:
            victim.write_bytes(data)

    with pytest.raises(BuildError, match="/b changed while it was read"):
        write_layer_tar([path], ownership=ROOT_AT_ONE, store=synthetic.store, sink=sink)


def test_the_buffer_is_bounded_whatever_a_file_holds(synthetic: SyntheticStore) -> None:
    path = synthetic.add_file("sparse", b"", mode=0o644)
    with synthetic.place(path).open("r+b") as file:
        file.truncate(50_000_000)
    sizes: list[int] = []
    write_layer_tar(
        [path],
        ownership=ROOT_AT_ONE,
        store=synthetic.store,
        sink=lambda data: sizes.append(len(data)),
    )
    assert max(sizes) <= 1 << 20


def test_a_directory_header_ends_with_a_slash() -> None:
    assert HeaderEncoder(ROOT_AT_ONE).directory("/nix", mode=0o755).startswith(b"/nix/\0")
