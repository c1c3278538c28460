"""Base images from a disk and from a registry: pinned, remembered, and never another unasked."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from nixgen.errors import BuildError, LockError, NetworkError, NixgenError, UsageError
from nixgen.lock import lock_path, read_lock
from nixgen.pipeline.bases import BaseAccess, FoundBase
from nixgen.pipeline.image import refuse_own_base
from nixgen.pipeline.locking import check_lock, keep_pins, write_new_lock
from nixgen.pipeline.prepare import Prepared, Request, prepare
from nixgen.plan import BuildMachine, PlanOptions
from nixgen.platforms import Platform
from nixgen.progress import BytesMoved
from tests.fakes.nix import fake_nix
from tests.fakes.registry import FakeRegistry, serving
from tests.unit.oci.bases import OCI_INDEX, OCI_MANIFEST, SMALL, HandMade, describe, sha256

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
OPTIONS = PlanOptions(machine=BuildMachine(system="x86_64-linux"))


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("NIXGEN_OFFLINE", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with serving() as fake:
        yield fake


class Project:
    """A description with a base, and what commands make of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "app.toml"
        folder.mkdir()

    def describe(self, base: str, more: str = "") -> None:
        self.path.write_text(
            f'[app]\nname = "x"\n[image]\nfrom = "{base}"\nca-certificates = false\n{more}\n'
        )

    def request(self, **more: Any) -> Request:
        return Request(description=self.path, options=OPTIONS, **{"platforms": (AMD64,), **more})

    def prepare(self, *, offline: bool = False, **more: Any) -> Prepared:
        """Everything before a build, as `nixgen image` does it; the pins are written."""
        access = BaseAccess(offline=offline)
        prepared = prepare(self.request(base_access=access, **more), fake_nix(self.folder)[0])
        keep_pins(prepared)
        return prepared

    def lock(self, **more: Any) -> None:
        write_new_lock(self.request(**more), fake_nix(self.folder)[0])

    def check(self) -> None:
        check_lock(self.request(), fake_nix(self.folder)[0])

    @property
    def pins(self) -> dict[tuple[str, str], str]:
        lock = read_lock(lock_path(self.path))
        assert lock is not None
        return {key: str(pin.manifest) for key, pin in lock.bases.items()}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def put(fake: FakeRegistry, *images: HandMade, tag: str = "1") -> str:
    """Put images into the registry's `team/base`, with an index where there are several."""
    entries = []
    for image in images:
        for data in (image.config, *image.stored):
            fake.blobs["team/base", sha256(data)] = data
        fake.manifests["team/base", image.digest] = (OCI_MANIFEST, image.manifest)
        platform = {"os": "linux", "architecture": image.architecture}
        entries.append({**describe(image.manifest, OCI_MANIFEST), "platform": platform})
    digest = images[0].digest
    if len(images) > 1:
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        data = json.dumps(index).encode()
        digest = sha256(data)
        fake.manifests["team/base", digest] = (OCI_INDEX, data)
    fake.tags["team/base", tag] = digest
    return digest


def base_of(prepared: Prepared) -> FoundBase:
    (found,) = prepared.bases
    assert found is not None
    return found


def blobs(prepared: Prepared, work: Path) -> list[bytes]:
    """The base's layers, as they would go into the image."""
    work.mkdir(exist_ok=True)
    base = base_of(prepared).read(work=work, cache=None)
    return [layer.blob.read_bytes() for layer in base.layers]


AMD = HandMade(packing="gzip")
ARM = HandMade(packing="gzip", architecture="arm64")
OTHER = HandMade(packing="gzip", layers=(SMALL,))


