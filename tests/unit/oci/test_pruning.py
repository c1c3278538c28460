"""Pruning the layer cache: the longest unused goes first, and nothing that a run still needs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from nixgen.cli.cache import parse_age
from nixgen.errors import UsageError
from nixgen.oci import BuiltImage, ImageConf, LayerCache, cache_content, prune_cache
from nixgen.oci.pruning import DEFAULT_MAX_BYTES, parse_size, user_bound
from tests.unit.oci.synthetic import SyntheticStore

Hello = tuple[SyntheticStore, ImageConf]
Build = Callable[..., BuiltImage]


def fail(text: str) -> None:
    raise AssertionError(text)


@pytest.fixture
def folder(tmp_path: Path, hello: Hello, build: Build) -> Path:
    """A cache with the three layers of an image, used a day apart, oldest first by its name."""
    build(*hello, cache=LayerCache(tmp_path / "cache", warn=fail))
    for days, blob in enumerate(sorted(cache_content(tmp_path / "cache").blobs, key=by_name)):
        [entry] = blob.entries
        used = entry.stat().st_mtime - (3 - days) * 86_400
        os.utime(entry, (used, used))
    return tmp_path / "cache"


def by_name(blob: object) -> str:
    return str(getattr(blob, "path", ""))


def names(folder: Path) -> list[str]:
    return [blob.path.name for blob in cache_content(folder).blobs]


def test_a_cache_is_described(folder: Path) -> None:
    content = cache_content(folder)
    assert names(folder) == sorted(names(folder))
    assert content.size_bytes == sum(blob.path.stat().st_size for blob in content.blobs)
    assert content.leftovers == ()
    document = content.as_json()
    assert (document["layers"], document["size_bytes"]) == (3, content.size_bytes)
    assert document["oldest_use"] < document["newest_use"]


def test_a_cache_that_is_not_there_is_empty_and_stays_away(tmp_path: Path) -> None:
    assert cache_content(tmp_path / "none").blobs == ()
    assert prune_cache(tmp_path / "none", max_bytes=0, warn=fail).removed_layers == 0
    assert not (tmp_path / "none").exists()


def test_the_longest_unused_goes_first(folder: Path) -> None:
    oldest, *others = names(folder)
    size = cache_content(folder).size_bytes
    assert prune_cache(folder, max_bytes=size, warn=fail).removed_layers == 0
    pruned = prune_cache(folder, max_bytes=size - 1, warn=fail)
    assert (pruned.removed_layers, pruned.kept_layers) == (1, 2)
    assert pruned.kept_bytes + pruned.removed_bytes == size
    assert names(folder) == others
    assert oldest not in others
    assert len(list((folder / "v1" / "entries").iterdir())) == 2


def test_what_was_not_used_for_long_goes(folder: Path) -> None:
    *_, newest = names(folder)
    prune_cache(folder, older_than_s=1.5 * 86_400, warn=fail)
    assert names(folder) == [newest]


def test_using_a_layer_makes_it_young(folder: Path, hello: Hello, build: Build) -> None:
    build(*hello, cache=LayerCache(folder, warn=fail))
    assert prune_cache(folder, older_than_s=3600, warn=fail).removed_layers == 0


def test_what_no_entry_names_and_broken_entries_go(folder: Path) -> None:
    first = cache_content(folder).blobs[0]
    first.entries[0].write_bytes(b"{")
    (folder / "v1" / "tmp" / "blob-left").write_bytes(b"left")
    pruned = prune_cache(folder, warn=fail)
    assert (pruned.removed_layers, pruned.kept_layers) == (1, 2)
    assert not first.path.exists()
    assert not first.entries[0].exists()
    assert list((folder / "v1" / "tmp").iterdir()) == []


def test_a_pruned_layer_is_made_again(folder: Path, hello: Hello, build: Build) -> None:
    prune_cache(folder, max_bytes=0, warn=fail)
    image = build(*hello, cache=LayerCache(folder, warn=fail))
    assert [layer.from_cache for layer in image.layers] == [False] * 3
    assert len(names(folder)) == 3


def test_the_bound_at_the_end_of_a_run_waits_for_no_other(folder: Path) -> None:
    mine = LayerCache(folder, warn=fail, max_bytes=1)
    other = LayerCache(folder, warn=fail)
    mine.bound()
    assert len(names(folder)) == 3
    del other
    mine.bound()
    assert names(folder) == []


def test_pruning_waits_for_a_run_that_uses_the_cache(folder: Path) -> None:
    said: list[str] = []
    running = [LayerCache(folder, warn=fail)]

    def tell(text: str) -> None:
        said.append(text)
        assert len(names(folder)) == 3
        running.clear()

    pruning = Thread(target=lambda: prune_cache(folder, max_bytes=0, warn=tell))
    pruning.start()
    pruning.join(60)
    assert names(folder) == []
    assert said == ["another run uses the layer cache: waiting for its end"]


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("7B", 7), ("2GB", 2 * 10**9), ("1.5GiB", 3 << 29), ("3 kB", 3000), ("2M", 2000000)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(("text", "age"), [("30d", 2592000), ("12h", 43200), ("2w", 1209600)])
def test_ages_are_read(text: str, age: int) -> None:
    assert parse_age(text) == age


@pytest.mark.parametrize("text", ["", "GB", "-1", "1e9", "2 apples", "٣GB"])
def test_what_is_no_size_or_age_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size"):
        parse_size(text)
    with pytest.raises(UsageError, match="is not an age"):
        parse_age(text)


def test_the_bound_is_the_users(folder: Path) -> None:
    assert user_bound({}) == DEFAULT_MAX_BYTES
    assert user_bound({"NIXGEN_CACHE_MAX_SIZE": "1.5GiB"}) == 3 << 29
    with pytest.raises(UsageError, match="NIXGEN_CACHE_MAX_SIZE: 'much' is not a size"):
        user_bound({"NIXGEN_CACHE_MAX_SIZE": "much"})
