"""Each example is built to the same digest, and from the same sources, by each Nix of the setup."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import EXAMPLES, BuildExample, run_cli
from tests.e2e.machines import (
    build_inputs,
    copy_paths,
    load_paths,
    registration,
    run_nixgen,
)
from tests.fakes.world import run_in_world, world_folder
from tests.prepared import PREPARED

pytestmark = pytest.mark.matrix

_VERSIONS = {"bookworm": "2.8.", "trixie": "2.26.", "sid": "2."}
_EXAMPLES = ["http-c", "profiles", "site", "sqlite-lua"]


def programs_of(suite: str) -> Path:
    """The folder of that suite's Nix, as tests/setup/nix-versions leaves it."""
    folder = PREPARED / "nix" / suite / "programs"
    assert (folder / "nix").exists(), "run tests/setup/nix-versions, or `make test-all`"
    return folder


@pytest.mark.parametrize("example", _EXAMPLES)
@pytest.mark.parametrize("suite", _VERSIONS)
def test_an_example_has_the_same_digest(
    suite: str, example: str, build_example: BuildExample
) -> None:
    options = ("--platform", "linux/amd64") if example == "profiles" else ()
    built = build_example(example, *options)
    paths = build_inputs(built.project, *options[1:])
    registered = registration(paths)
    with world_folder() as folder:
        environ = {
            "PATH": f"{programs_of(suite)}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "NIX_CONF_DIR": str(folder / "no-configuration"),
        }

        def build() -> Any:
            os.environ.update(environ)
            load_paths(registered)
            project = Path(shutil.copytree(EXAMPLES / example, folder / "home" / example))
            arguments = ("image", str(project), "-o", str(folder / "image.oci"), "--json")
            done = run_nixgen(*arguments, *options, environ=environ)
            records = (folder / "home/.local/state/nixgen/builds").glob("*.json")
            told = run_nixgen("provenance", str(project), "-q", *options, environ=environ)
            return {
                **done,
                "records": [json.loads(path.read_text()) for path in records],
                "provenance": told,
            }

        copy_paths(paths, folder)
        done = run_in_world(folder, build)
    assert done["exit_code"] == 0, done["stderr"]
    assert json.loads(done["stdout"])["digest"] == built.digest
    (record,) = done["records"]
    assert record["conditions"]["nix"].startswith(_VERSIONS[suite])
    assert record["conditions"]["sandbox"] == "on"
    told, here = done["provenance"], run_cli("provenance", built.project, "-q", *options)
    assert told["exit_code"] == 0, told["stderr"]
    definition = json.loads(told["stdout"])["predicate"]["buildDefinition"]
    assert definition == here.document["predicate"]["buildDefinition"]