@pytest.mark.parametrize("form", ["layout", "docker-archive", "compressed"])
def test_a_base_on_disk_is_found_and_pinned(project: Project, tmp_path: Path, form: str) -> None:
    if form == "layout":
        AMD.write_layout(project.folder / "base")
        written, layers = "./base", AMD.stored
    else:
        AMD.write_docker_archive(
            project.folder / "base.tar", mode="w:gz" if form == "compressed" else "w"
        )
        written, layers = "docker-archive:base.tar", list(AMD.layers)
    project.describe(written)
    prepared = project.prepare()
    assert prepared.plan.images[0].base is not None
    assert prepared.plan.images[0].base.links == (("/bin", "/usr/bin"),)
    assert list(project.pins) == [(written, "linux/amd64")]
    assert blobs(prepared, tmp_path / "work") == layers
    has_digest = "org.opencontainers.image.base.digest" in prepared.plan.images[0].annotations
    assert has_digest == (form == "layout")
    project.prepare(frozen=True)
    project.check()


def test_a_base_on_disk_that_changed_is_taken_as_it_is_unless_locked(project: Project) -> None:
    AMD.write_layout(project.folder / "base")
    project.describe("./base")
    project.prepare()
    shutil.rmtree(project.folder / "base")
    OTHER.write_layout(project.folder / "base")
    with pytest.raises(LockError, match=r"the base image \./base is not the one that was locked"):
        project.prepare(frozen=True)
    with pytest.raises(LockError, match="is not the one that was locked"):
        project.check()
    project.prepare()
    assert list(project.pins.values()) == [OTHER.digest]
    project.check()


def test_each_platform_gets_its_own_image_of_a_base(
    project: Project, fake: FakeRegistry, tmp_path: Path
) -> None:
    index = put(fake, AMD, ARM)
    project.describe(f"{fake.host}/team/base:1@{index}")
    prepared = project.prepare(platforms=(AMD64, ARM64))
    digests = [str(image.base.digest) for image in prepared.plan.images if image.base]
    assert digests == [AMD.digest, ARM.digest]
    lock = read_lock(lock_path(project.path))
    assert lock is not None
    assert {str(pin.named) for pin in lock.bases.values()} == {index}
    name = prepared.plan.images[0].annotations["org.opencontainers.image.base.name"]
    assert name == f"{fake.host}/team/base:1"


def test_a_tag_that_moved_stays_where_it_was_locked(
    project: Project, fake: FakeRegistry, tmp_path: Path
) -> None:
    put(fake, AMD)
    project.describe(f"{fake.host}/team/base:1")
    project.prepare()
    put(fake, OTHER)
    project.path.write_text(project.path.read_text() + "# changed\n")
    assert blobs(project.prepare(), tmp_path / "work") == AMD.stored
    assert list(project.pins.values()) == [AMD.digest]
    project.lock()
    assert list(project.pins.values()) == [OTHER.digest]
    assert blobs(project.prepare(), tmp_path / "work2") == OTHER.stored


def test_what_is_pinned_and_known_needs_no_network(
    project: Project, fake: FakeRegistry, tmp_path: Path
) -> None:
    put(fake, AMD)
    project.describe(f"{fake.host}/team/base:1")
    first = project.prepare()
    assert blobs(first, tmp_path / "a") == AMD.stored
    fake.seen.clear()
    again = project.prepare(frozen=True, offline=True)
    assert again.plan == first.plan
    cache = _layer_cache(tmp_path)
    work = tmp_path / "b"
    work.mkdir()
    read = base_of(again).read(work=work, cache=cache)
    assert [layer.from_cache for layer in read.layers] == [True, True]
    assert not fake.seen
    assert not list(work.iterdir())


def test_layers_that_were_fetched_serve_without_the_layer_cache_too(
    project: Project, fake: FakeRegistry, tmp_path: Path
) -> None:
    put(fake, AMD)
    project.describe(f"{fake.host}/team/base:1")
    project.prepare()
    fake.seen.clear()
    assert blobs(project.prepare(offline=True), tmp_path / "work") == AMD.stored
    assert not fake.seen


