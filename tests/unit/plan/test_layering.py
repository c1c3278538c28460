"""How store paths are put into layers: each once, the app last, small ones together."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixgen.plan.layering import Closure, Layers, Member, path_order, rounded_size, split_layers
from nixgen.spec.model import LayerStrategy
from tests.unit.plan.closures import closures, store_path

_STRATEGIES = st.sampled_from(["auto", "popularity", "single"])
_LIBC, _TLS, _DATA, _APP = (store_path(name) for name in ("libc", "tls", "data", "app"))
_SMALL = tuple(store_path(f"small-{number:02}") for number in range(81))


def closure_of(sizes: dict[str, int], references: dict[str, tuple[str, ...]]) -> Closure:
    members = tuple(
        Member(path=path, size_bytes=size, references=references.get(path, ()))
        for path, size in sizes.items()
    )
    return Closure(members=members, apps=frozenset({_APP}))


def many_small() -> Closure:
    """81 paths of 290 kB or so in all, beside three large ones and the app."""
    sizes = dict.fromkeys(_SMALL, 3_600)
    sizes |= {_LIBC: 9_000_000, _TLS: 30_000_000, _DATA: 60_000_000, _APP: 1_000_000}
    needs = dict.fromkeys((*_SMALL, _TLS), (_LIBC,))
    return closure_of(sizes, {**needs, _APP: (*_SMALL, _LIBC, _TLS, _DATA)})


@given(closures(max_size=9), _STRATEGIES, st.integers(1, 10))
def test_each_path_is_in_one_layer_and_the_app_in_the_last(
    closure: Closure, strategy: LayerStrategy, limit: int
) -> None:
    layers = split_layers(closure, strategy=strategy, limit=limit)
    assert sorted(path for layer in layers for path in layer) == sorted(closure.paths)
    assert len(layers) <= limit
    assert all(layers)
    holding = [n for n, layer in enumerate(layers) if closure.apps.intersection(layer)]
    assert holding == list(range(len(layers) - len(holding), len(layers)))


@given(closures(max_size=8), _STRATEGIES, st.integers(1, 9), st.randoms(use_true_random=False))
def test_the_order_of_the_members_does_not_matter(
    closure: Closure, strategy: LayerStrategy, limit: int, source: object
) -> None:
    members = list(closure.members)
    source.shuffle(members)  # type: ignore[attr-defined]
    other = Closure(members=tuple(members), apps=closure.apps)
    assert split_layers(other, strategy=strategy, limit=limit) == split_layers(
        closure, strategy=strategy, limit=limit
    )


def test_small_paths_do_not_use_up_layers() -> None:
    layers = split_layers(many_small(), strategy="auto", limit=99)
    large = [layer for layer in layers if set(layer).isdisjoint(_SMALL)]
    assert large == [(_DATA,), (_LIBC,), (_TLS,), (_APP,)]
    assert len(layers) - len(large) <= 6


def test_large_paths_are_not_put_with_small_ones_when_layers_are_few() -> None:
    layers = split_layers(many_small(), strategy="auto", limit=4)
    assert layers == ((_DATA,), (_LIBC, _TLS), _SMALL, (_APP,))


@pytest.mark.parametrize("limit", [3, 5, 99])
def test_an_update_changes_only_layers_that_hold_what_was_updated(limit: int) -> None:
    before = many_small()
    new = {_TLS: store_path("tls", hash_part="9999"), _APP: store_path("app", hash_part="9999")}

    def renewed(member: Member) -> Member:
        size = member.size_bytes + (1_000_000 if member.path == _TLS else 0)
        references = tuple(new.get(path, path) for path in member.references)
        return dataclasses.replace(
            member, path=new.get(member.path, member.path), size_bytes=size, references=references
        )

    after = Closure(
        members=tuple(renewed(member) for member in before.members), apps=frozenset({new[_APP]})
    )
    old: Layers = split_layers(before, strategy="auto", limit=limit)
    expected = tuple(tuple(new.get(path, path) for path in layer) for layer in old)
    assert split_layers(after, strategy="auto", limit=limit) == expected


@given(closures(max_size=8), st.integers(1, 9), st.data())
def test_what_an_update_did_not_touch_stays_where_it_was(
    closure: Closure, limit: int, data: st.DataObject
) -> None:
    numbered = {path: store_path(f"p{n}") for n, path in enumerate(closure.paths)}
    before = _renamed(closure, numbered)
    origin = data.draw(st.sampled_from(before.paths or [_APP]))
    updated = {path for path, reached in before.reached.items() if origin in reached}
    names = {path: path.replace("/0000-", "/9999-") for path in updated}
    old = split_layers(before, strategy="auto", limit=limit)
    new = split_layers(_renamed(before, names), strategy="auto", limit=limit)
    assert new == tuple(tuple(names.get(path, path) for path in layer) for layer in old)


def _renamed(closure: Closure, names: dict[str, str]) -> Closure:
    def renamed(member: Member) -> Member:
        references = tuple(names.get(path, path) for path in member.references)
        path = names.get(member.path, member.path)
        return dataclasses.replace(member, path=path, references=references)

    return Closure(
        members=tuple(map(renamed, closure.members)),
        apps=frozenset(names.get(path, path) for path in closure.apps),
    )


def test_paths_are_in_the_order_of_names_whatever_their_hash() -> None:
    one, other = store_path("a", hash_part="zzzz"), store_path("b", hash_part="0000")
    assert sorted([other, one], key=path_order) == [one, other]


def test_sizes_are_rounded_to_powers_of_two() -> None:
    assert [rounded_size(size) for size in (0, 1, 4096, 4097, 8192, 8193)] == [
        4096,
        4096,
        4096,
        8192,
        8192,
        16384,
    ]


def test_a_reference_that_is_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="gone"):
        Closure(members=(Member(path=_LIBC, size_bytes=1, references=(store_path("gone"),)),))
