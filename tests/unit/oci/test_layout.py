"""Layouts on disk: whole at every moment, and never in place of something else."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nixgen.digest import Digest
from nixgen.errors import MachineError, UsageError
from nixgen.oci import (
    BuiltImage,
    Descriptor,
    ImageConf,
    LayerCache,
    canonical_json,
    layout,
    write_layout,
)
from nixgen.oci.layout import MARKER
from nixgen.platforms import Platform
from tests.layouts import read_layout
from tests.unit.oci.schemas import validate
from tests.unit.oci.synthetic import SyntheticStore

Hello = tuple[SyntheticStore, ImageConf]
Build = Callable[..., BuiltImage]


def variant(hello: Hello, build: Build, **more: Any) -> BuiltImage:
    """An image that shares its store layers with the first one."""
    synthetic, conf = hello
    layers = [list(layer) for layer in conf.store_layers]
    platform = Platform.parse(f"linux/{more.get('architecture', 'amd64')}")
    return build(
        synthetic, synthetic.conf(layers, conf.customisation_layer, **more), platform=platform
    )


def blob_names(path: Path) -> set[str]:
    return {blob.name for blob in (path / "blobs" / "sha256").iterdir()}


def needed(*images: BuiltImage) -> set[str]:
    return {
        digest.hex
        for image in images
        for digest in (
            image.digest,
            image.config_digest,
            *(layer.digest for layer in image.layers),
        )
    }


def test_a_new_layout_is_as_the_specification_says(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    image = build(*hello)
    dest = tmp_path / "deep" / "hello.oci"
    result = write_layout([image], dest, tags=["1.0"])
    assert result.digest == image.digest
    assert sorted(path.name for path in dest.iterdir()) == ["blobs", "index.json", "oci-layout"]
    validate("layout", (dest / "oci-layout").read_bytes())
    index = validate("index", (dest / "index.json").read_bytes())
    assert [entry["annotations"] for entry in index["manifests"]] == [
        {"org.opencontainers.image.ref.name": "1.0"}
    ]
    assert blob_names(dest) == needed(image)
    for blob in (dest / "blobs" / "sha256").iterdir():
        assert Digest.of_file(blob).hex == blob.name
    assert list(dest.parent.iterdir()) == [dest]


def test_several_platforms_make_an_index_under_the_tag(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    images = [build(*hello), variant(hello, build, architecture="arm64")]
    result = write_layout(images, tmp_path / "out", tags=["1"])
    inner = validate(
        "index", (tmp_path / "out" / "blobs" / "sha256" / result.digest.hex).read_bytes()
    )
    assert [entry["platform"]["architecture"] for entry in inner["manifests"]] == ["amd64", "arm64"]
    read = read_layout(tmp_path / "out")
    assert read.digest == result.digest
    assert [str(image.platform) for image in read.images] == ["linux/amd64", "linux/arm64"]
    assert blob_names(tmp_path / "out") == needed(*images) | {result.digest.hex}


@pytest.mark.parametrize("count", [0, 2])
def test_no_image_or_two_for_one_platform_are_refused(
    hello: Hello, build: Build, tmp_path: Path, count: int
) -> None:
    with pytest.raises(UsageError, match="one image for each platform"):
        write_layout([build(*hello)] * count, tmp_path / "out", tags=())
    assert not (tmp_path / "out").exists()


def test_an_existing_layout_is_replaced_and_swept(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    dest = tmp_path / "out"
    write_layout([build(*hello)], dest, tags=["1"])
    (dest / "blobs" / "sha256" / ("0" * 64)).write_text("left by someone")
    (dest / "blobs" / "sha256" / ".nixgen-left").write_text("left by a killed run")
    (dest / "README").write_text("mine")
    second = variant(hello, build, repo_tag="x:2", config={"User": "1"})
    write_layout([second], dest, tags=["2"])
    assert read_layout(dest).tag == "2"
    assert blob_names(dest) == needed(second)
    assert (dest / "README").read_text() == "mine"


def test_a_rerun_touches_no_layer(hello: Hello, build: Build, tmp_path: Path) -> None:
    cache = LayerCache(tmp_path / "cache", warn=pytest.fail)
    dest = tmp_path / "out"
    write_layout([build(*hello, cache=cache)], dest, tags=["1"])
    before = {path: path.stat().st_ino for path in (dest / "blobs" / "sha256").iterdir()}
    write_layout([build(*hello, cache=cache)], dest, tags=["1"])
    assert {path: path.stat().st_ino for path in (dest / "blobs" / "sha256").iterdir()} == before


def test_layers_are_linked_from_the_cache(hello: Hello, build: Build, tmp_path: Path) -> None:
    image = build(*hello, cache=LayerCache(tmp_path / "cache", warn=pytest.fail))
    write_layout([image], tmp_path / "out", tags=["1"])
    for layer in image.layers:
        assert layer.blob.samefile(tmp_path / "out" / "blobs" / "sha256" / layer.digest.hex)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_modes_are_what_the_umask_leaves_whether_linked_or_copied(
    hello: Hello, build: Build, tmp_path: Path, mask: int
) -> None:
    def modes(folder: Path) -> set[tuple[bool, int]]:
        return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in folder.rglob("*")}

    def write(name: str, cache: LayerCache | None) -> None:
        write_layout([build(*hello, cache=cache)], tmp_path / name, tags=["1"])

    before = os.umask(0o027)
    try:
        write("a", LayerCache(tmp_path / "cache", warn=pytest.fail))
        os.umask(mask)
        write("b", LayerCache(tmp_path / "cache", warn=pytest.fail))
        write("c", None)
    finally:
        os.umask(before)
    for name, bits in (("a", ~0o027), ("b", ~mask), ("c", ~mask)):
        folder, small, large = (0o777 & bits, 0o666 & bits, 0o444 & bits)
        assert modes(tmp_path / name) == {(True, folder), (False, small), (False, large)}
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == folder


def test_where_linking_is_impossible_layers_are_copied_and_known_again(
    hello: Hello, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("nixgen.oci.blob.os.link", no_link)
    image = build(*hello)
    dest = tmp_path / "out"
    write_layout([image], dest, tags=["1"])
    read_layout(dest).verify_layers()
    before = {path: path.stat().st_ino for path in (dest / "blobs" / "sha256").iterdir()}
    write_layout([image], dest, tags=["1"])
    assert {path: path.stat().st_ino for path in (dest / "blobs" / "sha256").iterdir()} == before


def test_damaged_blobs_of_an_existing_layout_are_mended(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    image = build(*hello)
    dest = tmp_path / "out"
    write_layout([image], dest, tags=["1"])
    for name in blob_names(dest):
        blob = dest / "blobs" / "sha256" / name
        data = blob.read_bytes()
        blob.unlink()
        blob.write_bytes(b"\0" * len(data))
    write_layout([image], dest, tags=["1"])
    read_layout(dest).verify_layers()


@pytest.mark.parametrize("kind", ["file", "folder", "link", "half"])
def test_what_is_no_layout_is_left_alone(
    hello: Hello, build: Build, tmp_path: Path, kind: str
) -> None:
    dest = tmp_path / "out"
    if kind == "file":
        dest.write_text("mine")
    elif kind == "link":
        dest.symlink_to("nowhere")
    else:
        dest.mkdir()
        (dest / ("oci-layout" if kind == "half" else "mine")).write_text("mine")
    with pytest.raises(UsageError, match="is not an OCI image layout: it is left alone"):
        write_layout([build(*hello)], dest, tags=["1"])
    assert [path.name for path in tmp_path.iterdir() if "nixgen" in path.name] == []
    assert dest.is_symlink() or dest.exists()


def test_a_place_below_a_file_is_told(hello: Hello, build: Build, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file" / "out", tmp_path / "file" / "more" / "out"):
        with pytest.raises(UsageError, match="can't be a folder: a file is there"):
            write_layout([build(*hello)], place, tags=["1"])


def test_an_empty_folder_becomes_a_layout(hello: Hello, build: Build, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_layout([build(*hello)], tmp_path / "out", tags=())
    assert read_layout(tmp_path / "out").tag is None


@pytest.mark.parametrize("left", [(), ("oci-layout",), ("oci-layout", ".nixgen-index.json")])
def test_a_folder_that_can_not_be_replaced_is_filled_where_it_is(
    hello: Hello, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: Sequence[str]
) -> None:
    def busy(self: Path, target: Path) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    dest = tmp_path / "out"
    dest.mkdir()
    for name in left:
        (dest / name).write_bytes(MARKER if name == "oci-layout" else b"")
    monkeypatch.setattr(Path, "rename", busy)
    image = build(*hello)
    write_layout([image], dest, tags=["1"])
    read_layout(dest).verify_layers()
    assert blob_names(dest) == needed(image)
    assert {path.name for path in dest.iterdir()} == {"blobs", "index.json", "oci-layout"}


def refer(dest: Path, subject: Digest) -> Digest:
    """Attach an artifact to what a layout holds, as an entry without a tag."""
    empty = b"{}"
    place = dest / "blobs" / "sha256"
    digest = Digest.of_bytes(empty)
    (place / digest.hex).write_bytes(empty)
    part = Descriptor(media_type="application/x", digest=digest, size_bytes=2).as_json()
    manifest = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": part,
            "layers": [part],
            "subject": {"mediaType": "a/b", "digest": str(subject), "size": 1},
        }
    )
    entry = Descriptor(
        media_type="application/vnd.oci.image.manifest.v1+json",
        digest=Digest.of_bytes(manifest),
        size_bytes=len(manifest),
        artifact_type="application/x",
    )
    (place / entry.digest.hex).write_bytes(manifest)
    index = json.loads((dest / "index.json").read_bytes())
    index["manifests"].append(entry.as_json())
    (dest / "index.json").write_bytes(canonical_json(index))
    return entry.digest


def test_referrers_stay_as_long_as_their_subject(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    dest = tmp_path / "out"
    image = build(*hello)
    write_layout([image], dest, tags=["1"])
    referrer = refer(dest, image.digest)
    signature = refer(dest, referrer)
    write_layout([image], dest, tags=["2"])
    assert [entry.digest for entry in read_layout(dest).referrers] == [referrer, signature]
    assert Digest.of_bytes(b"{}").hex in blob_names(dest)
    second = variant(hello, build, config={"User": "1"})
    write_layout([second], dest, tags=["3"])
    assert read_layout(dest).referrers == ()
    assert blob_names(dest) == needed(second)


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("step", ["write_durably", "place_blob", "sync_folder"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_at_any_step_leaves_the_old_result_and_nothing_else(
    hello: Hello,
    build: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    existing: bool,
    step: str,
    error: BaseException,
) -> None:
    dest = tmp_path / "place" / "out"
    first = build(*hello)
    other = hello[0].add_file("more", b"more")
    second = build(hello[0], hello[0].conf([[other]], hello[1].customisation_layer))
    if existing:
        write_layout([first], dest, tags=["1"])
    real, calls = getattr(layout, step), 0
    for limit in range(10):
        calls = 0

        def failing(*arguments: Any, limit: int = limit, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > limit:
                raise error
            return real(*arguments, **named)

        monkeypatch.setattr(layout, step, failing)
        try:
            write_layout([second], dest, tags=["2"])
        except (MachineError, KeyboardInterrupt) as caught:
            assert isinstance(caught, KeyboardInterrupt) or "free space" in str(caught.hint)
        else:
            break
        monkeypatch.setattr(layout, step, real)
        assert [path.name for path in dest.parent.iterdir()] in ([], ["out"])
        if dest.exists():
            read = read_layout(dest)
            read.verify_layers()
            assert read.digest in (first.digest, second.digest)
            assert {*needed(first), *needed(second)} >= blob_names(dest)
        else:
            assert not existing
    assert read_layout(dest).tag == "2"


def test_runs_at_the_same_time_leave_one_whole_layout(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    images = [variant(hello, build, config={"User": str(number)}) for number in range(6)]
    dest = tmp_path / "place" / "out"
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda image: write_layout([image], dest, tags=["1"]), images))
    read = read_layout(dest)
    read.verify_layers()
    assert read.digest in {image.digest for image in images}
    assert [path.name for path in dest.parent.iterdir()] == ["out"]


_KILLED = """
import sys
from pathlib import Path
from nixgen.oci import LayerBuilder, LayerCache, build_image, write_layout
from nixgen.platforms import Platform
from tests.unit.oci.synthetic import SyntheticStore, hello_store
place, number = Path(sys.argv[1]), int(sys.argv[2])
synthetic = SyntheticStore(place / "root")
synthetic.count = 8
more = synthetic.add_tree(f"more-{number}", {str(n): bytes([n]) * 30000 for n in range(200)})
custom = synthetic.add_customisation({".": None}, name=f"custom-{number}")
conf = synthetic.conf([[more]], custom)
work = place / "work"
work.mkdir(exist_ok=True)
print("ready", flush=True)
image = build_image(conf, store=synthetic.store, platform=Platform.parse("linux/amd64"),
    builder=LayerBuilder(work=work, cache=LayerCache(place / "cache", warn=print)))
write_layout([image], place / "images" / "out", tags=[str(number)])
"""


def test_a_kill_at_any_moment_leaves_a_whole_layout_and_later_runs_succeed(
    tmp_path: Path,
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}

    def start(number: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", _KILLED, str(tmp_path), str(number)],
            env=environment,
            stdout=subprocess.PIPE,
        )

    assert start(100).wait() == 0
    for number in range(12):
        process = start(number)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(number * 0.003)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        read_layout(tmp_path / "images" / "out").verify_layers()
    assert start(101).wait() == 0
    read = read_layout(tmp_path / "images" / "out")
    read.verify_layers()
    assert read.tag == "101"
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["out"]
    assert len(blob_names(tmp_path / "images" / "out")) == 4
