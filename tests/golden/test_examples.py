"""Every example at every stage that needs no Nix: the plan and the generated Nix, as committed.

`NIXGEN_WRITE_GOLDEN=1 pytest tests/golden` writes the expected files anew; read the difference
before committing it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.generate import GeneratedFile, render
from nixgen.lock import PinnedSet
from nixgen.plan import BuildMachine, PlanOptions, make_plan
from nixgen.platforms import Platform
from nixgen.sourcetree import list_source
from nixgen.spec import read_description

_HERE = Path(__file__).parent
_EXAMPLES = _HERE.parents[1] / "examples"
_SET = PinnedSet(kind="bundled", digest=Digest.of_bytes(b""))
_CASES = [
    ("http-c", None, ("linux/amd64",)),
    ("profiles", None, ("linux/amd64", "linux/arm64")),
    ("profiles", "debug", ("linux/amd64",)),
    ("site", None, ("linux/arm/v7",)),
    ("sqlite-lua", None, ("linux/amd64",)),
]


def _render(example: str, profile: str | None, platforms: tuple[str, ...]) -> list[GeneratedFile]:
    description = read_description(_EXAMPLES / example / "app.toml")
    specs = [
        description.resolve(platform=Platform.parse(name), profile=profile) for name in platforms
    ]
    plan = make_plan(
        specs,
        description_file="app.toml",
        package_set=_SET,
        options=PlanOptions(machine=BuildMachine(system="x86_64-linux")),
        source_files=list_source(_EXAMPLES / example, lock_name="nixgen.lock"),
    )
    return list(render(plan))


@pytest.mark.parametrize(("example", "profile", "platforms"), _CASES)
def test_plan_and_generated_nix_are_as_committed(
    example: str, profile: str | None, platforms: tuple[str, ...]
) -> None:
    folder = _HERE / "-".join(filter(None, (example, profile)))
    files = _render(example, profile, platforms)
    if os.environ.get("NIXGEN_WRITE_GOLDEN"):
        folder.mkdir(exist_ok=True)
        for file in files:
            (folder / file.name).write_bytes(file.content)
    assert sorted(path.name for path in folder.iterdir()) == [file.name for file in files]
    for file in files:
        assert file.content.decode() == (folder / file.name).read_text(), file.name


def test_every_example_has_a_golden_folder() -> None:
    assert {case[0] for case in _CASES} == {
        path.parent.name for path in _EXAMPLES.glob("*/app.toml")
    }


@pytest.mark.parametrize("seed", ["0", "4711"])
def test_the_pure_stages_do_not_depend_on_the_hash_seed(seed: str) -> None:
    code = (
        "import sys; from tests.golden import test_examples as t; "
        "sys.stdout.buffer.write(b''.join(f.content for c in t._CASES for f in t._render(*c)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=_HERE.parents[1],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"".join(file.content for case in _CASES for file in _render(*case))
