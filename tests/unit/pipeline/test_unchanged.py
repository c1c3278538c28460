"""A run is repeated from memory only while nothing that it reads or made has changed."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.pipeline.outcome import Outcome, PlatformOutcome
from nixgen.pipeline.state import State
from nixgen.pipeline.unchanged import Call, Inputs, Root, Surveyed, recall, remember
from nixgen.sourcetree import survey_source

_LONG_AGO = (1_500_000_000, 1_500_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A project, an image of it, and a store path that a root keeps."""

    project: Path
    image: Path
    store_path: Path
    link: Path
    base: Path
    state: State

    @classmethod
    def make(cls, folder: Path) -> World:
        world = cls(
            project=folder / "project",
            image=folder / "out.oci",
            store_path=folder / "store-path",
            link=folder / "root",
            base=folder / "base.oci",
            state=State(folder / "state"),
        )
        world.project.mkdir()
        for name, text in (("app.toml", "a"), ("nixgen.lock", "l"), ("main.c", "int x;")):
            (world.project / name).write_text(text)
            os.utime(world.project / name, _LONG_AGO)
        (world.image / "blobs").mkdir(parents=True)
        (world.image / "index.json").write_text("{}")
        (folder / "real-base" / "blobs").mkdir(parents=True)
        (folder / "real-base" / "blobs" / "one").write_text("base")
        world.base.symlink_to(folder / "real-base")
        (world.image / "blobs" / "one").write_text("blob")
        world.store_path.write_text("conf")
        world.link.symlink_to(world.store_path)
        return world

    @property
    def call(self) -> Call:
        return Call(
            description=self.project / "app.toml", destination=self.image, options={"tag": None}
        )

    @property
    def outcome(self) -> Outcome:
        digest = Digest.of_bytes(b"image")
        platform = {
            "platform": "linux/amd64",
            "digest": str(digest),
            "size_bytes": 4,
            "unpacked_bytes": 10,
            "layers": [{}, {}],
            "variants": {"ffmpeg": "ffmpeg-headless"},
        }
        return Outcome(
            name="app",
            tags=("1",),
            path=self.image,
            format="oci",
            digest=digest,
            platforms=(PlatformOutcome.of(platform),),
        )

    def inputs(self) -> Inputs:
        tree = survey_source(self.project, lock_name="nixgen.lock")
        # why: what was made a moment ago is not settled.
        base = dataclasses.replace(Surveyed.of(self.base), newest_ns=0)
        return Inputs(
            description=self.project / "app.toml",
            description_digest=Digest.of_file(self.project / "app.toml"),
            trees=(tree,),
            bases=(base,),
        )

    def remember(self, inputs: Inputs | None = None) -> None:
        root = Root(link=self.link, target=str(self.store_path), place=self.store_path)
        remember(
            self.call,
            inputs or self.inputs(),
            self.outcome,
            roots=[root],
            state=self.state,
            environ={},
        )

    def recall(self) -> Outcome | None:
        return recall(self.call, self.state, {})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.make(tmp_path)


def test_an_unchanged_world_gives_the_same_outcome_again(world: World) -> None:
    assert world.recall() is None
    world.remember()
    again = world.recall()
    assert again is not None
    assert again.as_json() == world.outcome.as_json()


def _keeping_size(path: Path) -> None:
    path.write_bytes(path.read_bytes()[::-1])


