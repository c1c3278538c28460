from pathlib import Path

import pytest

from nixgen.errors import UsageError
from nixgen.platforms import Platform
from nixgen.progress import BytesMoved, Event
from nixgen.registry import (
    pull,
    push,
)
from nixgen.registry.errors import (
    CredentialsError,
    DeniedError,
    ImmutableTagError,
    NotFoundError,
    RefusedError,
    UnreachableError,
)
from tests.fakes.registry import FakeRegistry, serving
from tests.layouts import read_layout
from tests.unit.registry.actions import status
from tests.unit.registry.conftest import LIMITS, LOGIN, open_registry
from tests.unit.registry.images import index_of, make_layout, stored

BOTH = ("linux/amd64", "linux/arm64")


@pytest.mark.parametrize("referrers_api", [True, False])
@pytest.mark.parametrize("absolute_locations", [True, False])
@pytest.mark.parametrize("auth", [None, "basic", "bearer"])
def test_what_is_pushed_comes_back_with_its_referrers(
    tmp_path: Path, auth: str | None, absolute_locations: bool, referrers_api: bool
) -> None:
    layout = make_layout(tmp_path / "made", platforms=BOTH, refer=True)
    with serving(
        auth=auth, absolute_locations=absolute_locations, referrers_api=referrers_api
    ) as fake:
        with open_registry(fake, credentials=LOGIN) as registry:
            pushed = push(stored(layout), registry, tags=["v1", "v2"])
        with open_registry(fake, credentials=LOGIN) as registry:
            pulled = pull(registry, tmp_path / "pulled")
        assert fake.tags["team/app", "v2"] == str(layout.digest)
    assert pushed.digest == pulled.digest == layout.digest
    assert pushed.referrers == pulled.referrers == (layout.referrers[0].digest,)
    back = read_layout(tmp_path / "pulled")
    back.verify_layers()
    assert index_of(back) == index_of(layout)
    assert back.images == layout.images


def test_a_second_push_sends_nothing(fake: FakeRegistry, tmp_path: Path) -> None:
    layout = make_layout(tmp_path, platforms=BOTH)
    with open_registry(fake) as registry:
        first = push(stored(layout), registry)
        fake.seen.clear()
        second = push(stored(layout), registry)
    assert (first.uploaded_blobs, first.skipped_blobs) == (6, 0)
    assert (second.uploaded_blobs, second.uploaded_bytes, second.skipped_blobs) == (0, 0, 6)
    assert {seen.method for seen in fake.seen} == {"HEAD"}


