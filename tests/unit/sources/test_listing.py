import json

from nixgen.sources import describe_origin, list_sources
from nixgen.sources.model import DebianSource, NpmPackage, PythonPackage, Upstream
from tests.unit.sources.world import FakeStore, make_source


def test_each_kind_of_origin_is_one_readable_line() -> None:
    package = {"package": "p", "version": "1", "file": "f"}
    assert [
        describe_origin(DebianSource(**package, path="pool/main/p/p")),
        describe_origin(PythonPackage(**package, member="p-1/deps/x.tar.gz")),
        describe_origin(NpmPackage(**package)),
        describe_origin(Upstream(url="https://me:secret@example.org/f")),
    ] == [
        "apt source p 1",
        "pip p==1 (p-1/deps/x.tar.gz)",
        "npm p@1",
        "https://example.org/f",
    ]


def test_the_listing_says_what_is_in_the_store(store: FakeStore) -> None:
    here, there = make_source("a-1"), make_source("b-1")
    store.valid.add(here.store_path())
    assert [one.in_store for one in list_sources([here, there], store=store)] == [True, False]
    assert [one.in_store for one in list_sources([here])] == [None]


def test_the_listing_as_json_has_every_key() -> None:
    (listed,) = list_sources([make_source(systems=("x86_64-linux",))])
    document = json.loads(json.dumps(listed.as_json()))
    assert document == {
        "name": "hello-1.0",
        "pname": "hello",
        "version": "1.0",
        "file": "hello-1.0.tar.gz",
        "sha256": make_source().digest.hex,
        "size_bytes": make_source().size_bytes,
        "license": "MIT",
        "kind": "source",
        "systems": ["x86_64-linux"],
        "from": ["http://127.0.0.1:9/hello.tar.gz"],
        "unpacked_nar_hash": None,
        "store_path": make_source().store_path(),
        "in_store": None,
    }