def _with_old_times(path: Path) -> None:
    """Another content of the same size and modification time: the time of change tells."""
    before = path.stat()
    time.sleep(0.02)
    _keeping_size(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[World], object]] = {
    "the description": lambda w: (w.project / "app.toml").write_text("b"),
    "the lockfile": lambda w: (w.project / "nixgen.lock").write_text("m"),
    "no lockfile": lambda w: (w.project / "nixgen.lock").unlink(),
    "a source file": lambda w: _keeping_size(w.project / "main.c"),
    "a source file, its times put back": lambda w: _with_old_times(w.project / "main.c"),
    "an execute bit": lambda w: (w.project / "main.c").chmod(0o755),
    "a further source file": lambda w: (w.project / "more.c").touch(),
    "a source file less": lambda w: (w.project / "main.c").unlink(),
    "a blob gone": lambda w: (w.image / "blobs" / "one").unlink(),
    "a blob cut": lambda w: (w.image / "blobs" / "one").write_text("blo"),
    "the index": lambda w: (w.image / "index.json").write_text("[]"),
    "the image gone": lambda w: w.image.rename(w.image.with_name("elsewhere")),
    "the root gone": lambda w: w.link.unlink(),
    "the root leads elsewhere": lambda w: (w.link.unlink(), w.link.symlink_to("/nowhere")),
    "a blob of the base": lambda w: _keeping_size(w.base / "blobs" / "one"),
    "a blob of the base, its times put back": lambda w: _with_old_times(w.base / "blobs" / "one"),
    "the base gone": lambda w: w.base.unlink(),
    "another base": lambda w: (w.base.unlink(), w.base.symlink_to(w.image)),
    "the store path collected": lambda w: w.store_path.unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_change_makes_the_run_anew(world: World, change: Callable[[World], object]) -> None:
    world.remember()
    assert world.recall() is not None
    change(world)
    assert world.recall() is None


@pytest.mark.parametrize(
    "other",
    [
        {"options": {"tag": "2"}},
        {"destination": None},
        {"destination": Path("other.oci")},
        {"description": Path("other.toml")},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_call_is_not_answered(world: World, other: dict[str, object]) -> None:
    world.remember()
    assert recall(dataclasses.replace(world.call, **other), world.state, {}) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("variable", ["SOURCE_DATE_EPOCH", "NIX_REMOTE", "HOME"])
def test_another_environment_is_not_answered(world: World, variable: str) -> None:
    world.remember()
    assert recall(world.call, world.state, {variable: "1"}) is None


def test_the_time_of_change_alone_is_no_change_of_a_blob(world: World) -> None:
    world.remember()
    (world.state.folder / "another-link").hardlink_to(world.image / "blobs" / "one")
    assert world.recall() is not None


def test_a_source_that_was_just_edited_leaves_no_stamp(world: World) -> None:
    os.utime(world.project / "main.c")
    world.remember()
    assert world.recall() is None


def test_a_base_that_was_just_made_leaves_no_stamp(world: World) -> None:
    world.remember(dataclasses.replace(world.inputs(), bases=(Surveyed.of(world.base),)))
    assert world.recall() is None


def test_a_base_that_changed_during_the_run_leaves_no_stamp(world: World) -> None:
    inputs = world.inputs()
    _keeping_size(world.base / "blobs" / "one")
    world.remember(inputs)
    assert world.recall() is None


def test_a_source_that_changed_during_the_run_leaves_no_stamp(world: World) -> None:
    inputs = world.inputs()
    _keeping_size(world.project / "main.c")
    world.remember(inputs)
    assert world.recall() is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 2}', "null", "\0"])
def test_a_damaged_stamp_is_as_good_as_none(world: World, text: str) -> None:
    world.remember()
    (stamp,) = (world.state.folder / "stamps").iterdir()
    stamp.write_text(text)
    assert world.recall() is None


def test_a_stamp_cut_anywhere_is_as_good_as_none(world: World) -> None:
    world.remember()
    (stamp,) = (world.state.folder / "stamps").iterdir()
    whole = stamp.read_bytes()
    for length in range(len(whole)):
        stamp.write_bytes(whole[:length])
        assert world.recall() is None


def test_old_stamps_do_not_pile_up(world: World) -> None:
    for number in range(120):
        world.state.write_stamp(f"{number:03}", {})
    assert len(list((world.state.folder / "stamps").iterdir())) == 100
