from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from nixgen.spec.reference import format_toml, reference
from nixgen.spec.tables import ROOT_TABLE

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "app-toml.md"


def test_the_page_is_current() -> None:
    renew = "python -m nixgen.spec.reference > docs/reference/app-toml.md"
    assert PAGE.read_text() == reference(), f"renew it: {renew}"


def test_the_page_names_every_table() -> None:
    page = reference()
    for known in ROOT_TABLE.fields:
        assert f"[{known.name}" in page or f"`{known.name}`" in page


@pytest.mark.parametrize(
    "value", ['a"b\\c\n\té', 1, True, ["a", ["b"]], {"a b": 1, "c": {"d": []}}, {}]
)
def test_values_are_written_as_toml_reads_them(value: object) -> None:
    assert tomllib.loads(f"x = {format_toml(value)}")["x"] == value