def test_manifests_come_after_blobs_then_the_index_then_tags(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    layout = make_layout(tmp_path, platforms=BOTH, refer=True)
    with open_registry(fake) as registry:
        push(stored(layout), registry)
    puts = [seen.path for seen in fake.requests("PUT")]
    names = [path.rpartition("/")[2] for path in puts if "/manifests/" in path]
    images = [str(image.digest) for image in layout.images]
    assert puts[-len(names) :] == [f"/v2/team/app/manifests/{name}" for name in names]
    assert names == [*images, str(layout.digest), str(layout.referrers[0].digest), "v1"]


def test_blobs_of_another_repository_are_mounted(fake: FakeRegistry, tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    with open_registry(fake) as registry:
        push(stored(layout), registry)
    with open_registry(fake, "other/app:v1") as registry:
        result = push(stored(layout), registry, mount_from=["nothing/here", "team/app"])
    assert (result.mounted_blobs, result.uploaded_bytes) == (4, 0)
    assert fake.tags["other/app", "v1"] == str(layout.digest)


def test_one_platform_can_be_pulled_and_an_unknown_one_is_told(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    layout = make_layout(tmp_path / "made", platforms=BOTH)
    with open_registry(fake) as registry:
        push(stored(layout), registry)
        pull(registry, tmp_path / "one", platform=Platform.parse("linux/arm64"))
        with pytest.raises(UsageError, match="linux/amd64, linux/arm64"):
            pull(registry, tmp_path / "none", platform=Platform.parse("linux/arm/v7"))
    assert [str(image.platform) for image in read_layout(tmp_path / "one").images] == [
        "linux/arm64"
    ]
    assert not (tmp_path / "none").exists()


def test_blobs_that_are_there_are_not_pulled_again(fake: FakeRegistry, tmp_path: Path) -> None:
    first = make_layout(tmp_path / "first")
    second = make_layout(tmp_path / "second", layers=(b"first layer", b"new"))
    with open_registry(fake) as registry:
        push(stored(first), registry)
        pull(registry, tmp_path / "there")
        push(stored(second), registry)
        result = pull(registry, tmp_path / "there")
    assert (result.skipped_blobs, result.downloaded_blobs) == (2, 2)
    back = read_layout(tmp_path / "there")
    back.verify_layers()
    assert back.digest == second.digest


def test_a_failed_pull_leaves_what_was_there(fake: FakeRegistry, tmp_path: Path) -> None:
    first = make_layout(tmp_path / "first")
    second = make_layout(tmp_path / "second", layers=(b"other",))
    with open_registry(fake) as registry:
        push(stored(first), registry)
        pull(registry, tmp_path / "there")
        push(stored(second), registry)
        fake.misbehave("GET", "/blobs/", lambda handler: handler.drop(), times=100)
        with pytest.raises(UnreachableError):
            pull(registry, tmp_path / "there")
    assert read_layout(tmp_path / "there").digest == first.digest
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["first", "second", "there"]


def test_tags_come_in_pages_and_sorted(fake: FakeRegistry, tmp_path: Path) -> None:
    fake.page_size = 2
    layout = make_layout(tmp_path)
    with open_registry(fake) as registry:
        push(stored(layout), registry, tags=["c", "a", "e", "b", "d"])
        assert registry.list_tags() == ("a", "b", "c", "d", "e")
    assert len(fake.requests("GET", "tags")) == 3


def test_an_immutable_tag_takes_the_same_image_again_and_no_other(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    fake.immutable_tags = True
    first = make_layout(tmp_path / "first")
    other = make_layout(tmp_path / "other", layers=(b"other",))
    with open_registry(fake) as registry:
        push(stored(first), registry)
        push(stored(first), registry)
        with pytest.raises(ImmutableTagError, match="immutable"):
            push(stored(other), registry)
    assert fake.tags["team/app", "v1"] == str(first.digest)


@pytest.mark.parametrize("code", [400, 405, 409, 412])
def test_a_tag_that_is_there_and_refused_is_told_with_what_it_names(
    fake: FakeRegistry, tmp_path: Path, code: int
) -> None:
    first = make_layout(tmp_path / "first")
    other = make_layout(tmp_path / "other", layers=(b"other",))
    with open_registry(fake) as registry:
        push(stored(first), registry)
        fake.misbehave("PUT", "/manifests/v1", status(code))
        with pytest.raises(ImmutableTagError, match=str(first.digest)):
            push(stored(other), registry)
        fake.misbehave("PUT", "/manifests/v2", status(code))
        with pytest.raises(RefusedError, match=str(code)):
            push(stored(other), registry, tags=["v2"])


def test_credentials_that_are_wrong_or_missing_are_told_with_the_way_to_mend(
    tmp_path: Path,
) -> None:
    layout = make_layout(tmp_path)
    with serving(auth="bearer") as fake, open_registry(fake) as registry:
        with pytest.raises(CredentialsError) as caught:
            push(stored(layout), registry)
        assert caught.value.hint == f"docker login {fake.host}"
        assert caught.value.exit_code == 5


def test_what_is_not_there_is_told(fake: FakeRegistry, tmp_path: Path) -> None:
    with open_registry(fake) as opened, pytest.raises(NotFoundError, match="team/app"):
        pull(opened, tmp_path / "x")
    assert not (tmp_path / "x").exists()


class Recorder:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def report(self, event: Event) -> None:
        self.events.append(event)


def test_progress_ends_with_all_bytes(fake: FakeRegistry, tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    recorder = Recorder()
    with open_registry(fake, limits=LIMITS) as registry:
        registry.reporter = recorder
        result = push(stored(layout), registry)
    last = [event for event in recorder.events if isinstance(event, BytesMoved)][-1]
    assert last.done_bytes == last.total_bytes == result.uploaded_bytes


def test_one_blob_that_fails_ends_the_push_and_the_registry_can_be_used_again(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    layers = tuple(bytes([number]) * 1000 for number in range(12))
    layout = make_layout(tmp_path, layers=layers)
    fake.misbehave("PUT", "/uploads/session-5", lambda handler: handler.refuse(403, "DENIED"))
    with open_registry(fake) as registry:
        with pytest.raises(DeniedError):
            push(stored(layout), registry)
        assert fake.tags == {}
        assert push(stored(layout), registry).digest == layout.digest


def test_an_image_without_a_tag_is_the_latest(fake: FakeRegistry, tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "made")
    with open_registry(fake, "team/app") as registry:
        assert push(stored(layout), registry).tags == ("latest",)
        assert pull(registry, tmp_path / "pulled").tags == ("latest",)
    with open_registry(fake, f"team/app@{layout.digest}") as registry:
        assert pull(registry, tmp_path / "pinned").tags == ()


def test_referrers_can_be_left_behind(fake: FakeRegistry, tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "made", refer=True)
    with open_registry(fake) as registry:
        assert push(stored(layout), registry, with_referrers=False).referrers == ()
        push(stored(layout), registry)
        assert pull(registry, tmp_path / "pulled", with_referrers=False).referrers == ()
