"""The tar writer against Python's tarfile, on headers and trees that hypothesis makes up."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nixgen.oci import HeaderEncoder, Ownership, StoreRoot, write_layer_tar
from tests.unit.oci.rival import rival_bytes
from tests.unit.oci.synthetic import store_path

# Text as it comes from names that are bytes: any code point but NUL, and lone bytes.
_raw = st.one_of(
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "ignore")),
    st.binary(max_size=300),
    st.integers(95, 105).map(lambda length: b"n" * length),
    st.sampled_from([b"x" * 155, b"x" * 256, b"\xff" * 100, "é".encode() * 50, b"a\nb", b"\x7f"]),
)
_text = _raw.map(lambda raw: raw.replace(b"\0", b"0").decode("utf-8", "surrogateescape"))
_owner = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
_numbers = st.one_of(
    st.integers(0, 1 << 64),
    st.sampled_from([8**7 - 1, 8**7, 8**11 - 1, 8**11, (1 << 32) - 1]),
)
_ownerships = st.builds(
    Ownership,
    mtime=st.one_of(_numbers, st.integers(-(1 << 40), 0)),
    uid=_numbers,
    gid=_numbers,
    uname=_owner,
    gname=_owner,
)


def expected(ownership: Ownership, **fields: Any) -> bytes:
    info = tarfile.TarInfo(fields["name"])
    info.mode, info.type = fields["mode"], fields["type"]
    info.size, info.linkname = fields.get("size", 0), fields.get("linkname", "")
    info.mtime, info.uid, info.gid = ownership.mtime, ownership.uid, ownership.gid
    info.uname, info.gname = ownership.uname, ownership.gname
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


@settings(max_examples=400)
@given(
    ownership=_ownerships,
    name=_text,
    target=_text,
    mode=st.integers(0, 0o177777),
    size=st.one_of(_numbers, st.just(8 << 30)),
)
def test_headers_are_those_of_tarfile(
    ownership: Ownership, name: str, target: str, mode: int, size: int
) -> None:
    headers = HeaderEncoder(ownership)
    # why: tarfile adds no second slash to a directory's name that has one; names here never do.
    folder = name.rstrip("/") or "d"
    assert headers.file(name, mode=mode, size_bytes=size) == expected(
        ownership, name=name, mode=mode, type=tarfile.REGTYPE, size=size
    )
    assert headers.directory(folder, mode=mode) == expected(
        ownership, name=folder, mode=mode, type=tarfile.DIRTYPE
    )
    assert headers.symlink(name, mode=mode, target=target) == expected(
        ownership, name=name, mode=mode, type=tarfile.SYMTYPE, linkname=target
    )


_names = _raw.map(lambda raw: raw.replace(b"\0", b"").replace(b"/", b"")[:255]).filter(
    lambda raw: raw not in (b"", b".", b"..")
)
_files = st.tuples(
    st.just("file"), st.binary(max_size=2000), st.integers(0, 0o7777).map(lambda m: m | 0o400)
)
_links = st.tuples(
    st.just("link"), _raw.map(lambda raw: raw.replace(b"\0", b"")).filter(bool), st.none()
)
_hard_links = st.tuples(st.just("hard"), st.just(b""), st.none())
_trees = st.recursive(
    st.one_of(_files, _links, _hard_links),
    lambda inner: st.tuples(
        st.just("dir"),
        st.dictionaries(_names, inner, max_size=6),
        st.integers(0, 0o7777).map(lambda m: m | 0o700),
    ),
    max_leaves=15,
)


def plant(place: Path, node: Any, planted: list[Path]) -> None:
    kind, content, mode = node
    if kind == "hard" and planted:
        place.hardlink_to(planted[-1])
    elif kind == "link":
        place.symlink_to(os.fsdecode(content))
    elif kind == "dir":
        place.mkdir()
        for name, child in content.items():
            plant(place / os.fsdecode(name), child, planted)
        place.chmod(mode)
    else:
        place.write_bytes(content)
        place.chmod(mode or 0o444)
        planted.append(place)


def numbered(nodes: list[Any]) -> Iterator[tuple[str, Any]]:
    for number, node in enumerate(nodes):
        yield store_path(number, f"p{number}"), node


@settings(max_examples=150)
@given(nodes=st.lists(_trees, max_size=4), ownership=_ownerships)
def test_layers_are_those_of_tarfile(nodes: list[Any], ownership: Ownership) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "nix" / "store").mkdir(parents=True)
        planted: list[Path] = []
        paths = []
        for path, node in numbered(nodes):
            plant(root / path.lstrip("/"), node, planted)
            paths.append(path)
        made = bytearray()
        write_layer_tar(paths, ownership=ownership, store=StoreRoot(root=root), sink=made.extend)
        assert bytes(made) == rival_bytes(paths, root=root, ownership=ownership)
