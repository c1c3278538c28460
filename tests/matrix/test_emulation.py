"""An image that is cross-compiled is the one that a machine of its platform builds for itself.

That machine is emulated here: every build runs under qemu-user, from the bootstrap on.
"""

from __future__ import annotations

import os

import pytest

from tests.e2e.conftest import BuildExample, Cli

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
