"""Packages are named, told apart and compared as Nix does it."""

from __future__ import annotations

import subprocess

import pytest

from nixgen.closure.packages import (
    PackagePattern,
    compare_versions,
    find_packages,
    name_of,
    parse_package,
)

_H = "/nix/store/" + "a" * 32 + "-"
_VERSIONS = [
    "",
    "1",
    "1.0",
    "1.0pre1",
    "1.2",
    "1.10",
    "2.3a",
    "2.3",
    "2.3.1",
    "2024-01-02",
    "rc",
    "1a",
]


@pytest.mark.parametrize(
    ("pattern", "name", "meant"),
    [
        ("gcc", "gcc-13.2.0", True),
        ("gcc", "gcc-13.2.0-lib", True),
        ("gcc", "gcc-wrapper-13.2.0", False),
        ("gcc*", "gcc-wrapper-13.2.0", True),
        ("*-dev", "zlib-1.3-dev", True),
        ("*-dev", "zlib-1.3", False),
        ("bash-5.2", "bash-5.2", True),
        ("openssl<3.1", "openssl-3.0.13", True),
        ("openssl<3.1", "openssl-3.1.0", False),
        ("openssl < 3.1", "openssl-3.0.13", True),
        ("openssl>=3.1", "openssl-3.1", True),
        ("openssl=3.1", "openssl-3.1", True),
        ("openssl==3.1", "openssl-3.1.1", False),
        ("openssl>3.1", "openssl", False),
        (_H + "x", "x", True),
        (_H + "y", "x", False),
    ],
)
def test_a_pattern_means_packages(pattern: str, name: str, meant: bool) -> None:
    assert PackagePattern.parse(pattern).matches(_H + name) is meant


@pytest.mark.parametrize("text", ["", " ", "<3", "a b", "gcc<", "gcc<<3", "gcc!=3"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a package"):
        PackagePattern.parse(text)


def test_packages_are_found_in_the_order_of_names() -> None:
    paths = [_H + "b-dev", _H + "a-dev", _H + "a"]
    assert find_packages(PackagePattern.parse("*-dev"), paths) == (_H + "a-dev", _H + "b-dev")


def test_the_name_is_what_follows_the_hash() -> None:
    assert name_of(_H + "zlib-1.3") == "zlib-1.3"
    assert name_of("zlib-1.3") == "zlib-1.3"
    assert parse_package("zlib-1.3") == ("zlib", "1.3")


def test_versions_are_compared_as_nix_compares_them() -> None:
    pairs = [(one, other) for one in _VERSIONS for other in _VERSIONS]
    calls = " ".join(f'(builtins.compareVersions "{one}" "{other}")' for one, other in pairs)
    done = subprocess.run(
        [
            *("nix", "eval", "--extra-experimental-features", "nix-command", "--json"),
            *("--expr", f"[ {calls} ]"),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    expected = dict(zip(pairs, map(int, done.stdout.strip("[]\n").split(",")), strict=True))
    assert {pair: compare_versions(*pair) for pair in pairs} == expected
