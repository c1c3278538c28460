"""How large images are, held against lockfiles, images and budgets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.bench_size import EXAMPLES, copy_example, planted_project
from tests.e2e.conftest import ROOT, Cli


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """The whole app, nothing left out."""
    return Path(shutil.copytree(ROOT / "tests/data/planted", tmp_path / "planted"))


@pytest.fixture
def layout(planted: Path, cli: Cli) -> Path:
    place = planted.parent / "image.oci"
    outcome = cli("image", planted, "-o", place, "-q")
    assert outcome.exit_code == 0, outcome.stderr
    return place


def _grow(project: Path) -> None:
    """Let the next build hold a little more: the library's data is twice as large."""
    file = project / "app.nix"
    text = file.read_text()
    assert 'heavy "library-2.1" 100' in text
    file.write_text(text.replace('heavy "library-2.1" 100', 'heavy "library-2.1" 2000'))


def test_a_description_and_its_image_have_the_same_size(
    planted: Path, layout: Path, cli: Cli
) -> None:
    of_app = cli("size", planted, "--json", "-q").document["platforms"][0]
    of_image = cli("size", layout, "--json", "-q").document["platforms"][0]
    names = ("platform", "size_bytes", "unpacked_bytes", "layers")
    assert [of_app[name] for name in names] == [of_image[name] for name in names]
    files = [
        {each["name"]: each["files_bytes"] for each in size["packages"]}
        for size in (of_app, of_image)
    ]
    assert files[0] == files[1]
    image = json.loads((layout / "index.json").read_bytes())["manifests"][0]
    digest = image["digest"].partition(":")[2]
    manifest = json.loads((layout / "blobs/sha256" / digest).read_bytes())
    assert of_app["size_bytes"] == sum(layer["size"] for layer in manifest["layers"])


def test_growth_beyond_the_locks_record_fails_and_leaves_the_lock(
    planted: Path, layout: Path, cli: Cli
) -> None:
    lock = (planted / "nixgen.lock").read_bytes()
    assert cli("size", planted, "-q", "--max-growth", "0").exit_code == 0
    _grow(planted)
    outcome = cli("size", planted, "-q", "--max-growth", "5%")
    assert outcome.exit_code == 1
    assert "more than the 3584000 before" in outcome.stdout
    assert cli("size", planted, "-q", "--max-growth", "60").exit_code == 0
    assert (planted / "nixgen.lock").read_bytes() == lock


def test_growth_beyond_another_image_names_what_grew(planted: Path, layout: Path, cli: Cli) -> None:
    _grow(planted)
    outcome = cli("size", planted, "-q", "--json", "--max-growth", "5", "--against", layout)
    assert outcome.exit_code == 1
    (excess,) = outcome.document["excesses"]
    assert excess["hint"] == f"what grew most: library +{1900 * 1024} B"
    changes = outcome.document["platforms"][0]["changes"]
    assert [each["name"] for each in changes] == ["library"]
    assert changes[0]["now_bytes"] - changes[0]["before_bytes"] == 1900 * 1024


def test_a_budget_holds_for_images_too(planted: Path, layout: Path, cli: Cli) -> None:
    budget = planted.parent / "budget.toml"
    budget.write_text('max-size = "2 MB"\n[platform."linux/arm64"]\nmax-size = 1\n')
    assert cli("size", layout, "-q", "--budget-file", budget).exit_code == 0
    budget.write_text('max-size = "2 MB"\nmax-unpacked-size = "1 MB"\n')
    outcome = cli("size", layout, "-q", "--budget-file", budget)
    assert outcome.exit_code == 1
    assert "3584000 bytes, 2584000 more than the 1000000 of the budget" in outcome.stdout


def test_growth_needs_something_to_count_from(planted: Path, cli: Cli) -> None:
    outcome = cli("size", planted, "-q", "--max-growth", "5")
    assert outcome.exit_code == 2
    assert "--against" in outcome.stderr
    assert not (planted / "nixgen.lock").exists()


def test_a_lock_of_before_sizes_were_recorded_is_no_answer(
    planted: Path, layout: Path, cli: Cli
) -> None:
    place = planted / "nixgen.lock"
    document = json.loads(place.read_text())
    for systems in document["results"][""].values():
        for result in systems.values():
            del result["size"], result["unpacked-size"]
    place.write_text(json.dumps(document))
    outcome = cli("size", planted, "-q", "--max-growth", "5")
    assert outcome.exit_code == 2
    assert "nixgen.lock has no size for linux/amd64" in outcome.stderr


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_an_example_is_no_larger_than_promised(tmp_path: Path, cli: Cli, example: str) -> None:
    outcome = cli("size", copy_example(example, tmp_path), "--json", "-q")
    (platform,) = outcome.document["platforms"]
    assert platform["size_bytes"] <= EXAMPLES[example]


def test_tight_takes_two_fifths_of_a_set_of_nixpkgs_shape(tmp_path: Path, cli: Cli) -> None:
    sizes = {}
    for mode in ("none", "tight"):
        (tmp_path / mode).mkdir()
        project = planted_project("stand-in", tmp_path / mode, mode)
        (platform,) = cli("size", project, "--json", "-q").document["platforms"]
        sizes[mode] = platform["unpacked_bytes"]
    assert sizes["tight"] <= 0.6 * sizes["none"]
    assert cli("test", project, "-q").exit_code == 0
