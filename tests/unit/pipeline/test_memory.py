"""What was found in store paths is remembered, within bounds, and never trusted when damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from nixgen.closure.rules import Minimising
from nixgen.closure.selection import keep_files
from nixgen.pipeline.memory import Memory
from nixgen.pipeline.programs import read_program
from nixgen.pipeline.trimming import remembering
from tests.unit.oci.synthetic import SyntheticStore, store_path

_A, _B, _C = (store_path(number, name) for number, name in enumerate("abc"))


def test_what_is_remembered_is_bounded() -> None:
    memory = Memory(known={f"{number:064x}": ("x",) for number in range(5000)})
    assert memory.recall(["new"], lambda: ["y"]) == ("y",)
    kept = memory.as_json(str)["found"]
    assert len(kept) == 1000
    assert set(memory.used) <= set(kept)


def _remembered() -> Any:
    memory: Memory[str] = Memory()
    memory.recall(["asked"], lambda: ["x"])
    return memory.as_json(str)


def test_what_was_written_is_read_back() -> None:
    document = json.loads(json.dumps(_remembered()))
    assert Memory.of(document, str).recall(["asked"], lambda: ["y"]) == ("x",)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"found": []},
        {"found": {}},
        {"found": {"a": 1}},
        {"sum": "0" * 64},
        {"sum": None},
    ],
    ids=repr,
)
def test_a_memory_that_is_damaged_is_none(change: dict[str, Any]) -> None:
    assert Memory.of({**_remembered(), **change}, str).known == {}


@pytest.mark.parametrize("document", [None, [], {}, "text"], ids=repr)
def test_what_is_no_memory_is_none(document: object) -> None:
    assert Memory.of(document, str).known == {}


def test_what_is_whole_and_can_not_be_read_is_none() -> None:
    assert Memory.of(_remembered(), read_program).known == {}


def test_a_store_path_that_was_made_anew_is_searched_again(tmp_path: Path) -> None:
    synthetic = SyntheticStore(tmp_path)
    tree = synthetic.add_tree("tree", {"lib/to-b": _B.encode()})
    place = synthetic.store.physical
    whole = keep_files(tree, place, Minimising())
    first: Memory[str] = Memory()
    assert remembering(first, synthetic.store)(whole, [_B, _C], place) == {_B}
    moved = synthetic.place(tree).rename(tmp_path / "moved")
    shutil.copytree(moved, synthetic.place(tree))
    (synthetic.place(tree) / "lib/to-b").write_text(_C)
    again = Memory.of(first.as_json(str), str)
    assert remembering(again, synthetic.store)(whole, [_B, _C], place) == {_C}


def test_the_files_of_a_store_path_are_searched_once(tmp_path: Path) -> None:
    synthetic = SyntheticStore(tmp_path)
    tree = synthetic.add_tree("tree", {"lib/to-b": _B.encode(), "doc/to-c": _C.encode()})
    place = synthetic.store.physical
    whole, part = (keep_files(tree, place, Minimising(drop=drop)) for drop in ((), ("doc",)))
    first: Memory[str] = Memory()
    look = remembering(first, synthetic.store)
    assert look(whole, [_A, _B, _C], place) == {_B, _C}
    (synthetic.place(tree) / "lib/to-b").unlink()
    second = Memory.of(json.loads(json.dumps(first.as_json(str))), str)
    look = remembering(second, synthetic.store)
    assert look(whole, [_A, _B, _C], place) == {_B, _C}
    assert not second.has_news
    (synthetic.place(tree) / "lib/to-b").write_text("nothing")
    assert look(whole, [_A, _B], place) == frozenset()
    assert look(part, [_A, _B, _C], place) == frozenset()


def test_what_was_not_asked_for_is_not_remembered_as_found(tmp_path: Path) -> None:
    synthetic = SyntheticStore(tmp_path)
    tree = synthetic.add_tree("tree", {"to-b": _B.encode()})
    place = synthetic.store.physical
    whole = keep_files(tree, place, Minimising())
    first: Memory[str] = Memory()
    remembering(first, synthetic.store)(whole, [_B], place)
    wrong = Memory(known=dict.fromkeys(first.used, (_C, "nonsense")))
    look = remembering(wrong, synthetic.store)
    assert look(whole, [_B], place) == frozenset()
