"""Rules that would break an image, and closures of an odd shape."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nixgen.closure.packages import PackagePattern
from nixgen.errors import BuildError
from nixgen.oci import StoreRoot
from nixgen.oci.source import StoreLayer
from nixgen.oci.unbroken import refuse_broken
from tests.unit.oci.scenes import Scene
from tests.unit.oci.synthetic import ROOT_AT_ONE

_OVER_FOUR_GIB = (1 << 32) + 12345


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "root")


@pytest.fixture
def loaded(scene: Scene, tmp_path: Path) -> Scene:
    """The same with a program whose loader is in the library."""
    place = scene.synthetic.place(scene.library) / "lib/ld.so"
    place.write_bytes(b"loader")
    (tmp_path / "a.c").write_text("int main(void) { return 0; }")
    program = scene.synthetic.place(scene.app) / "bin/real"
    loader = f"-Wl,--dynamic-linker,{scene.library}/lib/ld.so"
    subprocess.run(["gcc", loader, "-o", program, tmp_path / "a.c"], check=True)
    scene.references = {**scene.references, scene.app: [scene.manual, scene.library]}
    return scene


def test_the_loader_of_a_kept_program_is_not_left_out(loaded: Scene) -> None:
    refused, _ = loaded.trim("safe", drop=("lib/ld.so",))
    with pytest.raises(BuildError) as caught:
        refuse_broken(loaded.conf, refused, store=loaded.synthetic.store)
    (problem,) = caught.value.problems
    assert problem.message == (
        f"{loaded.app}/bin/real needs the loader {loaded.library}/lib/ld.so, which is not left"
    )


def test_the_path_of_a_loader_is_not_cut(loaded: Scene) -> None:
    pair = (PackagePattern.parse("app"), PackagePattern.parse("library"))
    refused, _ = loaded.trim("safe", cuts=(pair,))
    with pytest.raises(BuildError, match="left out or cut is needed") as caught:
        refuse_broken(loaded.conf, refused, store=loaded.synthetic.store)
    assert "needs the loader" in caught.value.problems[0].message


def _refer(scene: Scene, source: str, target: str, *, by: bytes | None = None) -> None:
    """Have a file of `source` name `target`, or hold the bytes `by`, and Nix say it refers."""
    place = scene.synthetic.place(source) / "lib/more"
    place.parent.mkdir(exist_ok=True)
    with place.open("ab") as file:
        file.write(b" " + (target.encode() if by is None else by))
    known = scene.references.get(source, ())
    scene.references = {**scene.references, source: [*known, target]}


def test_store_paths_that_refer_to_each_other_and_to_which_nothing_leads_go(scene: Scene) -> None:
    _refer(scene, scene.compiler, scene.manual)
    _refer(scene, scene.manual, scene.compiler)
    _, report = scene.trim("tight")
    assert report.gone.keys() == {scene.compiler, scene.manual}


def test_store_paths_that_refer_to_each_other_stay_with_what_leads_to_one(scene: Scene) -> None:
    _refer(scene, scene.compiler, scene.manual)
    _refer(scene, scene.manual, scene.compiler)
    _refer(scene, scene.manual, scene.manual)
    _refer(scene, scene.font, scene.manual)
    _, report = scene.trim("tight")
    assert report.gone == {}


def test_of_store_paths_of_one_name_that_stays_to_which_something_refers(scene: Scene) -> None:
    one, other = (scene.synthetic.add_tree("same-1", {"data": b"x" * size}) for size in (7, 8))
    layers = [*map(list, scene.conf.store_layers), [one, other]]
    scene.conf = scene.synthetic.conf(layers, scene.conf.customisation_layer)
    _refer(scene, scene.library, other)
    conf, report = scene.trim("tight")
    assert report.gone[one] == 7
    assert other in conf.store_paths


def test_a_part_of_a_hash_in_another_keeps_nothing(scene: Scene) -> None:
    start = len("/nix/store/")
    wanted = scene.compiler[start : start + 32].encode()
    _refer(scene, scene.library, scene.compiler, by=b"a" + wanted[1:])
    _refer(scene, scene.library, scene.compiler, by=wanted[:-1] + b"a")
    conf, _ = scene.trim("tight")
    assert scene.compiler not in conf.store_paths


def test_a_hash_within_a_longer_word_keeps_what_nix_sees(scene: Scene) -> None:
    start = len("/nix/store/")
    wanted = scene.compiler[start : start + 32].encode()
    _refer(scene, scene.library, scene.compiler, by=b"abc" + wanted + b"abc")
    conf, _ = scene.trim("tight")
    assert scene.compiler in conf.store_paths


def test_patterns_of_store_paths_that_match_none_are_told(scene: Scene) -> None:
    _, report = scene.trim("tight", keep_paths=("font*", "editor-*"))
    assert report.unmatched == ("keep-paths: editor-*",)


def test_a_file_over_four_gigabytes_is_left_out_by_its_size(scene: Scene) -> None:
    _grow(scene.synthetic.place(scene.library) / "lib/huge.a")
    _, report = scene.trim("safe")
    sizes = {each.reason: each.size_bytes for each in report.savings}
    assert sizes["static-libraries"] == 1000 + _OVER_FOUR_GIB


def test_a_file_over_four_gigabytes_is_written_whole(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "root")
    _grow(scene.synthetic.place(scene.font) / "share/huge")
    total, last = 0, b""

    def count(data: memoryview) -> None:
        nonlocal total, last
        total += len(data)
        last = bytes(data[-20_000:])

    _layer(scene.font, scene.synthetic.store).write(count)
    assert _OVER_FOUR_GIB < total < _OVER_FOUR_GIB + 20_480
    assert b"the end" in last


def _layer(path: str, store: StoreRoot) -> StoreLayer:
    return StoreLayer(store_paths=(path,), ownership=ROOT_AT_ONE, store=store)


def _grow(place: Path) -> None:
    """Make a file that is mostly a hole."""
    with place.open("wb") as file:
        file.seek(_OVER_FOUR_GIB - len(b"the end"))
        file.write(b"the end")
