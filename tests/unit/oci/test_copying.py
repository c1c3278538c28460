"""Copies between the forms: digests stay, referrers come along, damage is found."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.errors import BuildError, UsageError
from nixgen.oci import (
    BuiltImage,
    ImageConf,
    canonical_json,
    gzip_compressor,
    write_docker_archive,
    write_layout,
    write_oci_archive,
    zstd_compressor,
)
from nixgen.oci.copying import copy_image
from nixgen.oci.opening import StoredImage, open_stored
from nixgen.oci.reference import ImagePlace, check_tag
from nixgen.platforms import Platform
from tests.e2e.conftest import run_cli
from tests.unit.oci.synthetic import SyntheticStore

Hello = tuple[SyntheticStore, ImageConf]
Build = Callable[..., BuiltImage]
COMPRESSORS = {"none": None, "gzip": gzip_compressor("pigz"), "zstd": zstd_compressor("zstd")}


def open_image(text: str) -> StoredImage:
    return ImagePlace.parse(text).open()


@pytest.fixture(params=sorted(COMPRESSORS))
def image(request: pytest.FixtureRequest, hello: Hello, build: Build) -> BuiltImage:
    return build(*hello, compressor=COMPRESSORS[request.param])


@pytest.fixture
def layout(hello: Hello, build: Build, tmp_path: Path) -> Path:
    write_layout([build(*hello)], tmp_path / "hello.oci", tags=["1.0"])
    return tmp_path / "hello.oci"


def add_referrer(layout: Path, *, subject: int = 0) -> Digest:
    """What `nixgen sign` and the like add: an entry without a tag, with blobs of its own."""
    index = json.loads((layout / "index.json").read_bytes())
    entry = index["manifests"][subject]
    described = {key: entry[key] for key in ("mediaType", "digest", "size")}
    empty = place_blob(layout, b"{}", "application/vnd.oci.empty.v1+json")
    payload = place_blob(layout, b'{"sbom":1}', "application/spdx+json")
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/spdx+json",
        "config": empty,
        "layers": [payload],
        "subject": described,
    }
    entry = place_blob(layout, canonical_json(manifest), str(manifest["mediaType"]))
    index["manifests"].append({**entry, "artifactType": "application/spdx+json"})
    (layout / "index.json").write_bytes(canonical_json(index))
    return Digest.parse(str(entry["digest"]))


def place_blob(layout: Path, data: bytes, media_type: str) -> dict[str, str | int]:
    digest = Digest.of_bytes(data)
    (layout / "blobs" / "sha256" / digest.hex).write_bytes(data)
    return {"mediaType": media_type, "digest": str(digest), "size": len(data)}


def test_the_way_through_all_forms_changes_no_digest(image: BuiltImage, tmp_path: Path) -> None:
    write_layout([image], tmp_path / "a", tags=["1.0"])
    write_oci_archive([image], tmp_path / "direct.tar", tags=["1.0"])
    write_docker_archive(image, tmp_path / "direct.docker.tar", repo_tags=["hello:1.0"])
    copy_image(open_image(str(tmp_path / "a")), tmp_path / "b.tar", form="oci-archive")
    assert (tmp_path / "b.tar").read_bytes() == (tmp_path / "direct.tar").read_bytes()
    copied = copy_image(open_image(str(tmp_path / "b.tar")), tmp_path / "c", form="oci")
    assert copied.digest == image.digest == open_image(str(tmp_path / "c")).top.digest
    assert (tmp_path / "c/index.json").read_bytes() == (tmp_path / "a/index.json").read_bytes()
    place = tmp_path / "d.tar"
    docker = copy_image(
        open_image(str(tmp_path / "c")), place, form="docker-archive", tags=["hello:1.0"]
    )
    assert docker.digest == image.config_digest
    assert place.read_bytes() == (tmp_path / "direct.docker.tar").read_bytes()


def test_a_docker_archive_becomes_the_layout_of_its_tars(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    plain = build(*hello)
    write_docker_archive(plain, tmp_path / "a.tar", repo_tags=["localhost:5000/hello:1.0"])
    source = open_stored(tmp_path / "a.tar")
    assert (source.name, source.tags) == ("localhost:5000/hello", ("1.0",))
    assert copy_image(source, tmp_path / "b", form="oci").digest == plain.digest
    assert open_image(f"{tmp_path}/b:1.0").images[0].config == plain.config


def test_all_tags_come_along_or_the_one_that_was_named(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    image = build(*hello)
    write_layout([image], tmp_path / "a", tags=["1.0", "1", "latest"])
    index = json.loads((tmp_path / "a/index.json").read_bytes())
    assert len({entry["digest"] for entry in index["manifests"]}) == 1
    for number, (form, tags) in enumerate(
        (
            ("oci", ("1.0", "1", "latest")),
            ("oci-archive", ("1.0", "1", "latest")),
            ("docker-archive", ("x:1.0", "x:1", "x:latest")),
        )
    ):
        place = tmp_path / f"x.{number}"
        copied = copy_image(open_image(str(tmp_path / "a")), place, form=form)  # type: ignore[arg-type]
        assert copied.tags == tags
        assert open_image(str(place)).tags == ("1.0", "1", "latest")
        assert open_image(f"{place}:1").tags == ("1",)
    copy_image(open_image(f"{tmp_path}/a:1"), tmp_path / "b", form="oci")
    assert open_image(str(tmp_path / "b")).tags == ("1",)


def test_referrers_of_referrers_come_along(layout: Path, tmp_path: Path) -> None:
    statement = add_referrer(layout)
    signature = add_referrer(layout, subject=1)
    copied = copy_image(open_image(str(layout)), tmp_path / "a.tar", form="oci-archive")
    assert copied.referrers == 2
    found = [entry.digest for entry in open_image(str(tmp_path / "a.tar")).referrers]
    assert found == [statement, signature]


def test_statements_within_an_index_are_no_images_and_come_along(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    image = build(*hello)
    write_layout([image], tmp_path / "a", tags=["1.0"])
    [entry] = json.loads((tmp_path / "a/index.json").read_bytes())["manifests"]
    add_referrer(tmp_path / "a")
    other = json.loads((tmp_path / "a/index.json").read_bytes())["manifests"][1]
    other = {"mediaType": other["mediaType"], "digest": other["digest"], "size": other["size"]}
    unknown = {"os": "unknown", "architecture": "unknown"}
    del entry["annotations"]
    inner = {"schemaVersion": 2, "manifests": [entry, {**other, "platform": unknown}]}
    index_type = "application/vnd.oci.image.index.v1+json"
    top = place_blob(tmp_path / "a", canonical_json(inner), index_type)
    top = {**top, "annotations": {"org.opencontainers.image.ref.name": "1.0"}}  # type: ignore[dict-item]
    outer = {"schemaVersion": 2, "manifests": [top]}
    (tmp_path / "a/index.json").write_bytes(canonical_json(outer))
    source = open_image(str(tmp_path / "a"))
    assert [one.digest for one in source.images] == [image.digest]
    copied = copy_image(source, tmp_path / "b", form="oci")
    assert copied.digest == Digest.parse(str(top["digest"]))
    statement = Digest.parse(other["digest"])
    assert (tmp_path / "b/blobs/sha256" / statement.hex).is_file()


def test_referrers_come_along(layout: Path, tmp_path: Path) -> None:
    referrer = add_referrer(layout)
    copied = copy_image(open_image(str(layout)), tmp_path / "a.tar", form="oci-archive")
    assert copied.referrers == 1
    again = copy_image(open_image(str(tmp_path / "a.tar")), tmp_path / "b", form="oci")
    assert again.referrers == 1
    [one] = open_image(str(tmp_path / "b")).referrers
    assert (one.digest, one.artifact_type) == (referrer, "application/spdx+json")
    once_more = copy_image(open_image(str(layout)), tmp_path / "b", form="oci")
    assert once_more.referrers == len(open_image(str(tmp_path / "b")).referrers) == 1


def test_one_platform_of_several_is_copied(hello: Hello, build: Build, tmp_path: Path) -> None:
    synthetic, conf = hello
    layers = [list(layer) for layer in conf.store_layers]
    other = synthetic.conf(layers, conf.customisation_layer, architecture="arm64")
    arm64 = Platform.parse("linux/arm64")
    images = [build(synthetic, conf), build(synthetic, other, platform=arm64)]
    write_layout(images, tmp_path / "both", tags=["1.0"])
    both = open_image(str(tmp_path / "both"))
    assert copy_image(both, tmp_path / "b", form="oci").digest == both.top.digest
    one = copy_image(both, tmp_path / "c", form="oci", platform=arm64)
    assert one.digest == images[1].digest
    with pytest.raises(UsageError, match="holds an image for linux/amd64, linux/arm64"):
        copy_image(both, tmp_path / "d.tar", form="docker-archive")
    with pytest.raises(UsageError, match="no image for linux/386, but for linux/amd64, linux/arm"):
        copy_image(both, tmp_path / "d", form="oci", platform=Platform.parse("linux/386"))
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive"])
def test_a_damaged_layer_is_not_copied(image: BuiltImage, tmp_path: Path, form: str) -> None:
    write_layout([image], tmp_path / "a", tags=["1.0"])
    blob = tmp_path / "a/blobs/sha256" / image.layers[0].digest.hex
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    for damaged in (bytes(data), bytes(data[:-1]), bytes(data) + b"x"):
        blob.unlink()
        blob.write_bytes(damaged)
        with pytest.raises(BuildError, match=image.layers[0].digest.hex):
            copy_image(open_image(str(tmp_path / "a")), tmp_path / "b", form=form)  # type: ignore[arg-type]
        assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
def test_an_archive_cut_off_anywhere_is_told(
    hello: Hello, build: Build, tmp_path: Path, form: str
) -> None:
    place = tmp_path / "a.tar"
    write_layout([build(*hello)], tmp_path / "a", tags=["1.0"])
    copy_image(open_image(str(tmp_path / "a")), place, form=form)  # type: ignore[arg-type]
    whole = place.read_bytes()
    # why: the last record is padding, without which a tar is whole.
    for size in range(0, len(whole) - 10240, 4999):
        place.write_bytes(whole[:size])
        with pytest.raises((BuildError, UsageError)):
            copy_image(open_image(str(place)), tmp_path / "b", form="oci")


def test_what_is_no_image_is_told(layout: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no tar")
    (tmp_path / "folder").mkdir()
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("file"), io.BytesIO())
    for text, message in (
        (str(tmp_path / "none"), "no such file or folder"),
        (str(tmp_path / "text"), "it is no tar"),
        (str(tmp_path / "folder"), "is not an OCI layout, an OCI archive or a docker-archive"),
        (str(tmp_path / "other.tar"), "is not an OCI layout, an OCI archive or a docker-archive"),
        (f"docker-archive:{layout}", "is not a docker-archive"),
        (f"{layout}:2", r"the tag '2'; its tags: 1\.0"),
        (f"{layout}:", "the tag after the colon is empty"),
        ("", "names no image"),
    ):
        with pytest.raises(UsageError, match=message):
            open_image(text)


def test_places_are_parsed(tmp_path: Path) -> None:
    place = ImagePlace.parse("docker-archive:out.tar:localhost:5000/hello:1")
    assert (place.form, str(place.path)) == ("docker-archive", "out.tar")
    assert place.tag == "localhost:5000/hello:1"
    place = ImagePlace.parse("oci:a/b:1.0")
    assert (place.form, str(place.path), place.tag) == ("oci", "a/b", "1.0")
    (tmp_path / "with:colon").mkdir()
    place = ImagePlace.parse(f"{tmp_path}/with:colon")
    assert (place.path, place.tag) == (tmp_path / "with:colon", None)


def test_inspect_tells_what_an_image_holds(layout: Path, image: BuiltImage) -> None:
    referrer = add_referrer(layout)
    outcome = run_cli("inspect", layout, "--json", "--verify")
    assert outcome.exit_code == 0, outcome.stderr
    document = outcome.document
    [one] = document["platforms"]
    assert (document["format"], document["tags"], one["platform"]) == (
        "oci",
        ["1.0"],
        "linux/amd64",
    )
    assert document["digest"] == one["digest"]
    assert one["config"]["config"]["Entrypoint"] == ["/bin/hello"]
    assert [layer["store_paths"] for layer in one["layers"]] == [
        list(layer.store_paths) for layer in image.layers
    ]
    assert [entry["digest"] for entry in document["referrers"]] == [str(referrer)]
    text = run_cli("inspect", layout).stdout
    for part in (one["digest"], str(referrer), 'Entrypoint: ["/bin/hello"]', "-library"):
        assert part in text


def test_commands_copy_and_tell_mistakes(layout: Path, tmp_path: Path) -> None:
    outcome = run_cli("copy", layout, tmp_path / "a.docker.tar", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    assert (outcome.document["format"], outcome.document["tags"]) == ("docker-archive", ["a:1.0"])
    for arguments, exit_code in (
        (("inspect", tmp_path / "none"), 2),
        (("inspect", layout, "--platform", "linux/arm64"), 2),
        (("copy", layout, tmp_path / "a.docker.tar", "--platform", "x"), 2),
        (("copy", layout, f"docker://{tmp_path}"), 2),
    ):
        assert run_cli(*arguments).exit_code == exit_code
    blob = max((layout / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:-1])
    assert run_cli("inspect", layout, "--verify").exit_code == 4


def test_a_target_whose_tag_is_none_is_refused() -> None:
    for text in ("x.oci:bad tag", "x.oci:" + "a" * 129, "x:-a", "docker-archive:x.tar:name:b d"):
        with pytest.raises(UsageError, match="is no tag"):
            check_tag(ImagePlace.parse(text))
    for text in ("x.oci", "x.oci:1.0", "docker-archive:x.tar:host:5000/name:1.0", "x.oci:_a"):
        check_tag(ImagePlace.parse(text))


def test_what_is_compressed_as_a_whole_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "image.tar.gz").write_bytes(gzip.compress(b"x"))
    with pytest.raises(UsageError) as caught:
        open_image(str(tmp_path / "image.tar.gz"))
    assert "gunzip" in str(caught.value.hint)
    (tmp_path / "empty.tar").write_bytes(b"")
    with pytest.raises(UsageError) as caught:
        open_image(str(tmp_path / "empty.tar"))
    assert caught.value.hint is None


def test_a_copy_to_a_tag_keeps_what_is_there_under_others(
    hello: Hello, build: Build, tmp_path: Path
) -> None:
    synthetic, conf = hello
    layers = [list(layer) for layer in conf.store_layers]
    other = synthetic.conf(layers, conf.customisation_layer, config={"User": "7"})
    images = [build(synthetic, conf), build(synthetic, other)]
    for image, name in zip(images, "ab", strict=True):
        write_layout([image], tmp_path / name, tags=["1"])
    referrer = add_referrer(tmp_path / "a")
    both = tmp_path / "both"
    for name in "aba":
        copy_image(open_image(str(tmp_path / name)), both, form="oci", tags=[f"tag-{name}"])
    for image, name in zip(images, "ab", strict=True):
        kept = open_image(f"{both}:tag-{name}")
        assert kept.top.digest == image.digest
        for layer in kept.images[0].layers:
            with kept.open_blob(layer.descriptor) as blob:
                assert blob.read(1)
    assert referrer in [entry.digest for entry in open_image(f"{both}:tag-a").referrers]
    copy_image(open_image(str(tmp_path / "b")), both, form="oci", tags=["tag-a"])
    assert open_image(f"{both}:tag-a").top.digest == images[1].digest
    assert not (both / "blobs/sha256" / referrer.hex).exists()
    copy_image(open_image(str(tmp_path / "a")), both, form="oci")
    assert open_image(str(both)).tags == ("1",)
