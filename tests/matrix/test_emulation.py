"""An image that is cross-compiled is the one that a machine of its platform builds for itself.

That machine is emulated here: every build runs under qemu-user, from the bootstrap on.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import EXAMPLES, BuildExample, Cli
from tests.e2e.machines import NO_CACHE, private_folder

pytestmark = pytest.mark.matrix

_PLATFORM = "linux/arm64"


@pytest.mark.parametrize("example", ["http-c", "profiles"])
def test_cross_compiled_and_emulated_are_equal_but_for_store_hashes(
    example: str, build_example: BuildExample, cli: Cli
) -> None:
    assert os.uname().machine == "x86_64", "an x86-64 machine is what emulates here"
    crossed = build_example(example, "--platform", _PLATFORM)
    emulated = build_example(example, "--platform", _PLATFORM, "--cross", "emulated")
    assert crossed.digest != emulated.digest
    done = cli("diff", crossed.layout, emulated.layout, "--ignore-store-hashes")
    assert done.exit_code == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "equal but for store hashes"


def test_a_remote_builder_builds_what_is_native(
    build_example: BuildExample, cli: Cli, tmp_path: Path
) -> None:
    build_example("http-c", "--platform", _PLATFORM, "--cross", "emulated")
    project = Path(shutil.copytree(EXAMPLES / "http-c", tmp_path / "http-c"))
    description = project / "app.toml"
    version = f"1.0.{os.getpid()}"  # why: a version that no store has, so that it is built.
    description.write_text(description.read_text().replace('"1.0.0"', f'"{version}"'))
    with private_folder() as folder:
        builder = folder / "builder"
        (folder / "nix.conf").write_text(
            f"builders = {builder} aarch64-linux - 1\nextra-platforms = aarch64-linux\n"
        )
        remote = cli(
            *("image", project, "--platform", _PLATFORM, "--cross", "native", *NO_CACHE),
            cwd=tmp_path,
            NIX_CONF_DIR=str(folder),
        )
        assert remote.exit_code == 0, remote.stderr
        built = {path.name[33:] for path in (builder / "nix/store").iterdir()}
    assert f"http-c-{version}" in built
