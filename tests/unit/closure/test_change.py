"""What differs between two closures, with changes that were planted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixgen.closure.change import ClosureChange, PackageChange, Way, compare_closures
from nixgen.closure.packages import PackageKey, name_of
from tests.closures import Made, make_closure, path_of

OLD = {
    "app-1.0": Made(refers_to=["lib-2.1", "libc-2.39"], kinds={"code": 500, "docs": 30}),
    "lib-2.1": Made(refers_to=["libc-2.39", "perl-5.38"], kinds={"code": 900}),
    "libc-2.39": Made(kinds={"code": 4000}),
    "perl-5.38": Made(kinds={"code": 700}),
}


def _compare(new: Mapping[str, Made], *roots: str, build: str = "new") -> ClosureChange:
    before = make_closure(OLD, roots=["app-1.0"])
    return compare_closures(before, make_closure(new, roots=roots or ["app-1.0"], build=build))


def _told(change: PackageChange) -> tuple[Any, ...]:
    cause = change.cause
    because = cause and (
        cause.source and name_of(cause.source),
        name_of(cause.target),
        [name_of(each) for each in cause.chain],
    )
    return (str(change.way), *change.key, change.size_change, because)


def _tell(change: ClosureChange) -> list[tuple[Any, ...]]:
    return [_told(each) for each in change.packages if each.way is not Way.REBUILT]


def test_the_same_closure_does_not_differ() -> None:
    assert _compare(OLD, build="").packages == ()


def test_a_rebuild_changes_hashes_alone() -> None:
    change = _compare(OLD)
    assert [each.way for each in change.packages] == [Way.REBUILT] * 4
    assert (change.size_change, change.kinds) == (0, {})
    assert [each.cause for each in change.packages] == [None] * 4


def test_what_is_new_is_there_because_of_the_first_reference_that_is_new() -> None:
    new = OLD | {
        "lib-2.1": Made(refers_to=["libc-2.39", "perl-5.38", "gcc-13.2"], kinds={"code": 900}),
        "gcc-13.2": Made(refers_to=["gmp-6.3"], kinds={"data": 6000}),
        "gmp-6.3": Made(kinds={"code": 80}),
    }
    change = _compare(new)
    chain = ["app-1.0", "lib-2.1", "gcc-13.2"]
    assert _tell(change) == [
        ("new", "gcc", "", 6000, ("lib-2.1", "gcc-13.2", chain)),
        ("new", "gmp", "", 80, ("lib-2.1", "gcc-13.2", [*chain, "gmp-6.3"])),
    ]
    group = change.by_cause()[0]
    assert (group.size_change, len(group.packages)) == (6080, 2)
    assert group.cause is not None
    assert [name_of(each) for each in group.cause.lead] == chain
    assert change.kinds == {"data": 6000, "code": 80}


def test_what_is_gone_is_gone_with_the_first_reference_that_is() -> None:
    new = {name: made for name, made in OLD.items() if name != "perl-5.38"} | {
        "lib-2.1": Made(refers_to=["libc-2.39"], kinds={"code": 900})
    }
    assert _tell(_compare(new)) == [
        ("gone", "perl", "", -700, ("lib-2.1", "perl-5.38", ["app-1.0", "lib-2.1", "perl-5.38"]))
    ]


def test_another_version_is_the_same_package() -> None:
    new = {
        "app-1.0": Made(refers_to=["lib-2.2", "libc-2.39"], kinds={"code": 500, "docs": 30}),
        "lib-2.2": Made(refers_to=["libc-2.39", "perl-5.38"], kinds={"code": 950, "docs": 20}),
        "libc-2.39": OLD["libc-2.39"],
        "perl-5.38": Made(kinds={"code": 600}),
    }
    change = _compare(new)
    assert _tell(change) == [("shrunk", "perl", "", -100, None), ("grown", "lib", "", 70, None)]
    lib = change.packages[1]
    assert (lib.before.versions, lib.after.versions) == (("2.1",), ("2.2",))
    assert lib.as_json()["bytes_by_kind_change"] == {"code": 50, "docs": 20}


def test_a_version_of_the_same_size_is_told() -> None:
    new = {name: made for name, made in OLD.items() if name != "perl-5.38"} | {
        "lib-2.1": Made(refers_to=["libc-2.39", "perl-5.40"], kinds={"code": 900}),
        "perl-5.40": Made(kinds={"code": 700}),
    }
    assert _tell(_compare(new)) == [("version", "perl", "", 0, None)]


def test_a_second_version_is_there_because_of_who_refers_to_it() -> None:
    new = OLD | {
        "app-1.0": Made(
            refers_to=["lib-2.1", "libc-2.39", "perl-5.40"], kinds={"code": 500, "docs": 30}
        ),
        "perl-5.40": Made(kinds={"code": 800}),
    }
    chain = ["app-1.0", "perl-5.40"]
    assert _tell(_compare(new)) == [("grown", "perl", "", 800, ("app-1.0", "perl-5.40", chain))]


def test_a_second_version_below_a_known_reference_is_told_by_its_referrer() -> None:
    new = OLD | {
        "libc-2.39": Made(refers_to=["perl-5.38"], kinds={"code": 4000}),
        "lib-2.1": Made(refers_to=["libc-2.39", "perl-5.40"], kinds={"code": 900}),
        "perl-5.40": Made(kinds={"code": 700}),
    }
    chain = ["app-1.0", "lib-2.1", "perl-5.40"]
    assert _tell(_compare(new)) == [("grown", "perl", "", 700, ("lib-2.1", "perl-5.40", chain))]


def test_an_output_is_a_package_of_its_own() -> None:
    new = OLD | {
        "app-1.0": Made(
            refers_to=["lib-2.1", "libc-2.39", "lib-2.1-dev"], kinds={"code": 500, "docs": 30}
        ),
        "lib-2.1-dev": Made(kinds={"headers": 60}),
    }
    chain = ["app-1.0", "lib-2.1-dev"]
    assert _tell(_compare(new)) == [("new", "lib", "dev", 60, ("app-1.0", "lib-2.1-dev", chain))]


def test_what_the_image_itself_names_is_told_so() -> None:
    change = _compare(OLD | {"cacert-2026": Made(kinds={"data": 90})}, "app-1.0", "cacert-2026")
    assert _tell(change) == [("new", "cacert", "", 90, (None, "cacert-2026", ["cacert-2026"]))]
    (new,) = [each for each in change.packages if each.way is Way.NEW]
    assert new.cause is not None
    assert new.cause.named_by == ("config Entrypoint",)
    assert new.as_json()["cause"]["from"] is None


def test_an_app_of_another_name_brings_itself_alone() -> None:
    new = {name: made for name, made in OLD.items() if name != "app-1.0"} | {
        "shop-1.0": OLD["app-1.0"]
    }
    assert _tell(_compare(new, "shop-1.0")) == [
        ("gone", "app", "", -530, (None, "app-1.0", ["app-1.0"])),
        ("new", "shop", "", 530, (None, "shop-1.0", ["shop-1.0"])),
    ]


def test_files_that_were_left_out_count_although_the_store_path_is_the_same() -> None:
    new = OLD | {"app-1.0": Made(refers_to=["lib-2.1", "libc-2.39"], kinds={"code": 500})}
    assert _tell(_compare(new, build="")) == [("shrunk", "app", "", -30, None)]


def test_a_cycle_has_an_end() -> None:
    new = OLD | {
        "perl-5.38": Made(refers_to=["lib-2.1", "tcl-8"], kinds={"code": 700}),
        "tcl-8": Made(refers_to=["perl-5.38"], kinds={"code": 1}),
    }
    assert [each[1] for each in _tell(_compare(new))] == ["tcl"]


@pytest.mark.parametrize("other", ["", "new"])
def test_changes_add_up(other: str) -> None:
    new = OLD | {"libc-2.39": Made(refers_to=["x-1"], kinds={"code": 1}), "x-1": OLD["app-1.0"]}
    change = _compare(new, build=other)
    assert change.size_change == sum(each.size_change for each in change.packages)
    assert change.size_change == sum(change.kinds.values())
    assert change.size_change == sum(each.size_change for each in change.by_cause())
    assert path_of("x-1", build=other) in change.after.by_path


@st.composite
def closures(draw: st.DrawFn) -> dict[str, Made]:
    """Up to seven packages of one or two versions, of which `app-1` is the root."""
    names = draw(st.lists(st.sampled_from(_NAMES), unique=True, max_size=6))
    found = ["app-1", *names]
    return {
        name: Made(
            refers_to=draw(st.lists(st.sampled_from(found), max_size=3, unique=True)),
            kinds={"code": draw(st.integers(0, 9))},
        )
        for name in found
    }


_NAMES = ["a-1", "a-2", "b-1", "b-1-dev", "c-1", "d-1", "e"]


@given(closures(), closures())
def test_what_is_new_has_a_cause_that_the_other_lacks(
    old: dict[str, Made], new: dict[str, Made]
) -> None:
    before = make_closure(old, roots=["app-1"])
    after = make_closure(new, roots=["app-1"], build="new")
    links = {
        (PackageKey.of(package.path)[0], PackageKey.of(target)[0])
        for package in before.packages
        for target in package.references
    }
    change = compare_closures(before, after)
    assert change.size_change == sum(each.size_change for each in change.packages)
    for each in change.packages:
        if each.way is Way.NEW:
            assert each.cause is not None and each.cause.source is not None
            ends = each.cause.source, each.cause.target
            assert tuple(PackageKey.of(end)[0] for end in ends) not in links
            assert ends[1] in after.by_path[ends[0]].references
            assert each.cause.chain[-1] in each.after.paths
    back = compare_closures(after, before)
    assert [(each.key, -each.size_change) for each in back.packages] == [
        (each.key, each.size_change) for each in change.packages
    ]
