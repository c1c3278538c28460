"""Closures for tests: a few store paths with references, sizes that matter and an app or none."""

from __future__ import annotations

from hypothesis import strategies as st

from nixgen.plan.layering import Closure, Member

_HASHES = st.text("0123456789abcdfghijklmnpqrsvwxyz", min_size=4, max_size=4)
_NAMES = st.sampled_from(["a", "b", "b-1", "b-10", "b-2", "lib", "z+x"])
_SIZES = st.one_of(
    st.sampled_from([0, 512, 4096, 4097, 65_536, 1_000_000]), st.integers(0, 100_000_000)
)


def store_path(name: str, *, hash_part: str = "0000") -> str:
    return f"/nix/store/{hash_part}-{name}"


@st.composite
def closures(draw: st.DrawFn, *, max_size: int = 12) -> Closure:
    """Any closure, circles and references of a path to itself among them."""
    paths = draw(
        st.lists(
            st.builds(lambda name, h: store_path(name, hash_part=h), _NAMES, _HASHES),
            min_size=0,
            max_size=max_size,
            unique=True,
        )
    )
    members = tuple(
        Member(
            path=path,
            size_bytes=draw(_SIZES),
            references=tuple(draw(st.lists(st.sampled_from(paths), max_size=4, unique=True))),
        )
        for path in paths
    )
    apps = draw(st.lists(st.sampled_from(paths), max_size=2)) if paths else []
    return Closure(members=members, apps=frozenset(apps))
