"""An image's files in a folder, from the store and from layers; nothing gets out of it."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nixgen.errors import BuildError, UsageError
from nixgen.oci import (
    BuiltImage,
    ImageConf,
    materialise_rootfs,
    write_layout,
)
from nixgen.oci.tree import read_tree
from tests.layouts import read_layout
from tests.unit.oci.synthetic import SyntheticStore

Hello = tuple[SyntheticStore, ImageConf]
Build = Callable[..., BuiltImage]


def listing(root: Path) -> dict[str, tuple[int, int, int, int, bytes]]:
    """Every entry below a folder: mode, owners, time, and bytes or target."""
    found = {}
    for place in sorted(root.rglob("*")):
        info = place.lstat()
        content = b""
        if place.is_symlink():
            content = os.fsencode(place.readlink())
        elif place.is_file():
            content = place.read_bytes()
        facts = (info.st_mode, info.st_uid, info.st_gid, int(info.st_mtime))
        found[str(place.relative_to(root))] = (*facts, content)
    return found


def as_root() -> bool:
    return os.geteuid() == 0


def test_the_files_are_those_of_the_layers(hello: Hello, build: Build, tmp_path: Path) -> None:
    synthetic, conf = hello
    write_layout([build(synthetic, conf)], tmp_path / "out", tags=["1"])
    read = read_layout(tmp_path / "out")
    materialise_rootfs(conf, store=synthetic.store, dest=tmp_path / "copied")
    files = listing(tmp_path / "copied")
    tree = read_tree(read, read.images[0])
    assert set(files) == set(tree)
    for name, (mode, *_, content) in files.items():
        entry = tree[name]
        if entry.kind == "symlink":
            assert content.decode() == entry.target
            continue
        assert mode & 0o7777 == entry.mode, name
        if entry.kind == "file":
            assert hashlib.sha256(content).hexdigest() == entry.sha256
    program = conf.store_layers[1][0].lstrip("/")
    assert files[f"{program}/bin/hi"][4] == b"hello"
    assert {facts[3] for name, facts in files.items() if name.startswith("nix")} == {1}


def test_owners_are_those_of_the_image_where_they_can_be_set(hello: Hello, tmp_path: Path) -> None:
    synthetic, conf = hello
    layers = [list(layer) for layer in conf.store_layers]
    conf = synthetic.conf(layers, conf.customisation_layer, uid=7, gid=8)
    materialise_rootfs(conf, store=synthetic.store, dest=tmp_path / "copied")
    owner = (7, 8) if as_root() else (os.geteuid(), os.getegid())
    files = listing(tmp_path / "copied")
    assert {f[1:3] for name, f in files.items() if name.startswith("nix")} == {owner}


def test_the_copies_are_not_the_stores_own_files(hello: Hello, tmp_path: Path) -> None:
    synthetic, conf = hello
    materialise_rootfs(conf, store=synthetic.store, dest=tmp_path / "copied")
    plain = conf.store_layers[1][1]
    copy = tmp_path / "copied" / plain.lstrip("/")
    assert not copy.samefile(synthetic.place(plain))


@pytest.mark.parametrize("kind", ["full", "file", "link"])
def test_only_an_empty_folder_is_filled(hello: Hello, tmp_path: Path, kind: str) -> None:
    dest = tmp_path / "dest"
    if kind == "full":
        (dest / "mine").mkdir(parents=True)
    elif kind == "file":
        dest.write_text("mine")
    else:
        dest.symlink_to(tmp_path)
    with pytest.raises(UsageError, match="is not an empty folder"):
        materialise_rootfs(hello[1], store=hello[0].store, dest=dest)


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, 0o755
    return info


OUT = entry("out", tarfile.SYMTYPE, "/tmp")
HOSTILE = {
    "dots": [entry("../evil")],
    "dots inside": [entry("a", tarfile.DIRTYPE), entry("a/../../evil")],
    "parent is a link": [OUT, entry("out/evil")],
    "parent is missing": [entry("a/evil")],
    "hard link out": [entry("h", tarfile.LNKTYPE, "../../../../etc/passwd")],
    "hard link through a link": [OUT, entry("h", tarfile.LNKTYPE, "out/x")],
    "device": [entry("null", tarfile.CHRTYPE)],
    "pipe": [entry("pipe", tarfile.FIFOTYPE)],
    "whiteout": [entry(".wh.bin")],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_unsafe_entries_are_refused(
    hello: Hello, tmp_path: Path, members: list[tarfile.TarInfo]
) -> None:
    synthetic, _ = hello
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member in members:
            tar.addfile(member)
    conf = synthetic.conf([], synthetic.add_customisation_tar(out.getvalue(), "hostile"))
    with pytest.raises(BuildError, match="refused"):
        materialise_rootfs(conf, store=synthetic.store, dest=tmp_path / "in" / "dest")
    assert not (tmp_path / "in" / "evil").exists()
    assert not (tmp_path / "evil").exists()


def test_a_link_over_an_earlier_entry_is_replaced_not_followed(
    hello: Hello, tmp_path: Path
) -> None:
    synthetic, _ = hello
    victim = tmp_path / "victim"
    victim.write_text("mine")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(entry("x", tarfile.SYMTYPE, str(victim)))
        content = entry("x")
        content.size = 4
        tar.addfile(content, io.BytesIO(b"evil"))
    conf = synthetic.conf([], synthetic.add_customisation_tar(out.getvalue(), "again"))
    materialise_rootfs(conf, store=synthetic.store, dest=tmp_path / "dest")
    assert victim.read_text() == "mine"
    assert (tmp_path / "dest" / "x").read_text() == "evil"
