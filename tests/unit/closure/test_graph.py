"""Reference graphs against slow, obvious oracles."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixgen.closure.graph import ROOT, ClosureGraph

_NAMES = [f"/nix/store/{letter * 32}-{letter}" for letter in "abcdfghi"]


@st.composite
def graphs(draw: st.DrawFn) -> ClosureGraph:
    """Any graph of up to eight paths: with cycles, self references and several roots."""
    count = draw(st.integers(1, len(_NAMES)))
    names = _NAMES[:count]
    references = {
        name: draw(st.lists(st.sampled_from(names), max_size=4, unique=True)) for name in names
    }
    roots = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
    sizes = {name: draw(st.integers(0, 1000)) for name in names}
    return ClosureGraph.of(roots, sizes, references)


def _reached_without(graph: ClosureGraph, gone: str) -> set[str]:
    seen: set[str] = set()
    todo = [root for root in graph.roots if root != gone]
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += [one for one in graph.nodes[path].references if one != gone]
    return seen


@given(graphs())
def test_what_a_path_adds_is_what_goes_when_it_goes(graph: ClosureGraph) -> None:
    added = graph.added_bytes()
    for path in graph.nodes:
        left = _reached_without(graph, path)
        gone = sum(node.size_bytes for name, node in graph.nodes.items() if name not in left)
        assert added[path] == gone


@given(graphs())
def test_the_dominator_is_the_nearest_path_that_all_ways_lead_through(graph: ClosureGraph) -> None:
    strict = {
        path: {
            one for one in graph.nodes if one != path and path not in _reached_without(graph, one)
        }
        for path in graph.nodes
    }
    for path, above in graph.dominators.items():
        if above == ROOT:
            assert strict[path] == set()
        else:
            assert strict[path] == strict[above] | {above}


@given(graphs())
def test_the_dominator_tree_holds_every_path_once(graph: ClosureGraph) -> None:
    listed = [path for below in graph.dominated().values() for path in below]
    assert sorted(listed) == sorted(graph.nodes)


@given(graphs(), st.sampled_from(_NAMES))
def test_chains_are_all_the_shortest_ways(graph: ClosureGraph, target: str) -> None:
    found = graph.chains(target, limit=100_000)
    ways = [(root,) for root in graph.roots]
    while ways and not any(way[-1] == target for way in ways) and len(ways[0]) <= len(_NAMES):
        ways = [(*way, one) for way in ways for one in graph.nodes[way[-1]].references]
    expected = sorted(way for way in ways if way[-1] == target)
    assert list(found.shown) == expected
    assert found.count == len(expected)


@given(graphs(), st.sampled_from(_NAMES), st.integers(1, 3))
def test_a_limit_shows_fewer_chains_but_counts_all(
    graph: ClosureGraph, target: str, limit: int
) -> None:
    every, some = graph.chains(target, limit=100_000), graph.chains(target, limit=limit)
    assert some.count == every.count
    assert len(some.shown) == min(limit, every.count)
    assert set(some.shown) <= set(every.shown)


def test_a_chain_of_a_million_ways_is_counted_not_walked() -> None:
    names = [f"{index:02}" for index in range(41)]
    references: dict[str, list[str]] = {}
    for index, (here, after) in enumerate(pairwise(names)):
        sides = [f"{index:02}-left", f"{index:02}-right"]
        references[here] = sides
        references |= {side: [after] for side in sides}
    sizes = dict.fromkeys([*references, names[-1]], 1)
    chains = ClosureGraph.of(["00"], sizes, references).chains("40", limit=2)
    assert chains.count == 2**40
    assert len(chains.shown) == 2


def test_a_deep_closure_is_no_problem() -> None:
    names = [f"{index:06}" for index in range(20_000)]
    graph = ClosureGraph.of(
        names[:1], dict.fromkeys(names, 1), {a: [b] for a, b in pairwise(names)}
    )
    assert graph.added_bytes()[names[0]] == 20_000
    assert graph.added_bytes()[names[-1]] == 1


def test_a_reference_to_what_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is known of b"):
        ClosureGraph.of(["a"], {"a": 1}, {"a": ["b"]})


def test_a_path_that_is_not_there_has_no_chain() -> None:
    graph = ClosureGraph.of(["a"], {"a": 1}, {})
    assert graph.chains("b").count == 0


@given(graphs(), st.data())
def test_all_paths_are_held_and_no_root_is_added_that_another_leads_to(
    graph: ClosureGraph, data: st.DataObject
) -> None:
    sizes = {path: node.size_bytes for path, node in graph.nodes.items()}
    references = {path: node.references for path, node in graph.nodes.items()}
    named = data.draw(st.lists(st.sampled_from(sorted(sizes)), max_size=2, unique=True))
    held = ClosureGraph.of_all(named, sizes, references)
    assert list(held.nodes) == list(graph.nodes)
    assert set(named) <= set(held.roots)
    for added in set(held.roots) - set(named):
        others = ClosureGraph.of([root for root in held.roots if root != added], sizes, references)
        assert added not in others.nodes
