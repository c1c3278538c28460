"""Whoever builds natively for a platform has the same derivations: there, remotely or emulated."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from nixgen.generate import render
from nixgen.nixcli import Nix
from nixgen.pipeline.prepare import Prepared, Request, prepare
from nixgen.pipeline.realise import evaluate
from nixgen.plan import BuildMachine, PlanOptions, make_plan
from nixgen.platforms import Platform
from nixgen.spec.model import Cross
from tests.e2e.conftest import EXAMPLES
from tests.nix.sets import known_sets, make_set

ARM64 = Platform.parse("linux/arm64")
THERE = BuildMachine(system="aarch64-linux")
HERE = BuildMachine(
    system="x86_64-linux",
    builders={"aarch64-linux": "ssh://arm.example.org"},
    emulators={"aarch64-linux": "/usr/bin/qemu-aarch64"},
)


@pytest.fixture(scope="module", params=["bundled", *known_sets()])
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """An image as a machine of its own platform plans it."""
    folder = tmp_path_factory.mktemp("p")
    project = Path(shutil.copytree(EXAMPLES / "http-c", folder / "http-c"))
    if request.param != "bundled":
        package_set = make_set(request.param, folder / "set")
        with (project / "app.toml").open("a") as file:
            file.write(f"\n[packages]\nset = {json.dumps(str(package_set))}\n")
    wish = Request(
        description=project / "app.toml", platforms=(ARM64,), options=PlanOptions(machine=THERE)
    )
    return prepare(wish, Nix())


def conf_of(prepared: Prepared) -> str:
    """The derivation of the image's conf."""
    (conf,) = evaluate(prepared, Nix()).confs
    return str(conf.drv_path)


def planned_here(there: Prepared, cross: Cross) -> Prepared:
    """The same image as this kind of machine plans it."""
    assert there.source is not None
    plan = make_plan(
        [dataclasses.replace(spec, cross=cross) for spec in there.specs],
        description_file=there.plan.description_file,
        package_set=there.plan.package_set,
        options=PlanOptions(machine=HERE),
        source_files=there.source.files,
    )
    return dataclasses.replace(there, plan=plan, files=render(plan))


@pytest.mark.parametrize("cross", ["native", "emulated"])
def test_the_derivation_is_that_of_a_machine_of_the_platform(there: Prepared, cross: Cross) -> None:
    assert conf_of(planned_here(there, cross)) == conf_of(there)


def test_a_cross_compiled_image_is_another_derivation(there: Prepared) -> None:
    assert conf_of(planned_here(there, "cross")) != conf_of(there)
