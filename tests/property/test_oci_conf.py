"""Image confs with anything anywhere: an error that names the place, or a conf that can be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixgen.errors import BuildError
from nixgen.oci import make_config, parse_conf
from nixgen.platforms import Platform
from tests.unit.oci.synthetic import SyntheticStore, store_path

_CONF = SyntheticStore(Path("/none")).document([[store_path(1, "a")]], store_path(2, "c"))
_KEYS = [*_CONF, "extra"]
_TELLING = st.sampled_from(
    ["", "now", "0", "9" * 5000, "1970-01-01", "9999-12-31T23:59:59-23:59", "/", ":", "/nix/store/"]
)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | _TELLING
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def _use(document: dict[str, Any] | str) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    try:
        conf = parse_conf(text.encode("utf-8", "surrogatepass"), source="conf.json")
    except BuildError as error:
        assert "conf" in str(error)
    else:
        make_config(conf, platform=Platform.parse("linux/amd64"), layers=[])


@given(key=st.sampled_from(_KEYS), value=_VALUES)
def test_any_value_at_any_key(key: str, value: Any) -> None:
    _use({**_CONF, key: value})


@given(name=st.sampled_from(["Env", "User", "Labels", "Healthcheck", "x"]), value=_VALUES)
def test_any_value_in_the_runtime_configuration(name: str, value: Any) -> None:
    _use({**_CONF, "config": {name: value}})


@pytest.mark.parametrize("number", ["1e400", "-1e999", "9" * 5000])
def test_numbers_that_nothing_holds(number: str) -> None:
    for key in ("config", "uid", "extra"):
        _use(f'{{"{key}": {{"a": {number}}}}}')
        _use(json.dumps({**_CONF, key: "here"}).replace('"here"', number))
        _use(json.dumps({**_CONF, "config": {"a": "here"}}).replace('"here"', number))


@given(cut=st.integers(min_value=0, max_value=len(json.dumps(_CONF)) - 1))
def test_a_conf_cut_off_anywhere(cut: int) -> None:
    with pytest.raises(BuildError, match="is not a JSON document"):
        parse_conf(json.dumps(_CONF)[:cut].encode(), source="conf.json")
