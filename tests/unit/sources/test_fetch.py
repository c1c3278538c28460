import errno
import hashlib
import threading
import zipfile
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.errors import HashMismatchError, MachineError, NetworkError
from nixgen.progress import BytesMoved, Notice, PhaseStarted
from nixgen.sources import DownloadCache, OfflineFolder, Place, Source, Supply, ensure, fetch_all
from nixgen.sources.model import Unpacked
from nixgen.sources.nar import nar_digest
from nixgen.sources.wheel import unpack_wheel
from tests.unit.sources.world import CONTENT, FakePlace, FakeStore, Recorder, make_source


@pytest.fixture
def cache(tmp_path: Path) -> DownloadCache:
    return DownloadCache(root=tmp_path / "cache")


def make_supply(cache: DownloadCache, *places: Place, offline: bool = False) -> Supply:
    return Supply(places=(cache, *places), cache=cache, offline=offline)


def unfinished(folder: Path) -> list[Path]:
    return list(folder.rglob(".unfinished-*"))


def test_what_is_valid_in_the_store_is_not_looked_for(
    cache: DownloadCache, store: FakeStore, recorder: Recorder
) -> None:
    source, place = make_source(), FakePlace()
    store.valid.add(source.store_path())
    (fetched,) = ensure([source], store=store, supply=make_supply(cache, place), reporter=recorder)
    assert fetched.where is None
    assert place.threads == []
    assert recorder.events == []
    assert not cache.root.exists()


def test_every_needed_source_is_added_once_and_told_in_order(
    cache: DownloadCache, store: FakeStore, recorder: Recorder
) -> None:
    sources = [make_source(f"s{number}-1", content=b"%d" % number) for number in range(9)]
    place = FakePlace(contents={source.file: b"%d" % i for i, source in enumerate(sources)})
    fetched = ensure(
        [*reversed(sources), *sources],
        store=store,
        supply=make_supply(cache, place),
        reporter=recorder,
    )
    assert [one.source for one in fetched] == sources
    assert {one.where for one in fetched} == {"the fake place"}
    assert sorted(store.added) == [source.name for source in sources]
    assert recorder.events[0] == PhaseStarted(name="fetch 9 sources (9 B)")
    assert recorder.events[-1] == BytesMoved(what="fetched", done_bytes=9, total_bytes=9)
    assert unfinished(cache.root) == []


def test_what_was_downloaded_comes_from_the_cache_the_next_time(
    cache: DownloadCache, recorder: Recorder
) -> None:
    source = make_source()
    supply = make_supply(cache, FakePlace(contents={source.file: CONTENT}))
    ensure([source], store=FakeStore(), supply=supply, reporter=recorder)
    (again,) = ensure([source], store=FakeStore(), supply=make_supply(cache), reporter=recorder)
    assert again.where == "the download cache"


def test_a_folders_file_is_added_from_where_it_lies(
    cache: DownloadCache, store: FakeStore, recorder: Recorder, tmp_path: Path
) -> None:
    source = make_source()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / source.file).write_bytes(CONTENT)
    folder = OfflineFolder(path=tmp_path / "folder")
    supply = Supply(places=(folder, cache), cache=cache)
    (fetched,) = ensure([source], store=store, supply=supply, reporter=recorder)
    assert fetched.where == f"the folder {tmp_path}/folder"
    assert not cache.path_of(source).exists()
    assert (tmp_path / "folder" / source.file).read_bytes() == CONTENT


def test_a_wrong_file_is_told_with_both_hashes_and_the_next_place_is_asked(
    cache: DownloadCache, store: FakeStore, recorder: Recorder
) -> None:
    source = make_source()
    bad = FakePlace(name="the bad place", contents={source.file: b"evil"})
    good = FakePlace(contents={source.file: CONTENT})
    (fetched,) = ensure(
        [source], store=store, supply=make_supply(cache, bad, good), reporter=recorder
    )
    assert fetched.where == "the fake place"
    evil = hashlib.sha256(b"evil").hexdigest()
    notices = [event.text for event in recorder.events if isinstance(event, Notice)]
    assert notices == [
        f"warning: hello-1.0.tar.gz from the bad place: SHA-256 is {evil}, "
        f"expected SHA-256 {source.digest.hex}"
    ]


