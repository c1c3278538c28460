"""What is said about layers: how often they are updated, at what price, and why they are so."""

from __future__ import annotations

import pytest

from nixgen.plan.layer_facts import Decider, explain_layers
from nixgen.plan.layering import Closure, Member
from tests.unit.plan.closures import store_path

_LIBC, _TLS, _APP = (store_path(name) for name in ("libc", "tls", "app"))
_CLOSURE = Closure(
    members=(
        Member(path=_LIBC, size_bytes=8_000),
        Member(path=_TLS, size_bytes=4_000, references=(_LIBC,)),
        Member(path=_APP, size_bytes=1_000, references=(_LIBC, _TLS)),
    ),
    apps=frozenset({_APP}),
)


def test_the_app_is_updated_as_often_as_all_others_together() -> None:
    facts = explain_layers([[_LIBC], [_TLS], [_APP]], _CLOSURE, "auto")
    # libc and tls weigh 1 each, the app 2.
    assert [layer.update_share for layer in facts] == [0.25, 0.5, 1.0]
    assert [layer.extra_bytes for layer in facts] == [0, 0, 0]
    assert [layer.has_app for layer in facts] == [False, False, True]


def test_sharing_a_layer_costs_the_bytes_that_others_updates_write() -> None:
    (shared, app) = explain_layers([[_LIBC, _TLS], [_APP]], _CLOSURE, "auto")
    # An update of tls, one of four, writes the 8,000 bytes of libc too.
    assert (shared.size_bytes, shared.update_share, shared.extra_bytes) == (12_000, 0.5, 2_000)
    assert app.extra_bytes == 0


@pytest.mark.parametrize(
    ("decider", "expected"),
    [
        ("auto", ["2 paths that cost little together", "the app"]),
        ("popularity", ["2 paths that are left", "the app"]),
        ("single", ["all store paths are in one layer"] * 2),
        ("package-set", ["the package set's own dockerTools decides"] * 2),
    ],
)
def test_the_reason_is_told_by_what_decided(decider: Decider, expected: list[str]) -> None:
    facts = explain_layers([[_LIBC, _TLS], [_APP]], _CLOSURE, decider)
    assert [layer.why for layer in facts] == expected


def test_a_path_by_itself_says_how_many_need_it_and_the_app_what_is_with_it() -> None:
    facts = explain_layers([[_LIBC], [_TLS, _APP]], _CLOSURE, "auto")
    assert [layer.why for layer in facts] == [
        "needed by 2, by itself",
        "the app, and 1 path with it",
    ]
