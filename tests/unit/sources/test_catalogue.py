import json
from pathlib import Path
from typing import Any

import pytest

from nixgen.errors import MachineError, UsageError
from nixgen.resources import nix_dir
from nixgen.sources import Catalogue, parse_catalogue, read_catalogue
from nixgen.sources.model import DebianSource, NpmPackage, PythonPackage, Upstream

NAR = "sha256-VGkkn+U7jvqAWA3NztQV9Sn9zgN6ch1spLN+RoJ2CO8="


def entry(name: str = "lua-5.4.7", **changes: Any) -> dict[str, Any]:
    whole = {
        "name": name,
        "pname": "lua",
        "version": "5.4.7",
        "file": f"{name}.tar.gz",
        "sha256": "ab" * 32,
        "size_bytes": 374097,
        "license": "MIT",
        "seed": False,
        "from": [{"kind": "url", "url": "https://example.org/lua.tar.gz"}],
    }
    whole.update(changes)
    return {key: value for key, value in whole.items() if value is not None}


def parse(*entries: dict[str, Any]) -> Catalogue:
    return parse_catalogue(json.dumps({"sources": list(entries)}), file="sources.json")


def faults(*entries: dict[str, Any]) -> list[str]:
    with pytest.raises(MachineError) as caught:
        parse(*entries)
    assert all(problem.file == "sources.json" for problem in caught.value.problems)
    return [f"{problem.key}: {problem.message}" for problem in caught.value.problems]


def test_every_kind_of_origin_is_read() -> None:
    package = {"package": "p", "version": "1", "file": "f.tar.gz"}
    catalogue = parse(
        entry(
            **{
                "from": [
                    {"kind": "apt-source", **package, "path": "pool/main/p/p"},
                    {"kind": "pypi", **package, "member": "p-1/deps/lua.tar.gz"},
                    {"kind": "npm", **package},
                    {"kind": "url", "url": "https://example.org/f.tar.gz"},
                ]
            }
        )
    )
    assert catalogue.sources[0].origins == (
        DebianSource(package="p", version="1", file="f.tar.gz", path="pool/main/p/p"),
        PythonPackage(package="p", version="1", file="f.tar.gz", member="p-1/deps/lua.tar.gz"),
        NpmPackage(package="p", version="1", file="f.tar.gz"),
        Upstream(url="https://example.org/f.tar.gz"),
    )


def test_entries_come_sorted_by_name_whatever_their_order() -> None:
    names = [source.name for source in parse(entry("b-1"), entry("a-1")).sources]
    assert names == ["a-1", "b-1"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"sha256": None}, "sources[lua-5.4.7].sha256: missing: a string is required"),
        ({"sha256": "AB" * 32}, "sources[lua-5.4.7].sha256: not a SHA-256"),
        ({"seed": "no"}, "sources[lua-5.4.7].seed: expected true or false, found a string"),
        ({"size_bytes": True}, "sources[lua-5.4.7].size_bytes: expected a whole number above 0"),
        ({"size_bytes": 0}, "sources[lua-5.4.7].size_bytes: expected a whole number above 0"),
        ({"licence": "MIT"}, "sources[lua-5.4.7].licence: unknown key; did you mean 'license'?"),
        ({"file": "../lua"}, "sources[lua-5.4.7].file: not a name that the Nix store takes"),
        ({"file": ".lua"}, "sources[lua-5.4.7].file: not a name that the Nix store takes"),
        ({"version": ""}, "sources[lua-5.4.7].version: must not be empty"),
        ({"systems": ["linux"]}, "sources[lua-5.4.7].systems: expected Nix systems"),
        ({"systems": "x86_64-linux"}, "sources[lua-5.4.7].systems: expected an array"),
        ({"from": []}, "sources[lua-5.4.7].from: must not be empty"),
        ({"from": [{"kind": "ftp"}]}, "sources[lua-5.4.7].from[0].kind: unknown kind 'ftp'"),
        ({"from": [7]}, "sources[lua-5.4.7].from[0]: expected an object, found 7"),
        (
            {"from": [{"kind": "url", "url": "file:///etc/passwd"}]},
            "sources[lua-5.4.7].from[0].url: expected an http or https address",
        ),
        (
            {"from": [{"kind": "url", "url": "https://[/"}]},
            "sources[lua-5.4.7].from[0].url: expected an http or https address",
        ),
        (
            {"from": [{"kind": "url", "url": "https://example.org/", "member": "../x"}]},
            "sources[lua-5.4.7].from[0].member: expected a relative path without '..'",
        ),
        (
            {"unpacked": {"name": "t", "narHash": "ab" * 32, "strip": "lua"}},
            "sources[lua-5.4.7].unpacked.narHash: not a hash of the form sha256-<base64>",
        ),
        (
            {"unpacked": {"name": "t", "narHash": NAR, "strip": "/lua"}},
            "sources[lua-5.4.7].unpacked.strip: expected a relative path without '..'",
        ),
    ],
)
def test_a_fault_names_entry_and_key(changes: dict[str, Any], fault: str) -> None:
    found = faults(entry(**changes))
    assert any(line.startswith(fault) for line in found), found


