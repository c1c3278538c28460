"""The bytes of a closure's HTML report; what a browser makes of them is tested elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

from nixgen.closure.page import make_page
from tests.closures import Made, make_closure, path_of

PACKAGES = {
    "app-1.0": Made(refers_to=["library-2.1"], kinds={"code": 5000}),
    "library-2.1": Made(refers_to=["app-1.0"], kinds={"code": 90_000, "headers": 20_000}),
}


class _Elements(HTMLParser):
    """The elements of a page with their attributes, and the text in scripts and styles."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style") and data.strip():
            self.texts.append((self.found[-1][0], data))


def _page(**options: Any) -> bytes:
    return make_page([make_closure(PACKAGES, roots=["app-1.0"], **options)])


def test_the_same_closure_gives_the_same_bytes() -> None:
    assert _page() == _page()
    assert _page() != _page(build="other")


def test_nothing_in_it_leads_anywhere() -> None:
    for _, attributes in _Elements(_page()).found:
        assert not attributes.keys() & {"src", "srcset", "style", "action", "onclick", "onload"}
        assert (attributes.get("href") or "#").startswith("#")
    # why: the name space of SVG and where the algorithm is from are the only addresses in it.
    outside = set(re.findall(rb"https?://[^/\"'` ]+", _page()))
    assert outside == {b"http://www.w3.org", b"https://doi.org", b"https://www.w3.org"}


def test_the_policy_lets_run_what_is_in_it_and_nothing_else() -> None:
    elements = _Elements(_page())
    (policy,) = [
        attributes["content"] or ""
        for _, attributes in elements.found
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    hashes = dict(re.findall(r"(style|script)-src '(sha256-[^']+)'", policy))
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        text = next(text for tag, text in reversed(elements.texts) if tag == kind)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert hashes[kind] == f"sha256-{digest}"


def test_data_can_not_end_the_block_that_holds_it() -> None:
    hostile = "</script><script>alert(1)</script><!--\u2028&amp;"
    page = _page(image=hostile)
    assert page.count(b"<script") == 2
    data = next(text for tag, text in _Elements(page).texts if tag == "script")
    assert data.isascii()
    (platform,) = json.loads(data)["platforms"]
    assert platform["image"] == hostile


def test_a_name_that_is_no_utf_8_is_shown_all_the_same() -> None:
    assert b"image?.oci" in _page(image="image\udc80.oci")


def test_packages_name_each_other_by_place() -> None:
    data = next(text for tag, text in _Elements(_page()).texts if tag == "script")
    (platform,) = json.loads(data)["platforms"]
    app, library = platform["packages"]
    assert [app["path"], library["path"]] == [path_of("app-1.0"), path_of("library-2.1")]
    assert (app["references"], library["references"]) == ([1], [0])
    assert (app["dominator"], library["dominator"]) == (-1, 0)
    assert app["named"] == ["config Entrypoint"]
    assert "named" not in library


def test_two_thousand_store_paths_stay_below_a_megabyte() -> None:
    packages = {
        f"package-{number}": Made(
            refers_to=[
                f"package-{number + step}" for step in (1, 2, 3, 5, 8) if number + step < 2000
            ],
            kinds={"code": 100_000, "data": 20_000, "docs": 1000},
        )
        for number in range(2000)
    }
    assert len(make_page([make_closure(packages, roots=["package-0"])])) < 1_000_000
