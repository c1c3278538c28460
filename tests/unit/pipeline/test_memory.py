"""What was found in store paths is remembered, within bounds, and never trusted when damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nixgen.closure.rules import Minimising
from nixgen.closure.selection import keep_files
from nixgen.pipeline.memory import Memory
from nixgen.pipeline.programs import read_program
from nixgen.pipeline.trimming import remembering
from tests.unit.oci.synthetic import SyntheticStore, store_path

_A, _B, _C = (store_path(number, name) for number, name in enumerate("abc"))


def test_what_is_remembered_is_bounded() -> None:
    document = {"format": 2, "found": {f"{number:064x}": ["x"] for number in range(5000)}}
    memory = Memory.of(document, str)
    assert memory.recall(["new"], lambda: ["y"]) == ("y",)
    kept = memory.as_json(str)["found"]
    assert len(kept) == 1000
    assert set(memory.used) <= set(kept)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"format": 1, "found": {}},
        {"format": 2, "found": []},
        {"format": 2, "found": {"a": 1}},
        {"format": 2, "found": {"a": [["too", "short"]]}},
    ],
    ids=repr,
)
def test_a_memory_that_can_not_be_read_is_none(document: object) -> None:
    assert Memory.of(document, read_program).known == {}


def test_the_files_of_a_store_path_are_searched_once(tmp_path: Path) -> None:
    synthetic = SyntheticStore(tmp_path)
    tree = synthetic.add_tree("tree", {"to-b": _B.encode(), "doc/to-c": _C.encode()})
    place = synthetic.store.physical
    whole, part = (keep_files(tree, place, Minimising(drop=drop)) for drop in ((), ("doc",)))
    first: Memory[str] = Memory()
    look = remembering(first, synthetic.store)
    assert look(whole, [_A, _B, _C], place) == {_B, _C}
    (synthetic.place(tree) / "to-b").unlink()
    second = Memory.of(json.loads(json.dumps(first.as_json(str))), str)
    look = remembering(second, synthetic.store)
    assert look(whole, [_A, _B, _C], place) == {_B, _C}
    assert not second.has_news
    (synthetic.place(tree) / "to-b").write_text("nothing")
    assert look(whole, [_A, _B], place) == frozenset()
    assert look(part, [_A, _B, _C], place) == frozenset()


def test_what_was_not_asked_for_is_not_remembered_as_found(tmp_path: Path) -> None:
    synthetic = SyntheticStore(tmp_path)
    tree = synthetic.add_tree("tree", {"to-b": _B.encode()})
    place = synthetic.store.physical
    whole = keep_files(tree, place, Minimising())
    first: Memory[str] = Memory()
    remembering(first, synthetic.store)(whole, [_B], place)
    document = first.as_json(str)
    document["found"] = {key: [_C, "nonsense"] for key in document["found"]}
    look = remembering(Memory.of(document, str), synthetic.store)
    assert look(whole, [_B], place) == frozenset()
