"""The CI files that users copy are what GitHub and GitLab read, and ask for no more than needed."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import nixgen

_FOLDER = Path(__file__).parents[2] / "examples/ci"
_SCHEMAS = {"github.yml": "vendor.github-workflows", "gitlab.yml": "vendor.gitlab-ci"}


def _read(name: str) -> Any:
    return yaml.safe_load((_FOLDER / name).read_text())


def _faults(schema: str, *files: Path) -> str:
    """What the vendor's schema has against files; empty where it has nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout if done.returncode else ""


@pytest.mark.parametrize("name", sorted(_SCHEMAS))
def test_a_recipe_follows_the_vendors_schema(name: str) -> None:
    assert _faults(_SCHEMAS[name], _FOLDER / name) == ""


def _break_github() -> Iterator[Callable[[Any], None]]:
    yield lambda it: it["jobs"]["image"]["permissions"].update({"id-token": "everything"})
    yield lambda it: it["jobs"]["image"].pop("runs-on")
    yield lambda it: it["jobs"]["image"]["steps"][2].update(uses="also/this@v1")
    yield lambda it: it["jobs"].update({"no job name": {"runs-on": "x", "steps": []}})


def _break_gitlab() -> Iterator[Callable[[Any], None]]:
    yield lambda it: it["publish"]["id_tokens"]["SIGSTORE_ID_TOKEN"].pop("aud")
    yield lambda it: it["publish"].update(rules="always")
    yield lambda it: it.update(image=it.pop("publish"))
    yield lambda it: it["publish"]["artifacts"].update(reports={"dotenv": 1})


@pytest.mark.parametrize(
    ("name", "breaks"), [("github.yml", _break_github), ("gitlab.yml", _break_gitlab)]
)
def test_a_broken_recipe_does_not(
    tmp_path: Path, name: str, breaks: Callable[[], Iterator[Callable[[Any], None]]]
) -> None:
    # why: YAML 1.1 reads the key `on` as true.
    whole = _read(name)
    if True in whole:
        whole["on"] = whole.pop(True)
    places = []
    for number, spoil in enumerate(breaks()):
        broken = copy.deepcopy(whole)
        spoil(broken)
        places.append(tmp_path / f"{number}.yml")
        places[-1].write_text(json.dumps(broken))
    (intact := tmp_path / "intact.yml").write_text(json.dumps(whole))
    told = _faults(_SCHEMAS[name], intact, *places)
    assert str(intact) not in told
    for place in places:
        assert str(place) in told, place


def test_the_workflow_asks_for_no_more_rights_than_it_needs() -> None:
    workflow = _read("github.yml")
    jobs = workflow["jobs"]
    assert workflow["permissions"] == {}
    assert jobs["image"]["permissions"] == {
        "contents": "read",
        "packages": "write",
        "id-token": "write",
    }
    assert jobs["deploy"]["permissions"] == {}


def test_the_workflow_pins_what_others_wrote_and_takes_no_words_into_its_scripts() -> None:
    for job in _read("github.yml")["jobs"].values():
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])
            # why: what stands in ${{ }} is put into the script before a shell reads it.
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("name", sorted(_SCHEMAS))
def test_a_recipe_publishes_from_the_main_branch_and_tags_only(name: str) -> None:
    recipe = _read(name)
    if name == "github.yml":
        assert recipe[True] == {"push": {"branches": ["main"], "tags": ["v*"]}}
        assert recipe["jobs"]["deploy"]["if"] == "startsWith(github.ref, 'refs/tags/')"
    else:
        wanted = ["$CI_COMMIT_TAG", "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"]
        assert [rule["if"] for rule in recipe["publish"]["rules"]] == wanted
        assert [rule["if"] for rule in recipe["deploy"]["rules"]] == wanted[:1]


@pytest.mark.parametrize("name", sorted(_SCHEMAS))
def test_a_recipe_installs_this_nixgen(name: str) -> None:
    assert f"NIXGEN: nixgen=={nixgen.__version__} " in (_FOLDER / name).read_text()
