"""Statements: made in one form, read strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nixgen.attest.statement import Subject, make_statement, parse_statement
from nixgen.digest import Digest

KIND = "https://example.org/kind/v1"
ONE, TWO = Digest.of_bytes(b"1"), Digest.of_bytes(b"2")


def document(**changes: Any) -> bytes:
    return json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "a", "digest": {"sha256": ONE.hex}}],
            "predicateType": KIND,
            "predicate": {},
            **changes,
        }
    ).encode()


def test_what_is_made_is_read_back() -> None:
    subjects = [Subject(name="b", digest=TWO), Subject(name="ä", digest=ONE)]
    made = make_statement(subjects, KIND, {"x": [1, "ü"]})
    assert parse_statement(made.data) == made
    assert make_statement(subjects[::-1], KIND, {"x": [1, "ü"]}).data == made.data
    assert made.is_about(ONE)
    assert not made.is_about(Digest.of_bytes(b"3"))


@pytest.mark.parametrize("written", [b',"predicate":null}', b"}"])
def test_a_predicate_may_be_left_out(written: bytes) -> None:
    bare = json.loads(document())
    del bare["predicate"]
    parsed = parse_statement(json.dumps(bare).encode()[:-1] + written)
    assert parsed.predicate == {}


def test_a_subject_named_by_another_digest_is_none_of_ours() -> None:
    entries = [{"name": "x", "digest": {"sha512": "00"}}, {"digest": {"sha256": TWO.hex}}]
    assert parse_statement(document(subject=entries)).subjects == (Subject(name="", digest=TWO),)


def test_statements_of_the_version_that_cosign_attests_in_are_read() -> None:
    old = parse_statement(document(_type="https://in-toto.io/Statement/v0.1"))
    assert old.is_about(ONE)
    assert old.predicate_type == KIND


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (document(_type="https://in-toto.io/Statement/v0.2"), "statement v1"),
        (document(_type=["https://in-toto.io/Statement/v1"]), "statement v1"),
        (document(subject=[]), "1 to"),
        (document(subject=[{"digest": {}}]), "no digest"),
        (document(subject=[{"digest": {"sha256": ONE.hex.upper()}}]), "lower-case"),
        (document(subject=[{"name": 1, "digest": {"sha256": ONE.hex}}]), "no text"),
        (document(predicateType="x"), "URI"),
        (document(predicate=[]), "no object"),
        (b"[]", "not a JSON object"),
        (b"\xff", "utf-8"),
        (document()[:-1] + b', "predicateType": "https://example.org/other"}', "comes twice"),
        (document(predicate={"x": float("nan")}), "NaN"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "nested"),
        (b"[" * 100_000, "nested"),
        (document(predicate={"x": 10**50}), "40 digits"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_statement(data)
