"""References are found as Nix finds them, however the bytes come."""

from __future__ import annotations

import os
import random
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixgen.closure.references import (
    Occurrence,
    ReferenceScanner,
    find_occurrences,
    hash_of,
)
from nixgen.errors import MachineError

_A, _B = b"a" * 32, b"b" + b"a" * 31
_RANDOM = random.Random(1)
_HASHES = ["".join(_RANDOM.choices("0123456789abcdf", k=32)).encode() for _ in range(20)]
_DIGITS = "".join(_RANDOM.choices("0123456789abcdf", k=40_000)).encode()
_PATHS = {name: f"/nix/store/{name * 32}-{name}" for name in "abcd"}


@given(
    st.lists(st.sampled_from([b"a", b"b", b"a" * 31, _A, _B, b"\0", b"/nix/store/"]), max_size=12),
    st.lists(st.integers(0, 300), max_size=8),
    st.booleans(),
)
def test_every_occurrence_is_found_however_the_bytes_are_cut(
    parts: list[bytes], cuts: list[int], with_many: bool
) -> None:
    data = b"".join(parts)
    others = [b"%02d" % number + b"c" * 30 for number in range(20)]
    scanner = ReferenceScanner([_A, _B, *others] if with_many else [_A, _B])
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        scanner.feed(data[start:end])
    for wanted in (_A, _B):
        expected = [m.start() for m in re.finditer(b"(?=" + wanted + b")", data)]
        assert sorted(scanner.found.get(wanted, [])) == expected


@given(st.integers(0, len(_DIGITS) - 32), st.integers(0, 19), st.integers(0, 31))
def test_a_hash_among_digits_is_found_wherever_it_stands(at: int, which: int, cut: int) -> None:
    data = bytearray(_DIGITS[cut:])
    at = min(at, len(data) - 32)
    data[at : at + 32] = _HASHES[which]
    scanner = ReferenceScanner(_HASHES)
    scanner.feed(bytes(data))
    assert scanner.found == {_HASHES[which]: [at]}


def test_digits_alone_hold_no_hash() -> None:
    scanner = ReferenceScanner(_HASHES)
    scanner.feed(_DIGITS)
    assert scanner.found == {}


def test_nothing_spans_two_files() -> None:
    scanner = ReferenceScanner([_A])
    scanner.feed(_A[:20])
    scanner.end_file()
    scanner.feed(_A[20:])
    assert scanner.found == {}


def test_a_part_of_a_hash_is_no_reference() -> None:
    scanner = ReferenceScanner([_A])
    scanner.feed(b"/nix/store/" + _A[:31] + b"-a")
    assert scanner.found == {}


def test_what_was_found_is_not_looked_for_again() -> None:
    scanner = ReferenceScanner([_A, _B], first_only=True)
    scanner.feed(_A + b"-" + _A)
    assert scanner.found == {_A: [0]}
    assert not scanner.is_done
    scanner.feed(b"-" + _B + b"-")
    assert scanner.is_done


def test_contents_links_and_names_are_looked_at(tmp_path: Path) -> None:
    place = tmp_path / "out"
    (place / "bin").mkdir(parents=True)
    (place / "bin/script").write_text(f"#!{_PATHS['a']}/bin/sh\nexec {_PATHS['b']}/x {_PATHS['a']}")
    (place / "link").symlink_to(f"{_PATHS['c']}/share")
    (place / f"{'d' * 32}.txt").touch()
    (place / "plain").write_text("nothing here")
    a, b, c, d = _PATHS.values()
    assert list(find_occurrences(place, _PATHS.values())) == [
        Occurrence(file="bin/script", target=a, where="content", offsets=(13, 119)),
        Occurrence(file="bin/script", target=b, where="content", offsets=(71,)),
        Occurrence(file=f"{'d' * 32}.txt", target=d, where="name", offsets=(0,)),
        Occurrence(file="link", target=c, where="link", offsets=(11,)),
    ]
    assert list(find_occurrences(place, [])) == []


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_store_path_may_be_a_file_or_a_link(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "one"
    if kind == "link":
        place.symlink_to(_PATHS["a"])
    else:
        place.write_text(_PATHS["a"])
    (found,) = find_occurrences(place, [_PATHS["a"]])
    assert (found.file, found.offsets) == ("", (11,))


def test_a_reference_far_beyond_four_gigabytes_is_found(tmp_path: Path) -> None:
    place = tmp_path / "large"
    with place.open("wb") as file:
        file.seek((1 << 32) + 5)
        file.write(_A)
    (found,) = find_occurrences(place, [_PATHS["a"]])
    assert found.offsets == ((1 << 32) + 5,)


def test_names_that_are_no_text_are_no_problem(tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.mkdir()
    Path(os.fsdecode(os.fsencode(place) + b"/\xff")).write_bytes(_A)
    (found,) = find_occurrences(place, [_PATHS["a"]])
    assert os.fsencode(found.file) == b"\xff"


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="gone: can't be read"):
        list(find_occurrences(tmp_path / "gone", [_PATHS["a"]]))


def test_only_store_paths_have_a_hash() -> None:
    assert hash_of("/nix/store/" + "a" * 32 + "-x/bin") == b"a" * 32
    with pytest.raises(ValueError, match="not a store path"):
        hash_of("/usr/bin")