def test_a_source_that_only_comes_wrong_is_a_mismatch_that_names_both_hashes(
    cache: DownloadCache, store: FakeStore, recorder: Recorder
) -> None:
    source = make_source()
    bad = FakePlace(name="the bad place", contents={source.file: b"evil"})
    supply = make_supply(cache, bad, FakePlace())
    with pytest.raises(HashMismatchError) as caught:
        ensure([source], store=store, supply=supply, reporter=recorder)
    text = str(caught.value)
    assert source.digest.hex in text
    assert f"the bad place: SHA-256 is {hashlib.sha256(b'evil').hexdigest()}" in text
    assert "the fake place: not there" in text
    assert store.added == []
    assert not cache.path_of(source).exists()


def test_sources_that_nobody_has_are_all_named_with_every_place_and_reason(
    cache: DownloadCache, store: FakeStore, recorder: Recorder
) -> None:
    sources = [make_source(f"{name}-1", content=name.encode()) for name in "cab"]
    place = FakePlace(contents={"a-1.tar.gz": b"a"})
    supply = make_supply(cache, place, FakePlace(name="another"))
    with pytest.raises(NetworkError) as caught:
        ensure(sources, store=store, supply=supply, reporter=recorder)
    assert caught.value.message == "2 of the 3 sources to fetch can't be had"
    assert [problem.key for problem in caught.value.problems] == ["b-1.tar.gz", "c-1.tar.gz"]
    assert caught.value.problems[0].message == (
        "not found; tried\n    the fake place: not there\n    another: not there"
    )
    assert "nixgen sources --fetch DIR" in (caught.value.hint or "")
    assert store.added == ["a-1"]


def test_offline_is_said_when_that_is_why(
    cache: DownloadCache, store: FakeStore, recorder: Recorder
) -> None:
    supply = make_supply(cache, offline=True)
    with pytest.raises(NetworkError) as caught:
        ensure([make_source()], store=store, supply=supply, reporter=recorder)
    assert (caught.value.hint or "").startswith("you are offline")
    assert caught.value.problems[0].message == (
        "not in the download cache, and no other place was named"
    )


def test_programs_run_in_the_main_thread_only(
    cache: DownloadCache, store: FakeStore, recorder: Recorder
) -> None:
    sources = [make_source(f"s{number}-1", content=b"%d" % number) for number in range(5)]
    plain = FakePlace()
    programs = FakePlace(
        contents={source.file: b"%d" % i for i, source in enumerate(sources)}, runs_program=True
    )
    ensure(sources, store=store, supply=make_supply(cache, plain, programs), reporter=recorder)
    assert set(programs.threads) == {threading.main_thread()}
    assert threading.main_thread() not in plain.threads
    assert len(plain.threads) == 5


@pytest.mark.parametrize("runs_program", [False, True])
def test_a_full_disk_ends_it_and_is_this_machines_fault(
    cache: DownloadCache, store: FakeStore, recorder: Recorder, runs_program: bool
) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "/somewhere/file")
    place = FakePlace(error=error, runs_program=runs_program)
    supply = make_supply(cache, place)
    with pytest.raises(MachineError, match="can't write /somewhere/file: No space left"):
        ensure([make_source()], store=store, supply=supply, reporter=recorder)
    assert unfinished(cache.root) == []
    assert supply.downloader.stopped.is_set()


