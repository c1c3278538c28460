"""The strict reading of conf.json, both generations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nixgen.errors import BuildError, UsageError
from nixgen.oci import Ownership, StoreRoot, parse_conf, read_conf
from tests.unit.oci.synthetic import SyntheticStore, store_path


def document(**changes: Any) -> dict[str, Any]:
    base = SyntheticStore(Path("/nowhere")).document([[store_path(0, "a")]], store_path(1, "c"))
    return {key: value for key, value in {**base, **changes}.items() if value is not ...}


def parse(**changes: Any) -> Any:
    return parse_conf(json.dumps(document(**changes)).encode(), source="conf.json")


def faults(**changes: Any) -> dict[str | None, str]:
    with pytest.raises(BuildError) as caught:
        parse(**changes)
    return {problem.key: str(problem) for problem in caught.value.problems}


def test_the_newer_generation_is_read() -> None:
    conf = parse(mtime="1970-01-01T00:01:40+00:00", uid="7", gid=8, uname="u", gname="g")
    assert conf.ownership == Ownership(mtime=100, uid=7, gid=8, uname="u", gname="g")
    assert conf.created.isoformat() == "1970-01-01T00:00:01+00:00"
    assert conf.store_paths == (store_path(0, "a"),)


def test_the_older_generation_takes_created_as_time_and_root_as_owner() -> None:
    absent = dict.fromkeys(("mtime", "uid", "gid", "uname", "gname", "os"), ...)
    conf = parse(created="2024-03-01T00:00:00+00:00", **absent)
    assert conf.ownership == Ownership(mtime=1709251200, uid=0, gid=0, uname="root", gname="root")
    assert conf.os == "linux"


def test_an_owner_without_a_name_is_taken_as_dockertools_takes_it() -> None:
    assert parse(uname="", gname="").ownership.uname == ""


def test_a_time_without_offset_is_utc_whatever_the_machine_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert parse(created="1970-01-01T00:00:05", mtime=...).ownership.mtime == 5


def test_an_unknown_field_is_named() -> None:
    assert "unknown field" in faults(squash=True)["squash"]


def test_missing_fields_are_named_all_at_once() -> None:
    found = faults(architecture=..., store_layers=..., config=...)
    assert sorted(str(key) for key in found) == ["architecture", "config", "store_layers"]


@pytest.mark.parametrize("key", ["created", "mtime"])
def test_now_is_refused_with_a_hint(key: str) -> None:
    assert "hint: set it to a fixed time" in faults(**{key: "now"})[key]


@pytest.mark.parametrize("value", ["base.tar", "", 7, ["/base"]])
def test_a_base_image_is_named_by_an_absolute_path(value: object) -> None:
    assert "expected a" in faults(from_image=value)["from_image"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("uid", -1),
        ("uid", "root"),
        ("gid", True),
        ("gid", 1 << 32),
        ("uname", 5),
        ("gname", "a\0b"),
        ("repo_tag", 3),
        ("created", 1),
        ("created", "yesterday"),
        ("store_layers", {}),
        ("store_layers", ["a"]),
        ("customisation_layer", "/etc"),
        ("config", []),
    ],
)
def test_wrong_values_are_named(key: str, value: Any) -> None:
    assert key in faults(**{key: value})


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/nix/store",
        "/nix/store/short-a",
        store_path(0, "a") + "/bin",
        store_path(0, "a") + "/../../etc",
        "/nix/storeX/" + store_path(0, "a")[11:],
        7,
    ],
)
def test_what_is_no_store_path_is_refused(path: Any) -> None:
    assert "store_layers[0][1]" in faults(store_layers=[[store_path(0, "a"), path]])


def test_a_path_in_two_layers_is_refused() -> None:
    path = store_path(0, "a")
    assert (
        "already stands in store_layers[0][0]"
        in faults(store_layers=[[path], [path]])["store_layers[1][0]"]
    )


def test_more_layers_than_engines_run_are_refused() -> None:
    assert parse(store_layers=[[]] * 126)
    assert "at most 127" in faults(store_layers=[[]] * 127)["store_layers"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Entrypoint", "/bin/sh"),
        ("Cmd", ["a", 1]),
        ("Env", {"A": "b"}),
        ("ExposedPorts", ["80/tcp"]),
        ("Labels", {"a": 1}),
        ("User", 0),
    ],
)
def test_a_runtime_config_that_engines_refuse_is_refused(name: str, value: Any) -> None:
    assert f"config.{name}" in faults(config={name: value})


def test_nulls_in_the_runtime_config_are_left_out() -> None:
    assert parse(config={"Cmd": None, "User": "1"}).config == {"User": "1"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"a": NaN}',
        b'{"os": 1, "os": 2}',
        b'{"os": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_json_is_an_error_not_a_crash(data: bytes) -> None:
    with pytest.raises(BuildError):
        parse_conf(data, source="conf.json")


def test_a_conf_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't read the image conf"):
        read_conf(tmp_path / "none.json", store=StoreRoot())


def test_a_conf_in_the_store_is_found_below_another_root(tmp_path: Path) -> None:
    path = store_path(5, "conf.json")
    place = tmp_path / path.lstrip("/")
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(document()))
    assert read_conf(Path(path), store=StoreRoot(root=tmp_path)).repo_tag == "hello:1.0"
