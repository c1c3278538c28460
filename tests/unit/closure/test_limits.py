"""What an image exceeds or holds against its limits is told with the way it came there."""

from __future__ import annotations

from typing import Any

import pytest

from nixgen.closure.graph import ClosureGraph
from nixgen.closure.limits import ImageFacts, ImageFile, Limits, find_violations
from nixgen.closure.packages import PackagePattern

_APP, _LIB, _GCC = (
    f"/nix/store/{letter * 32}-{name}"
    for letter, name in (("a", "app-1.0"), ("b", "lib-2.1"), ("c", "gcc-13.2.0"))
)
_GRAPH = ClosureGraph.of(
    [_APP], {_APP: 10, _LIB: 20, _GCC: 500}, {_APP: [_LIB], _LIB: [_GCC], _GCC: []}
)


def _violations(files: list[ImageFile] | None = None, **limits: Any) -> list[tuple[str, str]]:
    facts = ImageFacts(
        platform="linux/amd64",
        size_bytes=400,
        unpacked_bytes=1000,
        layer_count=4,
        graph=_GRAPH,
        linked={"openssl-3.0.1": ("lib-2.1", "curl-8.0")},
        files=files or [],
    )
    return [
        (problem.key or "", problem.message) for problem in find_violations(Limits(**limits), facts)
    ]


def _patterns(*texts: str) -> tuple[PackagePattern, ...]:
    return tuple(PackagePattern.parse(text) for text in texts)


def test_an_image_within_its_limits_is_fine() -> None:
    assert Limits().ask_nothing
    assert _violations() == []
    assert (
        _violations(
            max_size_bytes=400,
            max_unpacked_bytes=1000,
            max_layers=4,
            forbid=_patterns("perl", "gcc<13"),
            allow_only=_patterns("app", "lib", "gcc", "openssl"),
            no_shell=True,
            no_setuid=True,
            no_world_writable=True,
        )
        == []
    )


@pytest.mark.parametrize(
    ("limits", "key", "message"),
    [
        ({"max_size_bytes": 399}, "closure.max-size", "400 bytes, 1 more than the 399 allowed"),
        ({"max_unpacked_bytes": 1}, "closure.max-unpacked-size", "1000 bytes, 999 more"),
        ({"max_layers": 3}, "closure.max-layers", "4 layers, 3 are allowed"),
        (
            {"forbid": _patterns("perl", "gcc")},
            "closure.forbid[1]",
            "gcc-13.2.0 is forbidden: the image → app-1.0 → lib-2.1 → gcc-13.2.0",
        ),
        ({"forbid": _patterns("gcc>=13")}, "closure.forbid[0]", "gcc-13.2.0 is forbidden"),
        (
            {"allow_only": _patterns("app", "lib", "openssl")},
            "closure.allow-only",
            "gcc-13.2.0 is not allowed: the image → app-1.0 → lib-2.1",
        ),
        (
            {"forbid": _patterns("openssl<3.1")},
            "closure.forbid[0]",
            "openssl-3.0.1 is forbidden: linked into curl-8.0 ← lib-2.1 when that was built",
        ),
        (
            {"allow_only": _patterns("app", "lib", "gcc")},
            "closure.allow-only",
            "openssl-3.0.1 is not allowed: linked into curl-8.0 ← lib-2.1",
        ),
    ],
)
def test_a_violation_names_key_figure_and_way(
    limits: dict[str, Any], key: str, message: str
) -> None:
    ((found, text),) = _violations(**limits)
    assert found == key
    assert message in text
    assert text.startswith("linux/amd64: ")


@pytest.mark.parametrize(
    ("file", "key"),
    [
        (ImageFile(path="/bin/sh", mode=0o777, is_link=True), "closure.no-shell"),
        (ImageFile(path=f"{_APP}/bin/bash", mode=0o555), "closure.no-shell"),
        (ImageFile(path=f"{_APP}/share/bash", mode=0o444), None),
        (ImageFile(path="/etc/fish", mode=0o755, is_folder=True), None),
        (ImageFile(path="/bin/su", mode=0o4555), "closure.no-setuid"),
        (ImageFile(path="/bin/su", mode=0o2555), "closure.no-setuid"),
        (ImageFile(path="/srv", mode=0o2755, is_folder=True), None),
        (ImageFile(path="/tmp", mode=0o1777, is_folder=True), None),
        (ImageFile(path="/srv", mode=0o777, is_folder=True), "closure.no-world-writable"),
        (ImageFile(path="/etc/a", mode=0o666), "closure.no-world-writable"),
        (ImageFile(path="/etc/a", mode=0o777, is_link=True), None),
    ],
)
def test_files_are_held_against_the_limits(file: ImageFile, key: str | None) -> None:
    found = _violations([file], no_shell=True, no_setuid=True, no_world_writable=True)
    assert [each for each, _ in found] == ([] if key is None else [key])


def test_all_violations_are_told_at_once() -> None:
    found = _violations(max_size_bytes=1, max_layers=1, forbid=_patterns("lib", "gcc"))
    assert len(found) == 4
