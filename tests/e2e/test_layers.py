"""`nixgen layers`: what it says fits the image that is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from nixgen.oci import StoreRoot
from nixgen.pipeline.layers import layer_bytes
from tests.e2e.conftest import EXAMPLES, ROOT, Cli

# Of a layer's tar: the two parent folders, the end, and what fills the last record.
_FRAME_BYTES = 2 * 512 + 2 * 512
_RECORD_BYTES = 10_240


def _project(tmp_path: Path, layers: str) -> Path:
    project = Path(shutil.copytree(EXAMPLES / "http-c", tmp_path / "http-c"))
    description = project / "app.toml"
    description.write_text(f"{description.read_text()}\n[image.layers]\n{layers}\n")
    return project


def test_the_layers_told_are_those_of_the_image(cli: Cli, tmp_path: Path) -> None:
    project = _project(tmp_path, 'strategy = "auto"')
    told = cli("layers", project, "--json", "-q")
    assert told.exit_code == 0, told.stderr
    (image,) = told.document["platforms"]
    built = cli("image", project, "-o", tmp_path / "image.oci", "--json", "-q")
    assert built.exit_code == 0, built.stderr
    written = built.document["platforms"][0]["layers"]
    assert [layer["store_paths"] for layer in image["store_layers"]] == [
        layer["store_paths"] for layer in written[:-1]
    ]
    for layer, tar in zip(image["store_layers"], written, strict=False):
        unpadded = layer["size_bytes"] + _FRAME_BYTES
        assert tar["unpacked_bytes"] == -(-unpadded // _RECORD_BYTES) * _RECORD_BYTES
    assert image["customisation_layer"]["size_bytes"] == written[-1]["unpacked_bytes"]
    assert [layer["app"] for layer in image["store_layers"]] == [False, True]
    (app,) = image["store_layers"][-1]["store_paths"]
    assert app.endswith("-http-c-1.0.0")


def test_one_layer_is_made_when_asked_for(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("layers", _project(tmp_path, 'strategy = "single"'), "-q")
    assert outcome.exit_code == 0, outcome.stderr
    assert "2 of at most 100 layers, by single" in outcome.stdout
    assert "all store paths are in one layer" in outcome.stdout
    assert "http-c-1.0.0" in outcome.stdout


def test_the_most_layers_are_kept_to(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("layers", _project(tmp_path, "max = 2"), "--json", "-q")
    assert outcome.exit_code == 0, outcome.stderr
    (layer,) = outcome.document["platforms"][0]["store_layers"]
    assert layer["why"] == "the app, and 1 path with it"


def test_sizes_count_headers_and_whole_blocks(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "empty").touch()
    (folder / "block").write_bytes(bytes(512))
    (folder / "more").write_bytes(bytes(513))
    (folder / "link").symlink_to("x" * 200)
    store = StoreRoot(root=tmp_path)
    assert layer_bytes("/folder/link", store) == 512
    assert layer_bytes("/folder", store) == 512 + 512 + 1024 + 1536 + 512
    assert layer_bytes("/folder", store, absent=frozenset({"/folder/more"})) == 512 * 5


def test_layers_are_those_that_the_image_has(cli: Cli, tmp_path: Path) -> None:
    project = Path(shutil.copytree(ROOT / "tests/data/planted", tmp_path / "planted"))
    place = project / "app.toml"
    place.write_text(place.read_text().replace('"none"', '"tight"'))
    (told,) = cli("layers", project, "--json", "-q").document["platforms"]
    outcome = cli("image", project, "-o", tmp_path / "image.oci", "--json", "-q")
    (made,) = outcome.document["platforms"]
    assert [layer["store_paths"] for layer in told["store_layers"]] == [
        layer["store_paths"] for layer in made["layers"][:-1]
    ]
    own = made["layers"][-1]["unpacked_bytes"]
    assert told["customisation_layer"]["size_bytes"] == own