def make_wheel(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tree/run", "x")
        archive.writestr("tree-1.dist-info/RECORD", "y")
    return path.read_bytes()


def wheel_source(tmp_path: Path, **changes: Digest) -> tuple[Source, bytes]:
    content = make_wheel(tmp_path / "made.whl")
    unpack_wheel(tmp_path / "made.whl", tmp_path / "expected", folder="tree")
    nar_hash = changes.get("nar_hash") or nar_digest(tmp_path / "expected")
    unpacked = Unpacked(name="tree-1-linux", nar_hash=nar_hash, strip="tree")
    return make_source("tree-1", content=content, file="tree-1.whl", unpacked=unpacked), content


def test_a_wheel_is_added_as_the_tree_that_it_unpacks_to(
    cache: DownloadCache, store: FakeStore, recorder: Recorder, tmp_path: Path
) -> None:
    source, content = wheel_source(tmp_path)
    supply = make_supply(cache, FakePlace(contents={source.file: content}))
    ensure([source], store=store, supply=supply, reporter=recorder)
    assert store.valid == {source.store_path()}
    assert source.store_path().endswith("-tree-1-linux")
    assert unfinished(cache.root) == []


def test_a_tree_with_another_hash_does_not_enter_the_store(
    cache: DownloadCache, store: FakeStore, recorder: Recorder, tmp_path: Path
) -> None:
    source, content = wheel_source(tmp_path, nar_hash=Digest("0" * 64))
    supply = make_supply(cache, FakePlace(contents={source.file: content}))
    with pytest.raises(HashMismatchError, match=Digest("0" * 64).sri.replace("+", r"\+")):
        ensure([source], store=store, supply=supply, reporter=recorder)
    assert store.added == []


def test_a_fetched_folder_serves_an_offline_machine(
    cache: DownloadCache, store: FakeStore, recorder: Recorder, tmp_path: Path
) -> None:
    source, content = wheel_source(tmp_path)
    sources = [make_source(), source]
    place = FakePlace(contents={"hello-1.0.tar.gz": CONTENT, source.file: content})
    dest = tmp_path / "new" / "folder"
    fetched = fetch_all(dest, sources, supply=make_supply(cache, place), reporter=recorder)
    assert [one.where for one in fetched] == ["the fake place"] * 2
    assert (dest / "SHA256SUMS").read_text() == (
        f"{sources[0].digest.hex}  hello-1.0.tar.gz\n{source.digest.hex}  tree-1.whl\n"
    )
    assert sorted(path.name for path in dest.iterdir()) == [
        "SHA256SUMS",
        "hello-1.0.tar.gz",
        "tree-1.whl",
    ]

    other = DownloadCache(root=tmp_path / "other")
    folder = OfflineFolder(path=dest)
    supply = Supply(places=(folder, other), cache=other, offline=True)
    ensure(sources, store=store, supply=supply, reporter=recorder)
    assert sorted(store.added) == ["hello-1.0", "tree-1"]


def test_fetching_again_checks_what_is_there_and_gets_only_what_is_not(
    cache: DownloadCache, recorder: Recorder, tmp_path: Path
) -> None:
    sources = [make_source(f"{name}-1", content=name.encode()) for name in "abc"]
    place = FakePlace(contents={source.file: source.pname.encode() for source in sources})
    dest = tmp_path / "dest"
    dest.mkdir()
    (dest / "a-1.tar.gz").write_bytes(b"a")
    (dest / "b-1.tar.gz").write_bytes(b"damaged")
    (dest / "mine.txt").write_text("keep")
    fetched = fetch_all(dest, sources, supply=make_supply(cache, place), reporter=recorder)
    assert [one.where for one in fetched] == [None, "the fake place", "the fake place"]
    assert len(place.threads) == 2
    assert (dest / "b-1.tar.gz").read_bytes() == b"b"
    assert (dest / "mine.txt").read_text() == "keep"


def test_the_sums_keep_what_earlier_calls_fetched_and_is_still_there(
    cache: DownloadCache, recorder: Recorder, tmp_path: Path
) -> None:
    sources = [make_source(f"{name}-1", content=name.encode()) for name in "abc"]
    place = FakePlace(contents={source.file: source.pname.encode() for source in sources})
    supply = make_supply(cache, place)
    fetch_all(tmp_path / "dest", sources[1:], supply=supply, reporter=recorder)
    (tmp_path / "dest" / "c-1.tar.gz").unlink()
    fetch_all(tmp_path / "dest", sources[:1], supply=supply, reporter=recorder)
    lines = (tmp_path / "dest" / "SHA256SUMS").read_text().splitlines()
    assert [line.partition("  ")[2] for line in lines] == ["a-1.tar.gz", "b-1.tar.gz"]


def test_a_folder_that_cannot_be_written_is_this_machines_fault(
    cache: DownloadCache, recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="can't write the folder"):
        fetch_all(
            tmp_path / "file" / "x", [make_source()], supply=make_supply(cache), reporter=recorder
        )
