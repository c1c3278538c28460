from pathlib import Path

import pytest

from nixgen.errors import MachineError, UsageError
from nixgen.sources import DownloadCache, OfflineFolder, make_supply
from nixgen.sources.answer import Miss, Obtained
from nixgen.sources.supply import Publishers
from tests.unit.sources.world import CONTENT, make_source


def test_folders_come_first_in_the_order_named_then_the_cache_then_publishers(
    tmp_path: Path,
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    supply = make_supply(
        {"NIXGEN_SOURCES": f"{tmp_path}/b::{tmp_path}/a", "HOME": "/home/me"},
        folders=[tmp_path / "c", tmp_path / "a"],
    )
    assert supply.places[:-1] == (
        OfflineFolder(path=tmp_path / "c"),
        OfflineFolder(path=tmp_path / "a"),
        OfflineFolder(path=tmp_path / "b"),
        DownloadCache(root=Path("/home/me/.cache/nixgen/sources")),
    )
    assert isinstance(supply.places[-1], Publishers)
    assert not supply.offline


@pytest.mark.parametrize("environ", [{"NIXGEN_OFFLINE": "1"}, {"NIXGEN_OFFLINE": "yes"}])
def test_offline_leaves_out_everything_that_needs_a_network(environ: dict[str, str]) -> None:
    supply = make_supply({"HOME": "/home/me", **environ})
    assert supply.offline
    assert supply.places == (supply.cache,)
    assert make_supply({"HOME": "/home/me"}, offline=True).places == (supply.cache,)


@pytest.mark.parametrize("value", ["", "0"])
def test_offline_can_be_switched_off(value: str) -> None:
    assert not make_supply({"HOME": "/home/me", "NIXGEN_OFFLINE": value}).offline


def test_the_cache_is_where_the_desktop_rules_say() -> None:
    environ = {"HOME": "/home/me", "XDG_CACHE_HOME": "/var/cache/me"}
    assert make_supply(environ).cache.root == Path("/var/cache/me/nixgen/sources")
    environ["XDG_CACHE_HOME"] = "relative"
    assert make_supply(environ).cache.root == Path("/home/me/.cache/nixgen/sources")


def test_a_folder_that_is_not_there_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gone"):
        make_supply({"HOME": "/"}, folders=[tmp_path / "gone"])


def test_a_damaged_file_in_the_cache_is_removed_and_never_given(tmp_path: Path) -> None:
    cache, source = DownloadCache(root=tmp_path / "cache"), make_source()
    path = cache.path_of(source)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-1])
    (offer,) = cache.offers(source)
    assert offer.get(tmp_path) == Miss(reason="was damaged there, removed")
    assert not path.exists()
    assert list(cache.offers(source)) == []


def test_what_is_kept_is_given_the_next_time(tmp_path: Path) -> None:
    cache, source = DownloadCache(root=tmp_path / "cache"), make_source()
    with cache.workspace() as workspace:
        (workspace / "x").write_bytes(CONTENT)
        kept = cache.keep(source, workspace / "x")
    assert not workspace.exists()
    (offer,) = cache.offers(source)
    answer = offer.get(tmp_path)
    assert isinstance(answer, Obtained)
    assert (answer.path, answer.lent) == (kept, True)


def test_a_cache_that_cannot_be_made_is_this_machines_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = DownloadCache(root=tmp_path / "file" / "cache")
    with pytest.raises(MachineError, match="can't write the download cache"), cache.workspace():
        pass


def test_a_file_within_another_is_taken_out_of_it(tmp_path: Path) -> None:
    import io
    import tarfile

    from nixgen.sources.model import Upstream
    from tests.unit.sources.world import serving

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        info = tarfile.TarInfo("package/deps/inner.tar.gz")
        info.size = len(CONTENT)
        tar.addfile(info, io.BytesIO(CONTENT))
    with serving() as web:
        url = web.serve("/carrier.tgz", packed.getvalue())
        origin = Upstream(url=url, member="package/deps/inner.tar.gz")
        supply = make_supply({"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "c")})
        (offer,) = supply.places[-1].offers(make_source(origins=(origin,)))
        assert offer.where == f"{url}, in it package/deps/inner.tar.gz"
        answer = offer.get(tmp_path)
    assert isinstance(answer, Obtained)
    assert answer.path.read_bytes() == CONTENT
