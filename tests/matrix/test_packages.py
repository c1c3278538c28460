"""Every package of the bundled set, and what it is made with, built once more: the same bits."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from nixgen import _process, resources
from nixgen.nixcli import Nix
from nixgen.nixcli.settings import option_arguments
from nixgen.pipeline.sourcing import NixSourceStore, bundled_catalogue
from nixgen.platforms import native_system
from nixgen.progress import Silent
from nixgen.sources import ensure, make_supply

pytestmark = pytest.mark.matrix

_BUNDLED = resources.nix_dir() / "bundled"
_TOOLCHAIN = ["bootstrapTools", "stdenv", "toolchain.sysroot", "toolchain.libcxx"]
_CROSS = "aarch64-multiplatform-musl"


def _package_names() -> list[str]:
    names = {path.stem for path in (_BUNDLED / "packages").glob("*.nix")}
    return sorted(names - {"default"})


def _nix_build(*arguments: str) -> _process.Completed:
    nix = Nix()
    options = option_arguments(nix.settings, nix.access)
    argv = ["nix-build", str(_BUNDLED), "--argstr", "buildSystem", native_system()]
    return _process.run([*argv, "--no-out-link", *arguments, *options])


@pytest.fixture(scope="module", autouse=True)
def _sources_in_store() -> None:
    """Everything that the set is built from, so that no build needs a network."""
    sources = bundled_catalogue().select(system=native_system())
    store = NixSourceStore.holding(sources, Nix())
    ensure(sources, store=store, supply=make_supply(os.environ), reporter=Silent())


@pytest.mark.parametrize("attribute", [*_TOOLCHAIN, *_package_names()])
def test_a_package_built_again_is_the_same(attribute: str) -> None:
    built = _nix_build("-A", attribute)
    assert built.exit_code == 0, built.stderr[-4000:]
    again = _nix_build("-A", attribute, "--check")
    assert again.exit_code == 0, again.stderr[-4000:]
    assert again.stdout == built.stdout


@pytest.mark.parametrize("attribute", _package_names())
def test_a_cross_compiled_package_built_again_is_the_same(attribute: str) -> None:
    test_a_package_built_again_is_the_same(f"pkgsCross.{_CROSS}.{attribute}")


@pytest.mark.parametrize(
    ("package", "options"),
    [("pigz", ["-n", "-9", "-b", "128", "-p", "2"]), ("zstd", ["-9", "-T2"])],
)
def test_what_a_compressor_makes_does_not_depend_on_the_processor(
    package: str, options: list[str]
) -> None:
    files = [path for path in sorted(resources.nix_dir().rglob("*")) if path.is_file()]
    data = b"".join(path.read_bytes() for path in files)
    made = set()
    for attribute in (package, f"pkgsCross.{_CROSS}.{package}"):
        built = _nix_build("-A", attribute)
        assert built.exit_code == 0, built.stderr[-4000:]
        program = Path(built.stdout.decode().strip()) / "bin" / package
        done = subprocess.run([program, *options], input=data, capture_output=True, check=True)
        made.add(done.stdout)
    assert len(made) == 1


def test_a_cross_compiled_shell_knows_how_a_pipe_ended() -> None:
    built = _nix_build("-A", f"pkgsCross.{_CROSS}.bash")
    assert built.exit_code == 0, built.stderr[-4000:]
    program = Path(built.stdout.decode().strip()) / "bin/bash"
    script = "shopt -s lastpipe; true | false; echo $?"
    assert _process.run([str(program), "-c", script]).check().stdout == b"1\n"
