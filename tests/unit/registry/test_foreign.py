import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixgen.registry.foreign import load_json

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=200,
)


@given(DOCUMENTS)
def test_documents_are_read_as_they_are(document: Any) -> None:
    assert load_json(json.dumps(document).encode()) == document


def test_brackets_in_strings_do_not_nest() -> None:
    text = '[{"\\' * 1000
    assert load_json(json.dumps([text]).encode()) == [text]


def test_wide_documents_are_not_deep() -> None:
    document = [{"a": [1]}] * 10_000
    assert load_json(json.dumps(document).encode()) == document


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("count", [65, 100_000])
def test_deep_documents_are_refused(opening: bytes, count: int) -> None:
    with pytest.raises(ValueError, match="deeper than 64"):
        load_json(opening * count)


@pytest.mark.parametrize("data", [b'"' + b'\\"' * 500_000 + b"[" * 65, b'["\\' * 300_000])
def test_strings_that_are_not_closed_take_no_long_time(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"deeper|Invalid|Unterminated|delimiter"):
        load_json(data)
