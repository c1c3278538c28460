"""The table of platforms, and what is said of names that are not in it."""

from __future__ import annotations

import pytest

from nixgen.cli.options import parse_platforms
from nixgen.errors import MachineError, UsageError
from nixgen.platforms import (
    Platform,
    UnknownPlatformError,
    bundled_platforms,
    in_index_order,
    known_platforms,
    native_platform,
    native_system,
)

# OCI platform, Nix system, pkgsCross, (e_machine, bits, byte order), qemu, bundled
_TABLE = """
linux/amd64   x86_64-linux      gnu64                   62  64 little x86_64  yes
linux/arm64   aarch64-linux     aarch64-multiplatform   183 64 little aarch64 yes
linux/arm/v7  armv7l-linux      armv7l-hf-multiplatform 40  32 little arm     yes
linux/arm/v6  armv6l-linux      raspberryPi             40  32 little arm     yes
linux/386     i686-linux        gnu32                   3   32 little i386    yes
linux/riscv64 riscv64-linux     riscv64                 243 64 little riscv64 yes
linux/ppc64le powerpc64le-linux powernv                 21  64 little ppc64le no
linux/s390x   s390x-linux       s390x                   22  64 big    s390x   no
"""


def test_every_platform_has_its_names_everywhere() -> None:
    found = []
    for platform in known_platforms():
        facts = platform.facts
        elf = (str(facts.elf.machine), str(facts.elf.bits), facts.elf.byte_order)
        names = (str(platform), facts.system, facts.pkgs_cross)
        found.append([*names, *elf, facts.qemu, "yes" if facts.bundled else "no"])
    assert found == [line.split() for line in _TABLE.strip().splitlines()]


def test_no_two_platforms_are_one_system() -> None:
    systems = [platform.facts.system for platform in known_platforms()]
    assert [str(Platform.of_system(system)) for system in systems] == list(
        map(str, known_platforms())
    )
    assert len({platform.slug for platform in known_platforms()}) == len(systems)


@pytest.mark.parametrize("platform", known_platforms(), ids=str)
def test_a_platform_is_read_back_as_it_is_written(platform: Platform) -> None:
    assert Platform.parse(str(platform)) == platform


def test_a_platform_has_one_name_however_it_is_written() -> None:
    assert Platform.parse("linux/arm64/v8") == Platform.parse("linux/arm64")
    assert str(Platform.parse("linux/arm64/v8")) == "linux/arm64"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("x86_64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("x86_64-linux", "linux/amd64"),
        ("amd64", "linux/amd64"),
        ("linux/amd46", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("aarch64-linux", "linux/arm64"),
        ("linux/ARM64", "linux/arm64"),
        ("arm64/v8", "linux/arm64"),
        ("linux/arm46", "linux/arm64"),
        ("arm32v7", "linux/arm/v7"),
        ("linux/armv7", "linux/arm/v7"),
        ("armv7l-linux", "linux/arm/v7"),
        ("linux/arm", "linux/arm/v7"),
        ("arm32v6", "linux/arm/v6"),
        ("linux/i386", "linux/386"),
        ("i686-linux", "linux/386"),
        ("linux/riscv", "linux/riscv64"),
        ("powerpc64le-linux", "linux/ppc64le"),
    ],
)
def test_the_platform_that_was_meant_is_told(written: str, meant: str) -> None:
    with pytest.raises(UnknownPlatformError) as caught:
        Platform.parse(written)
    assert str(caught.value) == f'unknown platform "{written}"'
    assert caught.value.hint == f'did you mean "{meant}"?'


@pytest.mark.parametrize(
    "written", ["", "plan9", "linux", "linux/", "linux/mips64le", "windows/amd64", "\0"]
)
def test_where_nothing_is_alike_all_are_told(written: str) -> None:
    with pytest.raises(UnknownPlatformError) as caught:
        Platform.parse(written)
    assert all(str(platform) in caught.value.hint for platform in known_platforms())


def test_an_index_has_one_order() -> None:
    assert in_index_order(reversed(known_platforms())) == known_platforms()
    assert set(bundled_platforms()) < set(known_platforms())


@pytest.mark.parametrize(
    "values",
    [
        ["linux/arm64,linux/amd64"],
        ["linux/arm64", "linux/amd64"],
        [" linux/arm64/v8 , linux/amd64,"],
    ],
    ids=["a list", "repeated", "a list with blanks"],
)
def test_options_name_platforms_one_by_one_or_as_a_list(values: list[str]) -> None:
    assert [str(platform) for platform in parse_platforms(values)] == ["linux/arm64", "linux/amd64"]


@pytest.mark.parametrize(
    ("machine", "platform"),
    [
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("armv8l", "linux/arm/v7"),
        ("armv7l", "linux/arm/v7"),
        ("armv6l", "linux/arm/v6"),
        ("i386", "linux/386"),
        ("i686", "linux/386"),
        ("riscv64", "linux/riscv64"),
        ("ppc64le", "linux/ppc64le"),
        ("s390x", "linux/s390x"),
    ],
)
def test_each_kernels_word_for_its_machine_is_known(machine: str, platform: str) -> None:
    assert str(native_platform(native_system(machine))) == platform


def test_a_machine_without_a_platform_is_told() -> None:
    with pytest.raises(MachineError, match="this machine is mips64-linux") as caught:
        native_platform(native_system("mips64"))
    assert "--platform" in (caught.value.hint or "")


def test_native_is_the_machines_own() -> None:
    assert parse_platforms(["native"]) == (native_platform(),)
    assert parse_platforms(None) == ()


@pytest.mark.parametrize(
    ("values", "message", "hint"),
    [
        (["linux/arm64,linux/arm64"], "linux/arm64 is named twice", None),
        (
            ["linux/arm64", "linux/arm64/v8"],
            "linux/arm64 is named twice (as linux/arm64 and as linux/arm64/v8)",
            None,
        ),
        (["native", str(native_platform())], "is named twice (as native and as", None),
        (["arm32v7"], 'unknown platform "arm32v7"', 'did you mean "linux/arm/v7"?'),
        ([","], "names none", "--platform linux/amd64,linux/arm64"),
    ],
    ids=["twice", "twice by two names", "native twice", "unknown", "none"],
)
def test_wrong_options_are_told(values: list[str], message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse_platforms(values)
    assert message in caught.value.message
    assert caught.value.message.startswith("--platform")
    assert caught.value.hint == hint
