"""What is in a base's root, and the same laid into a folder: the two must agree."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from nixgen.errors import BuildError
from nixgen.oci import ImageConf
from nixgen.oci.base import BaseImage
from nixgen.oci.basefetch import read_base
from nixgen.oci.basefiles import read_root_files
from nixgen.oci.opening import open_stored
from nixgen.oci.overlay import overlay_rootfs
from nixgen.rootfiles import RootFiles, RootFolder
from tests.unit.oci.bases import HandMade, folder, link, make_tar
from tests.unit.oci.synthetic import SyntheticStore

Hello = tuple[SyntheticStore, ImageConf]

LAYERS = {
    "a link to a folder is followed on the way": [
        make_tar(folder("usr/bin"), link("bin", "usr/bin")),
        make_tar(("bin/tool", b"#!", 0o755)),
    ],
    "an absolute link stays inside": [
        make_tar(folder("data"), link("mnt", "/data")),
        make_tar(("mnt/file", b"x", 0o755)),
    ],
    "a folder takes the place of a link": [
        make_tar(folder("usr/bin"), link("bin", "usr/bin"), ("usr/bin/old", b"", 0o755)),
        make_tar(folder("bin"), ("bin/new", b"", 0o755)),
    ],
    "a whiteout removes what is below": [
        make_tar(folder("etc"), ("etc/gone", b"", 0o755), ("etc/kept", b"", 0o755)),
        make_tar(("etc/.wh.gone", b"")),
    ],
    "a whiteout spares its own layer": [
        make_tar(folder("etc/d"), ("etc/d/old", b"", 0o755)),
        make_tar(folder("etc/d"), ("etc/d/new", b"", 0o755), ("etc/.wh.d", b"")),
    ],
    "a whiteout spares folders on the way to what its own layer has": [
        make_tar(("a/old", b"", 0o755)),
        make_tar(("b/c/new", b"", 0o755), (".wh.b", b""), (".wh.a", b"")),
    ],
    "an opaque folder starts anew": [
        make_tar(folder("etc/d/deep"), ("etc/d/old", b"", 0o755), link("etc/d/l", "old")),
        make_tar(("etc/d/new", b"", 0o755), ("etc/d/.wh..wh..opq", b"")),
    ],
    "a file takes the place of a folder": [
        make_tar(folder("x/y"), ("x/y/z", b"", 0o755)),
        make_tar(("x", b"", 0o755)),
    ],
    "modes and owners are those of the last layer": [
        make_tar(folder("root", 0o755), folder("tmp", 0o1777)),
        make_tar(folder("root", 0o700)),
    ],
    "links in a circle lead nowhere": [make_tar(link("a", "b"), link("b", "a"))],
}


def base_of(layers: Sequence[bytes], folder_: Path) -> BaseImage:
    source = open_stored(HandMade(layers=layers, packing="gzip").write_layout(folder_ / "base"))
    (folder_ / "work").mkdir()
    return read_base(source, source.images[0], work=folder_ / "work", cache=None)


def seen(root: Path) -> RootFiles:
    """What a folder holds, told in the same words."""
    places = {f"/{path.relative_to(root)}": path for path in sorted(root.rglob("*"))}
    links = {name: str(path.readlink()) for name, path in places.items() if path.is_symlink()}
    plain = {name: path for name, path in places.items() if name not in links}
    folders = {name: path.stat().st_mode & 0o7777 for name, path in plain.items() if path.is_dir()}
    return RootFiles(
        folders={"/": RootFolder(), **{n: RootFolder(mode=m) for n, m in folders.items()}},
        links=links,
        programs=frozenset(
            name for name, path in plain.items() if path.is_file() and path.stat().st_mode & 0o111
        ),
    )


@pytest.mark.parametrize("name", LAYERS)
def test_what_is_told_is_what_lies_there_once_unpacked(
    tmp_path: Path, hello: Hello, name: str
) -> None:
    base = base_of(LAYERS[name], tmp_path)
    synthetic, _ = hello
    nothing = synthetic.add_customisation({".": None}, name="nothing")
    overlay_rootfs(base, synthetic.conf([], nothing), store=synthetic.store, dest=tmp_path / "laid")
    assert read_root_files(base) == seen(tmp_path / "laid")


def test_the_whole_is_as_expected(tmp_path: Path) -> None:
    files = read_root_files(
        base_of(
            [
                make_tar(folder("usr/bin"), link("bin", "usr/bin"), folder("root", 0o700, 0, 5)),
                make_tar(("bin/tool", b"#!", 0o755), ("bin/data", b"")),
            ],
            tmp_path,
        )
    )
    assert files == RootFiles(
        folders={
            "/": RootFolder(),
            "/usr": RootFolder(),
            "/usr/bin": RootFolder(),
            "/root": RootFolder(mode=0o700, uid=0, gid=5),
        },
        links={"/bin": "usr/bin"},
        programs=frozenset({"/usr/bin/tool"}),
    )


def test_accounts_are_read_through_links(tmp_path: Path) -> None:
    passwd = b"root:x:0:0::/root:/bin/sh\n"
    files = read_root_files(
        base_of(
            [
                make_tar(("nix/store/x/passwd", passwd), ("usr/share/doc/group", b"\xff")),
                make_tar(link("etc/passwd", "/nix/store/x/passwd"), ("etc/group", b"root:x:0:\n")),
            ],
            tmp_path,
        )
    )
    assert files.text("/etc/passwd") == passwd.decode()
    assert sorted(files.texts) == ["/etc/group", "/nix/store/x/passwd"]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"x" * ((1 << 20) + 1)])
def test_accounts_that_are_no_text_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BuildError, match=r"/etc/passwd of the base image is not text"):
        read_root_files(base_of([make_tar(("etc/passwd", content))], tmp_path))


def test_hard_links_stand_for_their_file(tmp_path: Path, hello: Hello) -> None:
    hard = tarfile.TarInfo("usr/bin/b")
    hard.type, hard.linkname = tarfile.LNKTYPE, "usr/bin/a"
    base = base_of([make_tar(("usr/bin/a", b"content", 0o755), hard)], tmp_path)
    assert read_root_files(base).programs == {"/usr/bin/a", "/usr/bin/b"}
    synthetic, made = hello
    overlay_rootfs(base, made, store=synthetic.store, dest=tmp_path / "laid")
    assert (tmp_path / "laid/usr/bin/b").read_bytes() == b"content"


@pytest.mark.parametrize("name", ["../out", "a/../../out"])
def test_names_that_lead_out_are_refused(tmp_path: Path, hello: Hello, name: str) -> None:
    base = base_of([make_tar((name, b"x"))], tmp_path)
    with pytest.raises(BuildError, match="leads out"):
        read_root_files(base)
    synthetic, made = hello
    with pytest.raises(BuildError, match="leads out"):
        overlay_rootfs(base, made, store=synthetic.store, dest=tmp_path / "laid")
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_through_a_link_out_of_the_root(tmp_path: Path, hello: Hello) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    base = base_of(
        [
            make_tar(link("a", str(outside)), link("b", "../../../outside")),
            make_tar(("a/x", b"x"), ("b/y", b"y")),
        ],
        tmp_path,
    )
    synthetic, made = hello
    overlay_rootfs(base, made, store=synthetic.store, dest=tmp_path / "laid")
    assert not list(outside.iterdir())
    assert (tmp_path / "laid" / str(outside).lstrip("/") / "x").read_bytes() == b"x"
    assert (tmp_path / "laid/outside/y").read_bytes() == b"y"


def test_the_customisation_layer_comes_last(tmp_path: Path, hello: Hello) -> None:
    synthetic, made = hello
    base = base_of([make_tar(("bin/hello", b"base"), ("bin/other", b"base"))], tmp_path)
    overlay_rootfs(base, made, store=synthetic.store, dest=tmp_path / "laid")
    assert (tmp_path / "laid/bin/hello").read_bytes() == b"hello"
    assert (tmp_path / "laid/bin/other").read_bytes() == b"base"


def test_a_layer_that_is_no_tar_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="is damaged"):
        read_root_files(base_of([b"no tar" * 1000], tmp_path))
