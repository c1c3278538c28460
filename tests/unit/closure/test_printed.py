"""The document of `nixgen closure --json`, read back."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from nixgen.closure.printed import parse_closures
from tests.closures import Made, make_closure, path_of

CLOSURE = make_closure(
    {
        "app-1.0": Made(refers_to=["lib-2.1"], kinds={"code": 500, "docs": 30}),
        "lib-2.1": Made(refers_to=["app-1.0"], kinds={"byte-code": 9}),
    },
    roots=["app-1.0"],
)


def _document() -> Any:
    return copy.deepcopy(json.loads(json.dumps({"platforms": [CLOSURE.as_json()]})))


def test_what_was_printed_is_read_back_whole() -> None:
    assert parse_closures(_document()) == (CLOSURE,)


def test_what_follows_from_the_rest_is_not_believed() -> None:
    document = _document()
    document["platforms"][0]["packages"][0]["added_bytes"] = -7
    document["platforms"][0]["packages"][1]["dominator"] = "/nix/store/elsewhere"
    assert parse_closures(document) == (CLOSURE,)


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["platforms"], {}, "platforms: expected a list"),
        (["platforms"], [], "platforms: expected at least one"),
        (["platforms", 0], 7, r"platforms\[0\]: expected an object"),
        (["platforms", 0, "image"], None, r"platforms\[0\].image: expected a text"),
        (["platforms", 0, "packages", 1, "files"], True, r"packages\[1\].files: expected a number"),
        (["platforms", 0, "packages", 0, "size_bytes"], -1, "that is not negative"),
        (["platforms", 0, "packages", 0, "references"], [1], r"references\[0\]: expected a text"),
        (["platforms", 0, "packages", 0, "references"], ["/x"], "nothing is known of /x"),
        (["platforms", 0, "packages", 1, "path"], path_of("app-1.0"), "is there twice"),
        (["platforms", 0, "packages", 0, "bytes_by_kind"], {"sound": 1}, "no kind of file 'sound'"),
        (["platforms", 0, "roots"], "app", "roots: expected a list"),
        (["platforms", 0, "named_by"], {"app": "x"}, "named_by.app: expected a list"),
    ],
)
def test_what_is_no_closure_is_told_with_its_place(
    keys: list[Any], value: Any, message: str
) -> None:
    document = _document()
    place = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    with pytest.raises(ValueError, match=message):
        parse_closures(document)


def test_what_is_missing_is_told() -> None:
    document = _document()
    del document["platforms"][0]["packages"][0]["path"]
    with pytest.raises(ValueError, match=r"platforms\[0\].packages\[0\].path: expected a text, th"):
        parse_closures(document)
    with pytest.raises(ValueError, match="the document: expected an object"):
        parse_closures([])


def test_a_platform_is_there_once() -> None:
    document = _document()
    document["platforms"] *= 2
    with pytest.raises(ValueError, match="one of them is there twice"):
        parse_closures(document)
