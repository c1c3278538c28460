from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.oci.comparing import compare
from nixgen.oci.image import Descriptor
from nixgen.oci.opening import ImageSource, choose_image
from nixgen.platforms import Platform
from nixgen.registry import ImageReference, Registry, push
from nixgen.registry.errors import MalformedAnswerError, UnreachableError, WrongDigestError
from nixgen.registry.source import open_registry_image
from tests.fakes.registry import FakeRegistry, Handler
from tests.unit.registry.conftest import LIMITS, open_registry
from tests.unit.registry.images import make_layout, stored

BOTH = ("linux/amd64", "linux/arm64")
DATA = bytes(range(256)) * 4096


def put(fake: FakeRegistry, data: bytes = DATA) -> Descriptor:
    digest = Digest.of_bytes(data)
    fake.blobs["team/app", str(digest)] = data
    return Descriptor(media_type="x", digest=digest, size_bytes=len(data))


def read_all(registry: Registry, descriptor: Descriptor) -> bytes:
    stream, parts = registry.open_blob(descriptor), []
    while data := stream.read(10_000):
        parts.append(data)
    stream.close()
    return b"".join(parts)


def cut_after(count: int) -> object:
    def action(handler: Handler) -> None:
        start, data = 0, DATA
        asked = handler.headers.get("Range")
        if asked and handler.registry.ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
        else:
            handler.send_response(200)
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        handler.wfile.write(data[start : start + count])
        handler.drop()

    return action


@pytest.mark.parametrize("ranges", [True, False])
def test_a_stream_goes_on_where_the_connection_broke(fake: FakeRegistry, ranges: bool) -> None:
    fake.ranges = ranges
    descriptor = put(fake)
    # why so often: more than the tries, as each brings something that the one before did not.
    fake.misbehave("GET", "/blobs/", cut_after(150_000 if ranges else 700_000), times=5)
    with open_registry(fake) as registry:
        if ranges:
            assert read_all(registry, descriptor) == DATA
        else:
            with pytest.raises(UnreachableError):
                read_all(registry, descriptor)
            fake.rules.clear()
            fake.misbehave("GET", "/blobs/", cut_after(700_000))
            assert read_all(registry, descriptor) == DATA
    asked = [seen.headers.get("Range") for seen in fake.requests("GET", "/blobs/")]
    assert asked[0] is None
    assert asked[1] not in (None, "bytes=0-")


def test_a_connection_that_never_brings_anything_is_given_up(fake: FakeRegistry) -> None:
    descriptor = put(fake)
    fake.misbehave("GET", "/blobs/", lambda handler: handler.drop(), times=100)
    with open_registry(fake) as registry, pytest.raises(UnreachableError, match="get the blob"):
        read_all(registry, descriptor)
    assert len(fake.requests("GET", "/blobs/")) <= LIMITS.tries**2


def test_a_part_that_was_not_asked_for_is_refused(fake: FakeRegistry) -> None:
    descriptor = put(fake)

    def other_part(handler: Handler) -> None:
        handler.reply(206, DATA[5:], Content_Range=f"bytes 5-{len(DATA) - 1}/{len(DATA)}")

    fake.misbehave("GET", "/blobs/", cut_after(1000))
    with open_registry(fake) as registry:
        stream = registry.open_blob(descriptor)
        assert stream.read(1000)
        fake.misbehave("GET", "/blobs/", other_part)
        with pytest.raises(MalformedAnswerError, match="another part"):
            while stream.read(1000):
                pass


def test_an_endless_blob_is_cut_off(fake: FakeRegistry) -> None:
    descriptor = put(fake, b"short")
    fake.blobs["team/app", str(descriptor.digest)] = DATA
    with open_registry(fake) as registry, pytest.raises(MalformedAnswerError, match="more than 5"):
        read_all(registry, descriptor)


def test_an_image_is_read_without_its_layers(fake: FakeRegistry, tmp_path: Path) -> None:
    layout = make_layout(tmp_path, platforms=BOTH, refer=True)
    with open_registry(fake) as registry:
        push(stored(layout), registry)
        fake.seen.clear()
        source: ImageSource = open_registry_image(registry)
        assert source.top.digest == layout.digest
        assert source.images == layout.images
        assert [each.digest for each in source.referrers] == [
            each.digest for each in layout.referrers
        ]
    configs = {str(image.config_digest) for image in layout.images}
    asked = {seen.path.rpartition("/")[2] for seen in fake.requests("GET", "/blobs/")}
    assert asked == configs


def test_one_platform_is_fetched_alone(fake: FakeRegistry, tmp_path: Path) -> None:
    layout = make_layout(tmp_path, platforms=BOTH)
    with open_registry(fake) as registry:
        push(stored(layout), registry)
        fake.seen.clear()
        wanted = Platform.parse("linux/arm64")
        source = open_registry_image(registry, platform=wanted)
        assert choose_image(source, wanted) == layout.image(wanted)
        assert source.top.digest == layout.digest
        assert len(fake.requests("GET", "/manifests/")) == 2
        with pytest.raises(UsageError, match="no image for linux/riscv64") as caught:
            open_registry_image(registry, platform=Platform.parse("linux/riscv64"))
        assert caught.value.hint == "it has: linux/amd64, linux/arm64"


def test_a_layer_with_another_digest_is_found_out(fake: FakeRegistry, tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    layer = layout.images[0].layers[0].descriptor
    with open_registry(fake) as registry:
        push(stored(layout), registry)
        fake.blobs["team/app", str(layer.digest)] = b"x" * layer.size_bytes
        blob = open_registry_image(registry).open_blob(layer)
        with blob, pytest.raises(WrongDigestError, match="does not have that digest"):
            blob.read()


def test_a_layer_is_read_again_from_before(fake: FakeRegistry, tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    layer = layout.images[0].layers[1].descriptor
    with open_registry(fake) as registry:
        push(stored(layout), registry)
        with open_registry_image(registry).open_blob(layer) as blob:
            whole = blob.read()
            assert blob.seek(6) == 6
            assert blob.read() == whole[6:]


def test_what_is_no_image_says_so(fake: FakeRegistry, tmp_path: Path) -> None:
    layout = make_layout(tmp_path, refer=True)
    with open_registry(fake) as registry:
        push(stored(layout), registry)
    [referrer] = layout.referrers
    with (
        open_registry(fake, f"team/app@{referrer.digest}") as registry,
        pytest.raises(UsageError, match="is no image, but an artifact") as caught,
    ):
        open_registry_image(registry)
    assert str(layout.digest) in (caught.value.hint or "")


def test_images_of_a_registry_and_of_a_layout_compare(fake: FakeRegistry, tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    with open_registry(fake) as registry:
        push(stored(layout), registry)
        remote, local = open_registry_image(registry), stored(layout)
        assert compare((remote, local), (remote.images[0], local.images[0])).equal
        assert remote.where == f"{fake.host}/team/app:v1"
        assert ImageReference.parse(remote.where) == registry.reference
