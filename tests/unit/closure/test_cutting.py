"""References are cut wherever the pieces of a file end, and nothing else is changed."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nixgen.closure.cutting import BLANK, Cutter

_A, _B = b"a" * 31 + b"b", b"ab" * 16


@given(
    st.lists(st.sampled_from([_A, _B, b"a", b"b", b"a" * 31, b"-", b"/nix/store/"]), max_size=12),
    st.lists(st.integers(0, 300), max_size=8),
)
def test_every_reference_is_cut_however_the_bytes_come(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    cutter = Cutter([_A, _B])
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    made = b"".join(cutter.feed(data[start:end]) for start, end in pairwise(edges))
    made += cutter.finish()
    assert len(made) == len(data)
    assert _A not in made
    assert _B not in made
    rest = data
    for each in (_A, _B):
        rest = rest.replace(each, b"")
    if _A not in data and _B not in data:
        assert made == data


def test_the_hash_alone_is_overwritten() -> None:
    cutter = Cutter([_A])
    made = cutter.feed(b"prefix /nix/store/" + _A + b"-name/bin\n") + cutter.finish()
    assert made == b"prefix /nix/store/" + BLANK + b"-name/bin\n"
