"""What a package set says is linked into the store paths of an image."""

from __future__ import annotations

from nixgen.attest.inventory import PackageFacts
from nixgen.pipeline.knowledge import Knowledge

_APP, _CURL, _ZLIB, _OTHER_ZLIB = (
    f"/nix/store/{letter * 32}-{name}"
    for letter, name in (
        ("a", "app-1.0"),
        ("b", "curl-8.0-dev"),
        ("c", "zlib-1.3-dev"),
        ("d", "zlib-1.3"),
    )
)
_FACTS = {
    _APP: PackageFacts(name="app", version="1.0", inputs=(_CURL,)),
    _CURL: PackageFacts(name="curl", version="8.0", inputs=(_ZLIB, _OTHER_ZLIB)),
    _ZLIB: PackageFacts(name="zlib", version="1.3"),
    _OTHER_ZLIB: PackageFacts(name="zlib", version="1.3"),
}


def test_a_linked_package_is_named_without_output_and_with_what_it_is_in() -> None:
    assert Knowledge(facts=_FACTS, static=True).linked([_APP]) == {
        "curl-8.0": ("app-1.0",),
        "zlib-1.3": ("app-1.0", "curl-8.0"),
    }


def test_a_package_without_version_is_named_as_it_is() -> None:
    facts = {_APP: PackageFacts(inputs=(_ZLIB,)), _ZLIB: PackageFacts()}
    assert Knowledge(facts=facts, static=True).linked([_APP]) == {"zlib-1.3-dev": ("app-1.0",)}


def test_nothing_is_linked_in_where_programs_load_their_libraries() -> None:
    assert Knowledge(facts=_FACTS, static=False).linked([_APP]) == {}
