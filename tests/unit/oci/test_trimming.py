"""A trimmed image is the image that it would be if what is left out had never been there."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nixgen.closure.packages import PackagePattern
from nixgen.closure.rules import Mode
from nixgen.errors import BuildError
from nixgen.oci import BuiltImage, ImageConf, layer_sources, materialise_rootfs
from nixgen.oci.unbroken import refuse_broken
from tests.unit.oci.scenes import OWN_FILES, Scene
from tests.unit.oci.synthetic import SyntheticStore

Build = Callable[..., BuiltImage]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "root")


def test_nothing_is_left_out_of_an_image_without_rules(scene: Scene) -> None:
    conf, report = scene.trim("none")
    assert conf == scene.conf
    assert report.size_bytes == 0


def test_safe_leaves_out_files_but_no_store_path(scene: Scene) -> None:
    conf, report = scene.trim("safe")
    assert conf.store_layers == scene.conf.store_layers
    assert {(each.reason, each.file_count, each.size_bytes) for each in report.savings} == {
        ("build-files", 1, len(scene.compiler)),
        ("docs", 1, 50),
        ("man", 1, 4 + len(scene.manual)),
        ("static-libraries", 1, 1000),
    }
    assert "/share/man" in conf.absent
    assert "/share/pages" in conf.absent
    assert "/share/doc/readme" in conf.absent
    assert "/share/doc" not in conf.absent
    assert report.gone == {}


def test_tight_leaves_out_what_nothing_kept_refers_to(scene: Scene) -> None:
    conf, report = scene.trim("tight")
    assert conf.store_layers == ((scene.font,), (scene.library, scene.app))
    assert report.gone == {scene.compiler: 5000, scene.manual: 300}


def test_a_path_that_the_user_keeps_stays(scene: Scene) -> None:
    conf, _ = scene.trim("tight", keep_paths=("compiler*",))
    assert scene.compiler in conf.store_paths
    assert scene.manual not in conf.store_paths


def test_what_a_kept_file_names_stays(scene: Scene) -> None:
    conf, _ = scene.trim("tight", keep=("share/man",))
    assert scene.manual in conf.store_paths
    assert "/share/man" not in conf.absent


def test_what_the_config_names_stays(scene: Scene) -> None:
    scene.conf = scene.synthetic.conf(
        [list(layer) for layer in scene.conf.store_layers],
        scene.conf.customisation_layer,
        config={"Entrypoint": [f"{scene.compiler}/bin/cc"]},
    )
    conf, _ = scene.trim("tight")
    assert scene.compiler in conf.store_paths


def test_patterns_that_match_nothing_are_told(scene: Scene) -> None:
    _, report = scene.trim("safe", keep=("share/nothing",), drop=("share/font", "lib/**/*.zip"))
    assert report.unmatched == ("share/nothing", "lib/**/*.zip")


def test_links_that_are_kept_but_lead_nowhere_are_told(scene: Scene) -> None:
    (scene.synthetic.place(scene.library) / "lib/cc").symlink_to(f"{scene.manual}/share/manual")
    (scene.synthetic.place(scene.app) / "bin/static").symlink_to(f"{scene.library}/lib/library.a")
    _, report = scene.trim("safe", drop=("share/manual",))
    assert report.dangling == (f"{scene.library}/lib/cc", f"{scene.app}/bin/static")


def _as_if_never_there(scene: Scene, trimmed: ImageConf) -> tuple[SyntheticStore, ImageConf]:
    """A store from which what is left out was removed by hand, and the conf of its image."""
    other = SyntheticStore(scene.synthetic.root.with_name("removed"), count=50)
    shutil.copytree(scene.synthetic.root, other.root, symlinks=True)
    for name in sorted(trimmed.absent, key=len):
        place = other.place(name)
        if not name.startswith("/nix/store/") or not (place.is_symlink() or place.exists()):
            continue
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()
    own = {
        name: what
        for name, what in OWN_FILES.items()
        if not any(name[1:] == gone or name[1:].startswith(f"{gone}/") for gone in trimmed.absent)
    }
    scene.synthetic = other
    custom = scene.make_conf(own).customisation_layer
    layers = [list(layer) for layer in trimmed.store_layers]
    return other, other.conf(layers, custom, config=dict(trimmed.config))


@pytest.mark.parametrize("mode", ["safe", "tight"])
def test_the_layers_are_those_of_a_store_without_what_is_left_out(
    scene: Scene, build: Build, mode: Mode
) -> None:
    conf, _ = scene.trim(mode)
    made = build(scene.synthetic, conf)
    expected = build(*_as_if_never_there(scene, conf))
    assert [one.diff_id for one in made.layers] == [one.diff_id for one in expected.layers]


@pytest.mark.parametrize("mode", ["safe", "tight"])
def test_a_root_made_of_the_conf_lacks_the_same(scene: Scene, tmp_path: Path, mode: Mode) -> None:
    conf, _ = scene.trim(mode)
    materialise_rootfs(conf, store=scene.synthetic.store, dest=tmp_path / "dest")
    found = {f"/{path.relative_to(tmp_path / 'dest')}" for path in (tmp_path / "dest").rglob("*")}
    assert "/bin/tool" in found
    assert f"{scene.library}/lib/library" in found
    assert found.isdisjoint(conf.absent)
    assert (f"{scene.compiler}/bin/cc" in found) == (mode == "safe")


def test_a_layer_that_lacks_more_is_another_in_the_cache(scene: Scene) -> None:
    safe, _ = scene.trim("safe")
    keys = [
        [source.key for source in layer_sources(conf, store=scene.synthetic.store)]
        for conf in (scene.conf, safe)
    ]
    assert keys[0][0] == keys[1][0]
    assert keys[0][2] != keys[1][2]
    assert keys[0][3] != keys[1][3]


def test_a_cut_layer_is_that_of_files_in_which_the_hash_was_overwritten(
    scene: Scene, build: Build
) -> None:
    scene.references = {**scene.references, scene.library: [scene.font, scene.compiler]}
    library = scene.synthetic.place(scene.library) / "lib/large"
    before = b"x" * ((1 << 20) - 7)
    library.write_bytes(before + scene.compiler.encode() + b"!")
    pair = (PackagePattern.parse("library"), PackagePattern.parse("compiler"))
    conf, report = scene.trim("tight", cuts=(pair,))
    assert scene.compiler not in conf.store_paths
    (cut,) = report.cuts
    assert [(one.file, one.offsets) for one in cut.places] == [("lib/large", (len(before) + 11,))]
    made = build(scene.synthetic, conf)
    library.write_bytes(before + b"/nix/store/" + b"e" * 32 + b"-compiler-1!")
    expected = build(scene.synthetic, dataclasses.replace(conf, cuts=()))
    assert [one.diff_id for one in made.layers] == [one.diff_id for one in expected.layers]


def test_a_link_cannot_be_cut(scene: Scene) -> None:
    (scene.synthetic.place(scene.library) / "lib/cc").symlink_to(f"{scene.compiler}/bin/cc")
    pair = (PackagePattern.parse("library"), PackagePattern.parse("compiler"))
    with pytest.raises(BuildError, match="by its link"):
        scene.trim("safe", cuts=(pair,))


def test_a_library_that_a_kept_program_loads_is_not_left_out(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "z.c").write_text("int z(void) { return 0; }")
    (tmp_path / "a.c").write_text("int z(void); int main(void) { return z(); }")
    place = scene.synthetic.place(scene.library) / "lib/libz.so"
    subprocess.run(
        ["gcc", "-shared", "-Wl,-soname,libz.so", "-o", place, tmp_path / "z.c"], check=True
    )
    program = scene.synthetic.place(scene.app) / "bin/real"
    rpath = f"-Wl,-rpath,{scene.library}/lib"
    subprocess.run(["gcc", rpath, "-o", program, tmp_path / "a.c", place], check=True)
    refused, _ = scene.trim("safe", drop=("lib/libz.so",))
    with pytest.raises(BuildError) as caught:
        refuse_broken(scene.conf, refused, store=scene.synthetic.store)
    (problem,) = caught.value.problems
    assert problem.message.startswith(f"{scene.app}/bin/real needs the library")
    fine, _ = scene.trim("safe", drop=("lib/libz.so", "bin/real"))
    refuse_broken(scene.conf, fine, store=scene.synthetic.store)
