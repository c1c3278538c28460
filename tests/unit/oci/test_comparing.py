"""Differences between images: found, named, and none where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nixgen.closure.packages import parse_package
from nixgen.oci import (
    BuiltImage,
    ImageConf,
    gzip_compressor,
    write_docker_archive,
    write_layout,
    zstd_compressor,
)
from tests.e2e.conftest import Outcome, run_cli
from tests.unit.oci.synthetic import SyntheticStore, store_path

Hello = Parts = tuple[SyntheticStore, ImageConf]
Build = Callable[..., BuiltImage]


@pytest.fixture
def a(hello: Hello, build: Build, tmp_path: Path) -> Path:
    write_layout([build(*hello, compressor=zstd_compressor("zstd"))], tmp_path / "a", tags=["1"])
    return tmp_path / "a"


def other(hello: Hello, build: Build, place: Path) -> Path:
    """Another version of the program, a package more, another mode and variable."""
    synthetic, conf = hello
    [[library], [_, plain]] = conf.store_layers
    program = synthetic.add_tree("program", {"bin/hello": b"#!/bin/sh\n", "share/doc": b"new"})
    (synthetic.place(program) / "bin" / "hi").symlink_to("hello")
    tool = synthetic.add_file("tool-1.2", b"tool")
    custom = synthetic.add_customisation({".": None, "./bin": None, "./bin/hello": b"hello"})
    config = {"Entrypoint": ["/bin/hello"], "Env": ["PATH=/usr/bin"]}
    changed = synthetic.conf([[library], [program, plain, tool]], custom, config=config)
    write_layout([build(synthetic, changed, annotations={"k": "v"})], place, tags=["2"])
    return place


def diff(*arguments: str | Path) -> Outcome:
    return run_cli("diff", *arguments)


def test_the_same_content_in_another_form_is_equal(
    a: Path, hello: Hello, build: Build, tmp_path: Path
) -> None:
    image = build(*hello, compressor=gzip_compressor("pigz"))
    write_layout([image], tmp_path / "b", tags=["1"])
    write_docker_archive(image, tmp_path / "c.tar", repo_tags=["hello:1"])
    for second in (a, tmp_path / "b", tmp_path / "c.tar"):
        outcome = diff(a, second, "--json")
        assert outcome.exit_code == 0, outcome.stderr
        assert outcome.document["equal"] is True
        assert outcome.document["files"] == outcome.document["packages"] == {}


def test_what_differs_is_named(a: Path, hello: Hello, build: Build, tmp_path: Path) -> None:
    outcome = diff(a, other(hello, build, tmp_path / "b"), "--json")
    assert outcome.exit_code == 1, outcome.stderr
    document = outcome.document
    assert document["equal"] is False
    assert sorted(document["packages"]) == ["program", "tool"]
    assert document["packages"]["tool"]["a"] is None
    assert document["packages"]["tool"]["b"][0]["version"] == "1.2"
    assert sorted(document["files"]) == ["/tmp", "program: share/doc", "tool: ."]
    assert document["files"]["/tmp"]["b"] is None
    doc = document["files"]["program: share/doc"]
    assert doc["a"]["sha256"] != doc["b"]["sha256"]
    assert document["config"] == {"config.Env": {"a": ["PATH=/bin"], "b": ["PATH=/usr/bin"]}}
    assert document["annotations"] == {"k": {"a": None, "b": "v"}}
    text = diff(a, tmp_path / "b")
    assert text.exit_code == 1
    for part in (
        "+ tool  1.2, ",
        "~ program  no version built anew, ",
        "- /tmp  directory",
        "~ program: share/doc  content, 3 B",
        '~ config.Env  ["PATH=/bin"] -> ["PATH=/usr/bin"]',
        '+ k  "v"',
        "size of the files: ",
        "the images differ",
    ):
        assert part in text.stdout


def twin(root: Path, *, shift: int = 0, doc: bytes = b"", named: str = "program") -> Parts:
    """A program and a library that refer to each other by their store paths, `shift` apart."""
    synthetic = SyntheticStore(root)
    synthetic.count = shift
    library = synthetic.add_tree("library-1.0", {"lib/a": b"a" * 70_000})
    tool = synthetic.add_file("tool", b"one of two")
    second = synthetic.add_file("tool", b"the other one")
    within = (1 << 20) - 20  # why: the hash lies across the end of what is read at a time.
    program = synthetic.add_tree(
        named, {"bin/run": b"x" * within + library.encode() + doc, "old": tool.encode()}
    )
    (synthetic.place(program) / "lib").symlink_to(f"{library}/lib")
    (synthetic.place(program) / library.rpartition("/")[2]).write_bytes(second.encode())
    custom = synthetic.add_customisation({"./run": f"exec {program}/bin/run".encode()})
    config = {"Entrypoint": [f"{program}/bin/run"], "Env": ["PATH=/bin"]}
    return synthetic, synthetic.conf([[library, tool, second], [program]], custom, config=config)


def write_twin(build: Build, place: Path, **changes: Any) -> Path:
    write_layout([build(*twin(place / "root", **changes))], place / "image", tags=["1"])
    return place / "image"


def test_builds_that_differ_in_store_hashes_are_equal_but_for_them(
    build: Build, tmp_path: Path
) -> None:
    one = write_twin(build, tmp_path / "1")
    other = write_twin(build, tmp_path / "2", shift=7)
    assert diff(one, other).exit_code == 1
    outcome = diff(one, other, "--ignore-store-hashes")
    assert outcome.exit_code == 0, outcome.stdout
    assert outcome.stdout.splitlines()[-1] == "equal but for store hashes"
    document = diff(one, other, "--ignore-store-hashes", "--json").document
    assert (document["equal"], document["store_hashes_ignored"]) == (True, True)
    assert document["files"] == document["packages"] == document["config"] == {}


def test_the_same_image_is_not_called_equal_but_for_hashes(build: Build, tmp_path: Path) -> None:
    one = write_twin(build, tmp_path / "1")
    outcome = diff(one, one, "--ignore-store-hashes")
    assert outcome.exit_code == 0
    assert outcome.stdout.splitlines()[-1] == "the content is the same"


def test_more_than_hashes_is_a_difference_and_shown_as_it_is(build: Build, tmp_path: Path) -> None:
    one = write_twin(build, tmp_path / "1")
    unknown = store_path(31, "gone").encode()
    other = write_twin(build, tmp_path / "2", shift=7, doc=unknown)
    document = diff(one, other, "--ignore-store-hashes", "--json").document
    assert (document["equal"], list(document["files"])) == (False, ["program: bin/run"])
    renamed = write_twin(build, tmp_path / "3", shift=7, named="programme")
    outcome = diff(one, renamed, "--ignore-store-hashes", "--json")
    assert outcome.exit_code == 1
    assert list(outcome.document["packages"]) == ["program", "programme"]
    path = outcome.document["packages"]["programme"]["b"][0]["path"]
    assert (tmp_path / "3/root" / path.lstrip("/")).is_dir()


def test_a_reference_to_another_path_is_a_difference(build: Build, tmp_path: Path) -> None:
    images = []
    for name, wanted in (("1", 0), ("2", 1)):
        synthetic = SyntheticStore(tmp_path / name)
        synthetic.count = int(name) * 5
        paths = [synthetic.add_file(each, each.encode()) for each in ("left", "right")]
        user = synthetic.add_file("user", paths[wanted].rpartition("-")[0].encode())
        custom = synthetic.add_customisation({"./x": b"x"})
        image = build(synthetic, synthetic.conf([[*paths, user]], custom))
        write_layout([image], tmp_path / name / "image", tags=["1"])
        images.append(tmp_path / name / "image")
    outcome = diff(*images, "--ignore-store-hashes", "--json")
    assert list(outcome.document["files"]) == ["user: ."]


def test_without_zstd_it_is_said(a: Path, hello: Hello, build: Build, tmp_path: Path) -> None:
    second = other(hello, build, tmp_path / "b")
    (tmp_path / "bin").mkdir()
    outcome = run_cli("diff", a, second, PATH=str(tmp_path / "bin"))
    assert outcome.exit_code == 3
    assert "the program 'zstd' was not found" in outcome.stderr


def test_mistakes_are_told(a: Path, tmp_path: Path) -> None:
    assert diff(a, tmp_path / "none").exit_code == 2
    assert diff(a, a, "--platform", "linux/arm64").exit_code == 2
    shutil.copytree(a, tmp_path / "b")
    index = tmp_path / "b" / "index.json"
    index.write_bytes(index.read_bytes()[:-9])
    assert diff(a, tmp_path / "b").exit_code == 4


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("openssl-3.0.1-dev", ("openssl", "3.0.1-dev")),
        ("python3-minimal-3.11", ("python3-minimal", "3.11")),
        ("source", ("source", "")),
    ],
)
def test_names_and_versions_are_told_apart(name: str, parsed: tuple[str, str]) -> None:
    assert parse_package(name) == parsed
