"""The writer against the real parser: what is written is read back by Nix as it was."""

import json
import os
import string
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nixgen import _process
from nixgen.nixexpr import (
    Call,
    Concat,
    Name,
    NixText,
    RelativePath,
    Select,
    format_value,
)

HOSTILE = [
    "",
    "${",
    "$${x}",
    "\\${x}",
    "$",
    "$$",
    '"',
    "''",
    "''${x}''",
    "\\",
    "\\n",
    "\\\\",
    "\r",
    "\r\n",
    "\n\r",
    "\t",
    "\x01\x07\x1b[31m\x7f",
    "\u2028\u2029\u0085\ufeff",
    "é 😀 \U0010ffff",
    "e\u0301 \u202e",
    "#",
    "/* x */",
    "let in rec with inherit",
    "a.b",
    "or",
    "if",
    "__functor",
    "outPath",
    *string.punctuation,
]
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(st.sampled_from(HOSTILE), max_size=6).map("".join),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40),
)
# why: an attribute set with these names is a string or a function to `--json`.
NAMES = TEXTS.filter(lambda name: name not in {"outPath", "__toString"})
VALUES = st.recursive(
    st.one_of(
        TEXTS, st.booleans(), st.none(), st.integers(min_value=-(2**63), max_value=2**63 - 1)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)


def read_back(text: NixText, folder: Path) -> Any:
    """What Nix makes of an expression; the file keeps carriage returns as they are."""
    file = folder / "expression.nix"
    file.write_bytes(text.encode())
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    argv = ["nix-instantiate", "--store", "dummy://", "--eval", "--strict", "--json", str(file)]
    return json.loads(_process.run(argv, env=environ).check().stdout)


# one call of Nix reads many values: fifty a list, twenty lists
@settings(
    max_examples=20,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
@given(values=st.lists(VALUES, min_size=1, max_size=50))
def test_nix_reads_every_value_back(values: list[Any], tmp_path: Path) -> None:
    assert read_back(format_value(values), tmp_path) == values


def test_nix_reads_every_hostile_string_back(tmp_path: Path) -> None:
    pairs = [first + second for first in HOSTILE for second in HOSTILE]
    assert read_back(format_value(pairs), tmp_path) == pairs


def test_nix_reads_hostile_attribute_names_back(tmp_path: Path) -> None:
    attrs = {name: number for number, name in enumerate(HOSTILE) if name != "outPath"}
    assert read_back(format_value(attrs), tmp_path) == attrs


def test_nix_reads_a_megabyte_back(tmp_path: Path) -> None:
    text = "".join(HOSTILE) * 8000
    assert len(text) > 1_000_000
    assert read_back(format_value(text), tmp_path) == text


def test_the_parser_takes_every_kind_of_node(tmp_path: Path) -> None:
    value = {
        "call": Call(Name("builtins"), ({}, -1, [])),
        "select": [Select(Call(Name("import"), (RelativePath("./a b.nix"),)), ("a.b", ""))],
        "concat": [Concat(RelativePath("./x"), "/y"), Concat(1, -(2**63))],
        "least": [-(2**63), -1],
    }
    file = tmp_path / "expression.nix"
    file.write_bytes(format_value(value).encode())
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    argv = ["nix-instantiate", "--store", "dummy://", "--parse", str(file)]
    parsed = _process.run(argv, env=environ).check().stdout.decode()
    assert '"/y"' in parsed
