"""What refers to images: listed, walked, and entered where the registry keeps no list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.oci import Descriptor, canonical_json
from nixgen.oci.image import INDEX_TYPE
from nixgen.registry import (
    Manifest,
    Registry,
    fallback_tag,
    list_referrers,
    pull,
    push,
    put_referrer,
)
from nixgen.registry.errors import MalformedAnswerError, RefusedError, UnavailableError
from nixgen.registry.referrers import walk_referrers
from nixgen.registry.source import open_registry_image
from tests.fakes.registry import FakeRegistry, Handler, serving, sha256
from tests.layouts import Layout, read_layout
from tests.unit.registry.actions import Action, send, status, whole
from tests.unit.registry.conftest import LIMITS, open_registry
from tests.unit.registry.images import EMPTY, make_layout, make_referrer, stored


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path / "made")


@pytest.fixture(params=[True, False], ids=["interface", "tag"])
def each(request: pytest.FixtureRequest, layout: Layout) -> Iterator[FakeRegistry]:
    """A registry with an image, with the interface for referrers and without."""
    with serving(referrers_api=request.param) as fake:
        prepare(fake, layout)
        yield fake


@pytest.fixture
def old(layout: Layout) -> Iterator[FakeRegistry]:
    """A registry with an image, without the interface for referrers."""
    with serving(referrers_api=False) as fake:
        prepare(fake, layout)
        yield fake


def prepare(fake: FakeRegistry, layout: Layout) -> None:
    with open_registry(fake) as registry:
        push(stored(layout), registry)
        send(registry, EMPTY)
    fake.seen.clear()


def refer(registry: Registry, subject: Descriptor, kind: str = "application/x.test") -> Manifest:
    referrer = make_referrer(subject, kind)
    put_referrer(registry, referrer)
    return referrer


def top_of(registry: Registry) -> Descriptor:
    return registry.get_manifest("v1").descriptor


def index_under_the_tag(fake: FakeRegistry, subject: Digest) -> dict[str, object]:
    digest = fake.tags["team/app", fallback_tag(subject)]
    document: dict[str, object] = json.loads(fake.manifests["team/app", digest][1])
    return document


def put_index(fake: FakeRegistry, subject: Digest, data: bytes, kind: str = INDEX_TYPE) -> None:
    fake.manifests["team/app", sha256(data)] = (kind, data)
    fake.tags["team/app", fallback_tag(subject)] = sha256(data)


def test_kinds_and_annotations_are_kept(each: FakeRegistry) -> None:
    with open_registry(each) as registry:
        top = top_of(registry)
        for kind in ("application/x.b", "application/x.a", "application/x.b"):
            refer(registry, top, kind)
        found = list_referrers(registry, top.digest)
        assert [entry.digest for entry in found] == sorted(entry.digest for entry in found)
        kinds = sorted(entry.artifact_type or "" for entry in found)
        assert kinds == ["application/x.a", "application/x.b"]
        assert {(entry.annotations or {})["made-by"] for entry in found} == {"test"}
        only = list_referrers(registry, top.digest, artifact_type="application/x.a")
        assert [entry.artifact_type for entry in only] == ["application/x.a"]
    assert (("team/app", fallback_tag(top.digest)) in each.tags) is not each.referrers_api


def test_a_signature_of_a_statement_comes_with_the_image(
    each: FakeRegistry, tmp_path: Path
) -> None:
    with open_registry(each) as registry:
        statement = refer(registry, top_of(registry), "application/x.statement")
        signature = refer(registry, statement.descriptor, "application/x.signature")
        pulled = pull(registry, tmp_path / "pulled")
    assert pulled.referrers == (statement.digest, signature.digest)
    index = json.loads((tmp_path / "pulled" / "index.json").read_bytes())
    named = [entry["digest"] for entry in index["manifests"][1:]]
    assert named == [str(statement.digest), str(signature.digest)]
    back = read_layout(tmp_path / "pulled")
    back.verify_layers()
    with open_registry(each, "other/app:v1") as other:
        assert push(stored(back), other).referrers == pulled.referrers
        assert pull(other, tmp_path / "again").referrers == pulled.referrers


def test_a_referrer_that_is_there_is_not_sent_again(each: FakeRegistry) -> None:
    with open_registry(each) as registry:
        top = top_of(registry)
        refer(registry, top)
        each.seen.clear()
        refer(registry, top)
    assert each.requests("PUT") == []


def test_a_referrer_that_is_there_and_not_listed_is_sent_again(fake: FakeRegistry) -> None:
    empty = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}).encode()
    with open_registry(fake) as registry:
        send(registry, EMPTY)
        subject = Descriptor(media_type="x", digest=Digest.of_bytes(b"x"), size_bytes=1)
        refer(registry, subject)
        fake.misbehave("GET", "/referrers/", whole(empty, Content_Type=INDEX_TYPE))
        refer(registry, subject)
    assert len(fake.requests("PUT", "/manifests/")) == 2


def test_lists_come_in_pages(fake: FakeRegistry, layout: Layout) -> None:
    prepare(fake, layout)
    fake.page_size = 2
    with open_registry(fake) as registry:
        top = top_of(registry)
        put = {refer(registry, top, f"application/x.{number}").digest for number in range(5)}
        found = list_referrers(registry, top.digest)
    assert {entry.digest for entry in found} == put
    assert len(fake.requests("GET", "/referrers/.*last=")) == 2


@pytest.mark.parametrize("pages", [3, 1000])
def test_a_list_without_end_ends(fake: FakeRegistry, pages: int) -> None:
    def again(handler: Handler) -> None:
        count = len(handler.registry.seen) * 600
        entries = [
            {"mediaType": "x", "digest": f"sha256:{number:064x}", "size": 1}
            for number in range(count, count + 600)
        ]
        body = json.dumps({"manifests": entries}).encode()
        link = f'<{handler.path.partition("?")[0]}?x>; rel="next"'
        handler.reply(200, body, Content_Type=INDEX_TYPE, Link=link)

    fake.misbehave("GET", "/referrers/", again, times=1000)
    limits = replace(LIMITS, pages=pages, referrers=1000 if pages == 1000 else 10_000)
    with open_registry(fake, limits=limits) as registry, pytest.raises(MalformedAnswerError):
        list_referrers(registry, Digest.of_bytes(b"x"))
    assert len(fake.seen) <= 3


def test_chains_that_are_too_long_are_refused(
    fake: FakeRegistry, layout: Layout, tmp_path: Path
) -> None:
    prepare(fake, layout)
    with open_registry(fake, limits=replace(LIMITS, depth=3)) as registry:
        subject = top_of(registry)
        for _ in range(3):
            subject = refer(registry, subject).descriptor
        assert len(pull(registry, tmp_path / "pulled").referrers) == 3
        refer(registry, subject)
        with pytest.raises(MalformedAnswerError, match="3 levels") as caught:
            pull(registry, tmp_path / "pulled")
        assert "--no-referrers" in (caught.value.hint or "")
        assert pull(registry, tmp_path / "pulled", with_referrers=False).referrers == ()


def test_lists_in_a_circle_end(fake: FakeRegistry) -> None:
    first, second = Digest.of_bytes(b"1"), Digest.of_bytes(b"2")

    def other(handler: Handler) -> None:
        digest = second if handler.path.endswith(str(first)) else first
        entry = {"mediaType": "x", "digest": str(digest), "size": 1}
        body = json.dumps({"manifests": [entry]}).encode()
        handler.reply(200, body, Content_Type=INDEX_TYPE)

    fake.misbehave("GET", "/referrers/", other, times=100)
    with open_registry(fake) as registry:
        assert [entry.digest for entry in walk_referrers(registry, [first])] == [second]


def test_what_is_listed_and_refers_to_something_else_stays_behind(
    old: FakeRegistry, tmp_path: Path
) -> None:
    with open_registry(old) as registry:
        top = top_of(registry)
        refer(registry, top)
        other = replace(top, digest=Digest.of_bytes(b"other"))
        refer(registry, other, "application/x.other")
        place = old.tags["team/app", fallback_tag(other.digest)]
        old.tags["team/app", fallback_tag(top.digest)] = place
        assert pull(registry, tmp_path / "pulled").referrers == ()


def test_what_is_listed_and_gone_stays_behind(old: FakeRegistry, tmp_path: Path) -> None:
    with open_registry(old) as registry:
        top = top_of(registry)
        gone = refer(registry, top, "application/x.gone")
        kept = refer(registry, top, "application/x.kept")
        signature = refer(registry, gone.descriptor, "application/x.signature")
        del old.manifests["team/app", str(gone.digest)]
        assert pull(registry, tmp_path / "pulled").referrers == (kept.digest,)
        image = open_registry_image(registry)
        assert [entry.digest for entry in image.referrers] == [kept.digest]
        with open_registry(old, "other/app:v1") as other:
            assert push(image, other).referrers == (kept.digest,)
    assert ("other/app", str(signature.digest)) not in old.manifests


@pytest.mark.parametrize("action", [status(400), status(404), status(405), status(501)])
def test_a_registry_that_refuses_the_interface_is_asked_for_the_tag(
    old: FakeRegistry, action: Action
) -> None:
    old.misbehave("GET", "/referrers/", action, times=100)
    with open_registry(old) as registry:
        top = top_of(registry)
        referrer = refer(registry, top)
        assert [entry.digest for entry in list_referrers(registry, top.digest)] == [referrer.digest]


def test_a_page_for_people_is_no_list(old: FakeRegistry) -> None:
    page = whole(b"<html>", Content_Type="text/html")
    old.misbehave("GET", "/referrers/", page, times=100)
    with open_registry(old) as registry:
        top = top_of(registry)
        referrer = refer(registry, top)
        assert [entry.digest for entry in list_referrers(registry, top.digest)] == [referrer.digest]


def test_what_others_wrote_into_the_index_is_kept(old: FakeRegistry) -> None:
    with open_registry(old) as registry:
        top = top_of(registry)
        foreign = {
            "mediaType": "application/x",
            "digest": "sha256:" + "1" * 64,
            "size": 1,
            "urls": ["https://example.org/x"],
            "platform": {"os": "plan9", "architecture": "mips", "os.version": "4"},
        }
        document = {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": [foreign],
            "annotations": {"kept": "yes"},
        }
        old.manifests["team/app", "sha256:" + "1" * 64] = ("x", b"{}")
        put_index(old, top.digest, canonical_json(document))
        referrer = refer(registry, top)
    index = index_under_the_tag(old, top.digest)
    entries = index["manifests"]
    assert isinstance(entries, list)
    assert entries[0] == foreign
    assert [entry["digest"] for entry in entries[1:]] == [str(referrer.digest)]
    assert index["annotations"] == {"kept": "yes"}


def test_a_referrer_that_was_deleted_does_not_stand_in_the_way_of_others(old: FakeRegistry) -> None:
    with open_registry(old) as registry:
        top = top_of(registry)
        gone = refer(registry, top, "application/x.gone")
        kept = refer(registry, top, "application/x.kept")
        del old.manifests["team/app", str(gone.digest)]
        new = refer(registry, top, "application/x.new")
        found = {entry.digest for entry in list_referrers(registry, top.digest)}
    assert found == {kept.digest, new.digest}


def test_an_index_that_is_refused_for_another_reason_is_told(old: FakeRegistry) -> None:
    with open_registry(old) as registry:
        top = top_of(registry)
        refer(registry, top, "application/x.kept")
        old.misbehave("PUT", fallback_tag(top.digest), status(413))
        with pytest.raises(RefusedError, match="413"):
            refer(registry, top, "application/x.new")
    assert len(old.requests("PUT", fallback_tag(top.digest))) == 2


def test_what_is_no_index_is_not_written_over_and_lists_nothing(
    old: FakeRegistry, layout: Layout
) -> None:
    manifest = layout.images[0].manifest
    with open_registry(old) as registry:
        top = top_of(registry)
        put_index(old, top.digest, manifest, top.media_type)
        assert list_referrers(registry, top.digest) == ()
        with pytest.raises(RefusedError, match="no index of referrers"):
            refer(registry, top)
    assert old.tags["team/app", fallback_tag(top.digest)] == sha256(manifest)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"manifests":1}'])
def test_an_index_that_is_damaged_lists_nothing(old: FakeRegistry, body: bytes) -> None:
    with open_registry(old) as registry:
        top = top_of(registry)
        put_index(old, top.digest, body)
        assert list_referrers(registry, top.digest) == ()


def overwritten(fake: FakeRegistry, subject: Digest, others: Iterator[int]) -> Action:
    """Take an index in, and have another writer, who did not see it, put his own over it."""

    def action(handler: Handler) -> None:
        handler.behave()
        number = next(others)
        entry = {"mediaType": "x", "digest": f"sha256:{number:064x}", "size": 1}
        fake.manifests["team/app", f"sha256:{number:064x}"] = ("x", b"{}")
        document = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}
        put_index(fake, subject, canonical_json(document))

    return action


def test_two_writers_at_once_lose_nothing_where_the_first_can_see_it(old: FakeRegistry) -> None:
    with open_registry(old) as registry:
        top = top_of(registry)
        action = overwritten(old, top.digest, iter([7]))
        old.misbehave("PUT", fallback_tag(top.digest), action)
        referrer = refer(registry, top)
        found = {str(entry.digest) for entry in list_referrers(registry, top.digest)}
    assert found == {str(referrer.digest), f"sha256:{7:064x}"}


def test_an_index_that_others_change_all_the_time_is_given_up(old: FakeRegistry) -> None:
    with open_registry(old) as registry:
        top = top_of(registry)
        action = overwritten(old, top.digest, iter(range(100)))
        old.misbehave("PUT", fallback_tag(top.digest), action, times=100)
        with pytest.raises(UnavailableError, match="others change it"):
            refer(registry, top)
    assert len(old.requests("PUT", fallback_tag(top.digest))) == LIMITS.tries


def test_a_manifest_that_refers_to_nothing_is_no_referrer(
    fake: FakeRegistry, registry: Registry, layout: Layout
) -> None:
    data = layout.images[0].manifest
    manifest = Manifest(media_type="x", digest=Digest.of_bytes(data), data=data)
    with pytest.raises(MalformedAnswerError, match="refers to nothing"):
        put_referrer(registry, manifest)
    assert fake.seen == []
