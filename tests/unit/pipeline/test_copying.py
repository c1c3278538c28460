"""Copies between places and registries: digests stay, referrers come along, little travels."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from nixgen.errors import NetworkError, UsageError
from nixgen.oci.reference import ImagePlace
from nixgen.pipeline.copying import copy
from nixgen.pipeline.publish import RegistryAccess
from nixgen.platforms import Platform
from nixgen.progress import BytesMoved, Event
from nixgen.registry.errors import WrongDigestError
from tests.e2e.conftest import run_cli
from tests.fakes.registry import FakeRegistry, Handler, serving
from tests.layouts import Layout
from tests.unit.registry.images import make_layout

BOTH = ("linux/amd64", "linux/arm64")
ACCESS = RegistryAccess(environ={})


class Recorder:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def report(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with serving() as fake:
        yield fake


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    with serving(referrers_api=False) as fake:
        yield fake


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path / "made", platforms=BOTH, refer=True)


def layer_requests(fake: FakeRegistry, layout: Layout) -> list[str]:
    layers = {str(layer.descriptor.digest) for each in layout.images for layer in each.layers}
    paths = [seen.path for seen in fake.requests("GET", "/blobs/")]
    return [path for path in paths if path.rpartition("/")[2] in layers]


def test_the_way_through_places_and_registries_changes_no_digest(
    layout: Layout, fake: FakeRegistry, other: FakeRegistry, tmp_path: Path
) -> None:
    way = (
        str(layout.path),
        f"{fake.host}/team/app:v1",
        str(tmp_path / "a.tar"),
        f"{other.host}/else/app:v1",
        f"{fake.host}/third/app:v2",
        str(tmp_path / "b.oci"),
    )
    for source, target in itertools.pairwise(way):
        outcome = copy(source, target, ACCESS)
        assert (outcome.digest, outcome.referrers) == (layout.digest, 1)
    last = ImagePlace.parse(way[-1]).open()
    assert last.tags == ("v2",)
    assert [each.digest for each in last.referrers] == [each.digest for each in layout.referrers]
    assert other.tags["else/app", "v1"] == str(layout.digest)


def test_within_a_registry_blobs_are_mounted(layout: Layout, fake: FakeRegistry) -> None:
    copy(str(layout.path), f"{fake.host}/team/app", ACCESS)
    fake.seen.clear()
    outcome = copy(f"{fake.host}/team/app:v1", f"{fake.host}/other/app", ACCESS)
    assert outcome.details["uploaded_blobs"] == 0
    assert outcome.details["mounted_blobs"] > 0
    assert layer_requests(fake, layout) == []


def test_what_is_there_does_not_travel_again(
    layout: Layout, fake: FakeRegistry, other: FakeRegistry
) -> None:
    copy(str(layout.path), f"{fake.host}/team/app", ACCESS)
    copy(f"{fake.host}/team/app:v1", f"{other.host}/team/app", ACCESS)
    fake.seen.clear()
    outcome = copy(f"{fake.host}/team/app:v1", f"{other.host}/team/app:v2", ACCESS)
    assert (outcome.details["uploaded_bytes"], outcome.tags) == (0, ("v2",))
    assert layer_requests(fake, layout) == []


def test_a_source_that_breaks_off_is_gone_on_with(
    tmp_path: Path, fake: FakeRegistry, other: FakeRegistry
) -> None:
    layer = bytes(range(256)) * 4096
    layout = make_layout(tmp_path, layers=(layer,))
    digest = str(layout.images[0].layers[0].descriptor.digest)
    copy(str(layout.path), f"{fake.host}/team/app", ACCESS)

    def cut_off(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(layer)))
        handler.end_headers()
        handler.wfile.write(layer[:300_000])
        handler.drop()

    fake.misbehave("GET", f"/blobs/{digest}", cut_off)
    copy(f"{fake.host}/team/app:v1", f"{other.host}/team/app", ACCESS)
    assert other.blobs["team/app", digest] == layer
    assert fake.requests("GET", digest)[1].headers["Range"] == "bytes=300000-"


@pytest.mark.parametrize("target", ["HOST/team/app", "b.oci", "b.tar", "b.docker.tar"])
def test_a_layer_that_is_not_what_it_says_is_copied_nowhere(
    tmp_path: Path, fake: FakeRegistry, other: FakeRegistry, target: str
) -> None:
    layout = make_layout(tmp_path / "made")
    digest = str(layout.images[0].layers[0].descriptor.digest)
    copy(str(layout.path), f"{fake.host}/team/app", ACCESS)
    size = len(fake.blobs["team/app", digest])
    fake.blobs["team/app", digest] = b"x" * size
    place = target.replace("HOST", other.host) if "HOST" in target else str(tmp_path / target)
    with pytest.raises(WrongDigestError, match=digest):
        copy(f"{fake.host}/team/app:v1", place, ACCESS)
    assert other.tags == {} == other.manifests
    assert not (tmp_path / target).exists()


def test_one_platform_of_an_index_is_copied_alone(
    layout: Layout, fake: FakeRegistry, other: FakeRegistry, tmp_path: Path
) -> None:
    copy(str(layout.path), f"{fake.host}/team/app", ACCESS)
    wanted = Platform.parse("linux/arm64")
    for target in (f"{other.host}/team/app", str(tmp_path / "b.tar"), str(tmp_path / "b.oci")):
        outcome = copy(f"{fake.host}/team/app:v1", target, ACCESS, platform=wanted)
        assert outcome.digest == layout.image(wanted).digest


def test_referrers_can_be_left_out(layout: Layout, fake: FakeRegistry, tmp_path: Path) -> None:
    outcome = copy(str(layout.path), f"{fake.host}/a/b", ACCESS, with_referrers=False)
    assert outcome.referrers == 0
    assert len(fake.manifests) == 3


def test_bytes_and_blobs_are_told(layout: Layout, fake: FakeRegistry, tmp_path: Path) -> None:
    for source, target in (
        (str(layout.path), f"{fake.host}/team/app"),
        (f"{fake.host}/team/app:v1", str(tmp_path / "b.tar")),
    ):
        recorder = Recorder()
        copy(source, target, RegistryAccess(environ={}, reporter=recorder))
        last = [event for event in recorder.events if isinstance(event, BytesMoved)][-1]
        assert last.done_bytes == last.total_bytes
        assert last.done_blobs == last.total_blobs


def test_a_target_with_a_digest_is_refused(layout: Layout, fake: FakeRegistry) -> None:
    with pytest.raises(UsageError, match="the digest that its bytes have"):
        copy(str(layout.path), f"{fake.host}/a/b@{layout.digest}", ACCESS)


def test_a_registry_that_has_no_such_image_is_told(fake: FakeRegistry, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="404"):
        copy(f"{fake.host}/a/b:1", str(tmp_path / "b.oci"), ACCESS)


def test_commands_look_into_registries(layout: Layout, fake: FakeRegistry, tmp_path: Path) -> None:
    name = f"{fake.host}/team/app:v1"
    copied = run_cli("copy", layout.path, name, "--json")
    assert copied.exit_code == 0, copied.stderr
    assert (copied.document["format"], copied.document["tags"]) == ("registry", ["v1"])
    fake.seen.clear()
    seen = run_cli("inspect", name, "--json")
    assert seen.exit_code == 0, seen.stderr
    assert seen.document["digest"] == str(layout.digest)
    [referrer] = seen.document["referrers"]
    assert referrer["artifact_type"] == "application/x.test"
    assert referrer["subject"] == str(layout.digest)
    assert len(seen.document["platforms"]) == 2
    assert layer_requests(fake, layout) == []
    assert "of " + str(layout.digest) in run_cli("inspect", name).stdout
    same = run_cli("diff", name, layout.path, "--platform", "linux/amd64")
    assert same.exit_code == 0, same.stderr
    assert run_cli("inspect", f"{fake.host}/none").exit_code == 5