def test_all_faults_are_reported_at_once() -> None:
    found = faults(entry("a-1", seed=None), entry("b-1", license=None))
    assert [line.partition(": ")[0] for line in found] == [
        "sources[a-1].seed",
        "sources[b-1].license",
    ]


def test_two_entries_may_not_share_a_name_or_a_file() -> None:
    found = faults(entry("a-1"), entry("a-1"), entry("b-1", file="a-1.tar.gz"))
    assert "sources: two sources have the name 'a-1'" in found
    assert "sources: two sources have the file 'a-1.tar.gz'" in found


@pytest.mark.parametrize("text", ["", "[]", "{", '{"sources": {}}', "{}"])
def test_something_else_than_a_catalogue_is_refused(text: str) -> None:
    with pytest.raises(MachineError, match=r"sources\.json"):
        parse_catalogue(text, file="sources.json")


def test_a_missing_file_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"gone\.json"):
        read_catalogue(tmp_path / "gone.json")


def test_selection_is_by_system_and_by_any_of_a_sources_names() -> None:
    tree = {"name": "zig-tree", "narHash": NAR, "strip": "ziglang"}
    catalogue = parse(
        entry("any-1"),
        entry("arm-1", systems=["aarch64-linux"]),
        entry("zig-1", systems=["x86_64-linux"], unpacked=tree),
    )
    amd64 = [source.name for source in catalogue.select(system="x86_64-linux")]
    assert amd64 == ["any-1", "zig-1"]
    path = catalogue.sources[0].store_path()
    names = [source.name for source in catalogue.select(names=["zig-tree", path, "arm-1.tar.gz"])]
    assert names == ["any-1", "arm-1", "zig-1"]
    assert catalogue.select(names=["arm-1"], system="x86_64-linux") == ()


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError) as caught:
        parse(entry("lua-5.4.7")).select(names=["lua-5.4.6"])
    assert caught.value.hint == "did you mean 'lua-5.4.7'?"


@pytest.mark.parametrize("file", ["a/b", "a b", "ä", "x" * 212, "a\n"])
def test_a_file_name_that_nix_refuses_is_a_fault(file: str) -> None:
    assert any("not a name that the Nix store takes" in line for line in faults(entry(file=file)))


def test_store_paths_are_those_that_nix_gives_to_file_and_tree() -> None:
    """The paths are those that Nix 2.8 itself gave to this content."""
    digest = "3311dff32e746499f4df0d5df04d7eb396382d7e108bb9250e7b519b837043a4"
    tree = {"name": "zig-0.15.2-x86_64-linux", "narHash": NAR, "strip": "ziglang"}
    catalogue = parse(
        entry("a-1", file="busybox_1.37.0.orig.tar.bz2", sha256=digest),
        entry("b-1", unpacked=tree),
    )
    assert [source.store_path() for source in catalogue.sources] == [
        "/nix/store/2phl1d3ww74jjk2ggad5rc4l27c8rs2g-busybox_1.37.0.orig.tar.bz2",
        "/nix/store/pn2jbmr727jrfljji6mq35yllkk8gz9a-zig-0.15.2-x86_64-linux",
    ]


def test_the_catalogue_of_the_bundled_set_is_well_formed() -> None:
    catalogue = read_catalogue(nix_dir() / "bundled" / "sources.json")
    assert [source.name for source in catalogue.sources if source.seed] == [
        "zig-0.15.2-aarch64-linux",
        "zig-0.15.2-x86_64-linux",
    ]
