"""Whatever a base's layers hold: what is told of its root is what lies there once unpacked."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nixgen.oci.basefetch import read_base
from nixgen.oci.basefiles import read_root_files
from nixgen.oci.opening import open_stored
from nixgen.oci.overlay import overlay_rootfs
from nixgen.rootfiles import RootFiles
from tests.unit.oci.bases import HandMade, folder, link, make_tar
from tests.unit.oci.synthetic import SyntheticStore
from tests.unit.oci.test_basefiles import seen

NAMES = st.sampled_from(["a", "b", "c", ".wh.a", ".wh.b", ".wh..wh..opq"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
TARGETS = st.sampled_from(["a", "/b", "../c", "/a/b", "../../a", ".", "/", "b/c"])
Member = tarfile.TarInfo | tuple[str, bytes, int]


def _plain(path: str) -> bool:
    """A whiteout counts at the end of a path alone."""
    return not any(part.startswith(".wh.") for part in path.split("/")[:-1])


def _is_whiteout(path: str) -> bool:
    return path.rpartition("/")[2].startswith(".wh.")


MEMBERS = st.one_of(
    st.builds(
        lambda path, mode: folder(path, mode),
        PATHS.filter(lambda path: _plain(path) and not _is_whiteout(path)),
        st.sampled_from([0o755, 0o700, 0o1777]),
    ),
    st.builds(
        lambda path, target: link(path, target),
        PATHS.filter(lambda path: _plain(path) and not _is_whiteout(path)),
        TARGETS,
    ),
    st.builds(lambda path: (path, b"", 0o755), PATHS.filter(_plain)),
)


@settings(max_examples=60)
@given(st.lists(st.lists(MEMBERS, max_size=6), min_size=1, max_size=3))
def test_what_is_told_is_what_lies_there(layers: list[list[Member]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        made = HandMade(layers=[make_tar(*members) for members in layers])
        source = open_stored(made.write_layout(place / "base"))
        (place / "work").mkdir()
        base = read_base(source, source.images[0], work=place / "work", cache=None)
        synthetic = SyntheticStore(place / "root")
        conf = synthetic.conf([], synthetic.add_customisation({".": None}))
        overlay_rootfs(base, conf, store=synthetic.store, dest=place / "laid")
        told, found = read_root_files(base), seen(place / "laid")
        assert _comparable(told) == _comparable(found)
        for path in sorted({*told.links, *told.folders}):
            resolved = told.resolve(path)
            inside = place / "laid" / resolved.lstrip("/")
            if resolved in told.folders:
                assert inside.is_dir() and not inside.is_symlink()


def _comparable(files: RootFiles) -> object:
    return files.folders, files.links, files.programs