def test_how_far_a_base_has_come_is_told(project: Project, fake: FakeRegistry) -> None:
    put(fake, AMD)
    project.describe(f"{fake.host}/team/base:1")
    nix, _, recorder = fake_nix(project.folder)
    prepare(project.request(), nix)
    moved = [event for event in recorder.events if isinstance(event, BytesMoved)]
    total = sum(map(len, AMD.stored))
    assert (moved[-1].done_bytes, moved[-1].total_bytes) == (total, total)


def _layer_cache(tmp_path: Path) -> Any:
    from nixgen.oci import LayerCache

    return LayerCache(tmp_path / "cache" / "nixgen" / "layers", warn=pytest.fail)


def test_layers_that_the_cache_lost_are_fetched_by_digest(
    project: Project, fake: FakeRegistry, tmp_path: Path
) -> None:
    put(fake, AMD, ARM)
    project.describe(f"{fake.host}/team/base:1")
    project.prepare()
    shutil.rmtree(tmp_path / "cache" / "nixgen" / "layers")
    put(fake, OTHER)
    prepared = project.prepare()
    assert blobs(prepared, tmp_path / "work") == AMD.stored


@pytest.mark.parametrize("how", ["option", "variable"])
def test_offline_and_unknown_is_told(
    project: Project, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    put(fake, AMD)
    project.describe(f"{fake.host}/team/base:1")
    if how == "variable":
        monkeypatch.setenv("NIXGEN_OFFLINE", "1")
    with pytest.raises(NetworkError, match="is not on this machine, and you are offline"):
        project.prepare(offline=how == "option")
    assert not fake.seen


def test_a_damaged_memory_of_a_base_is_not_believed(
    project: Project, fake: FakeRegistry, tmp_path: Path
) -> None:
    put(fake, AMD)
    project.describe(f"{fake.host}/team/base:1")
    first = project.prepare()
    [place] = (tmp_path / "cache" / "nixgen" / "bases" / "v1").iterdir()
    whole = place.read_bytes()
    for damaged in (b"", whole[:-20], whole.replace(b"/usr/bin", b"/usr/sin"), b"[]"):
        place.write_bytes(damaged)
        assert project.prepare().plan == first.plan
        assert place.read_bytes() == whole


def test_a_cache_that_can_not_be_written_changes_nothing(
    project: Project, fake: FakeRegistry, tmp_path: Path
) -> None:
    put(fake, AMD)
    project.describe(f"{fake.host}/team/base:1")
    (tmp_path / "cache").write_text("a file in the place of a folder")
    assert blobs(project.prepare(), tmp_path / "work") == AMD.stored


@pytest.mark.parametrize(
    ("platform", "said", "error"),
    [(ARM64, "holds no image for linux/arm64", UsageError), (AMD64, "404", NetworkError)],
)
def test_what_is_not_in_the_registry_is_told(
    project: Project, fake: FakeRegistry, platform: Platform, said: str, error: type[NixgenError]
) -> None:
    put(fake, AMD, tag="1" if platform is ARM64 else "other")
    project.describe(f"{fake.host}/team/base:1")
    with pytest.raises(error, match=said):
        project.prepare(platforms=(platform,))


def test_a_platform_that_a_base_on_disk_lacks_is_told(project: Project) -> None:
    AMD.write_layout(project.folder / "base")
    project.describe("./base")
    with pytest.raises(UsageError, match="is not there for linux/arm64, but for linux/amd64"):
        project.prepare(platforms=(ARM64,))


def test_a_registry_that_sends_other_bytes_is_found_out(
    project: Project, fake: FakeRegistry
) -> None:
    put(fake, AMD)
    layer = AMD.stored[1]
    fake.blobs["team/base", sha256(layer)] = bytes(len(layer))
    project.describe(f"{fake.host}/team/base:1")
    with pytest.raises(NetworkError, match="does not have that digest"):
        project.prepare()


def test_a_base_whose_config_is_damaged_is_told(project: Project) -> None:
    HandMade(runtime={"Entrypoint": "a text"}).write_layout(project.folder / "base")
    project.describe("./base")
    with pytest.raises(BuildError, match=r"config\.Entrypoint: expected a list of texts"):
        project.prepare()


def test_a_base_that_is_not_pinned_is_refused_with_a_locked_lock(
    project: Project, fake: FakeRegistry
) -> None:
    put(fake, AMD, ARM)
    project.describe(f"{fake.host}/team/base:1")
    project.lock()
    project.prepare(frozen=True)
    with pytest.raises(LockError, match="is not pinned for linux/arm64"):
        project.prepare(frozen=True, platforms=(ARM64,))
    project.prepare(platforms=(ARM64,))
    project.prepare(frozen=True, platforms=(ARM64,))
    project.lock()
    assert len(project.pins) == 2


@pytest.mark.parametrize("frozen", [True, False])
def test_a_lock_does_not_outweigh_the_digest_that_is_described(
    project: Project, fake: FakeRegistry, frozen: bool
) -> None:
    put(fake, AMD)
    put(fake, OTHER, tag="other")
    project.describe(f"{fake.host}/team/base:1@{AMD.digest}")
    project.prepare()
    lock = lock_path(project.path)
    lock.write_text(lock.read_text().replace(f'"{AMD.digest}"', f'"{OTHER.digest}"'))
    with pytest.raises(LockError, match="is locked as another digest"):
        project.prepare(frozen=frozen)
    project.lock()
    project.prepare(frozen=True)


def test_every_profile_and_platform_described_is_pinned(
    project: Project, fake: FakeRegistry
) -> None:
    put(fake, AMD, ARM)
    put(fake, OTHER, tag="slim")
    project.describe(
        f"{fake.host}/team/base:1",
        'platforms = ["linux/amd64", "linux/arm64"]\n'
        f'[profile.slim.image]\nfrom = "{fake.host}/team/base:slim"\nplatforms = ["linux/amd64"]',
    )
    project.lock(platforms=())
    assert project.pins == {
        (f"{fake.host}/team/base:1", "linux/amd64"): AMD.digest,
        (f"{fake.host}/team/base:1", "linux/arm64"): ARM.digest,
        (f"{fake.host}/team/base:slim", "linux/amd64"): OTHER.digest,
    }
    slim = base_of(project.prepare(frozen=True, profile="slim"))
    assert str(slim.pinned.manifest) == OTHER.digest
    project.check()


def test_an_image_is_not_written_over_its_own_base(project: Project, tmp_path: Path) -> None:
    AMD.write_layout(project.folder / "base")
    project.describe("./base")
    prepared = project.prepare()
    (tmp_path / "link").symlink_to(project.folder / "base")
    for place in (project.folder / "base", tmp_path / "link"):
        with pytest.raises(UsageError, match="is the base image that this one begins with"):
            refuse_own_base(prepared, place)
    refuse_own_base(prepared, tmp_path / "other")


def test_only_so_many_bases_are_remembered(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "nixgen" / "bases" / "v1"
    folder.mkdir(parents=True)
    for number in range(120):
        (folder / f"{number:064}.json").write_text("{}")
        os.utime(folder / f"{number:064}.json", (number, number))
    AMD.write_layout(project.folder / "base")
    project.describe("./base")
    project.prepare()
    kept = {path.name for path in folder.iterdir()}
    assert len(kept) == 100
    assert f"{AMD.digest[7:]}.json" in kept


def test_the_writers_digest_names_the_base(project: Project) -> None:
    from nixgen.pipeline.alarm import writer_digest

    class Nothing:
        compressors: Mapping[str, Any] = {}

    found = []
    for image in (AMD, OTHER):
        shutil.rmtree(project.folder / "base", ignore_errors=True)
        image.write_layout(project.folder / "base")
        project.describe("./base")
        plan = project.prepare().plan.images[0]
        found.append(writer_digest(plan, Nothing()))  # type: ignore[arg-type]
    assert found[0] != found[1]
