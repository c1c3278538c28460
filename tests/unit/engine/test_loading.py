"""Images loaded into engines by their own programs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from nixgen._process import Completed, ProcessLimitError
from nixgen.engine import EngineError, choose_engine
from nixgen.errors import BuildError, UsageError
from nixgen.oci import BuiltImage, ImageConf, gzip_compressor, write_layout
from nixgen.pipeline.copying import copy
from nixgen.pipeline.publish import RegistryAccess
from nixgen.platforms import Platform, native_platform
from tests.e2e.conftest import run_cli
from tests.fakes.engine import FakeEngine
from tests.unit.oci.synthetic import SyntheticStore, hello_store

Hello = tuple[SyntheticStore, ImageConf]
ACCESS = RegistryAccess(environ={})


@pytest.fixture
def hello(tmp_path: Path) -> Hello:
    return hello_store(tmp_path / "root")


@pytest.fixture
def image(hello: Hello, tmp_path: Path) -> BuiltImage:
    return build(hello, tmp_path)


def build(hello: Hello, folder: Path, architecture: str = "amd64") -> BuiltImage:
    from nixgen.oci import LayerBuilder, build_image

    synthetic, conf = hello
    layers = [list(layer) for layer in conf.store_layers]
    conf = synthetic.conf(layers, conf.customisation_layer, architecture=architecture)
    (folder / "work").mkdir(exist_ok=True)
    return build_image(
        conf,
        store=synthetic.store,
        platform=Platform("linux", architecture),
        builder=LayerBuilder(work=folder / "work", compressor=gzip_compressor("pigz")),
    )


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH but what layers are compressed by."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("pigz", "gzip"):
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def layout(image: BuiltImage, tmp_path: Path) -> str:
    write_layout([image], tmp_path / "shop.oci", tags=["1.4.0", "latest"])
    return str(tmp_path / "shop.oci")


def test_podman_keeps_the_digest_and_gets_every_tag(
    layout: str, path: Path, image: BuiltImage
) -> None:
    podman = FakeEngine(folder=path, name="podman").install()
    outcome = copy(layout, "podman:", ACCESS)
    assert outcome.digest == image.digest
    assert outcome.tags == ("localhost/shop:1.4.0", "localhost/shop:latest")
    assert {each["digest"] for each in podman.store.values()} == {str(image.digest)}
    assert sorted(podman.store) == list(outcome.tags)
    assert "index.json" in podman.loaded_names()


def test_docker_gets_plain_layers_and_every_tag(layout: str, path: Path, image: BuiltImage) -> None:
    docker = FakeEngine(folder=path, name="docker").install()
    outcome = copy(layout, "docker:", ACCESS)
    assert outcome.digest == image.config_digest
    assert sorted(docker.store) == ["shop:1.4.0", "shop:latest"] == sorted(outcome.tags)
    plain = {f"{layer.diff_id.hex}/layer.tar" for layer in image.layers}
    assert plain < set(docker.loaded_names())


def test_an_image_is_loaded_under_the_name_that_is_asked_for(layout: str, path: Path) -> None:
    podman = FakeEngine(folder=path, name="podman").install()
    outcome = copy(f"{layout}:latest", "podman:registry.example/team/shop", ACCESS)
    assert outcome.tags == ("registry.example/team/shop:latest",) == tuple(podman.store)


def test_of_several_platforms_this_machines_own_is_loaded(
    hello: Hello, path: Path, tmp_path: Path
) -> None:
    FakeEngine(folder=path, name="podman").install()
    images = [build(hello, tmp_path), build(hello, tmp_path, "arm64")]
    write_layout(images, tmp_path / "both", tags=["1"])
    native = native_platform()
    outcome = copy(str(tmp_path / "both"), "podman:", ACCESS)
    [wanted] = [image for image in images if image.platform == native]
    assert outcome.digest == wanted.digest
    other = Platform("linux", "arm64")
    assert copy(str(tmp_path / "both"), "podman:", ACCESS, platform=other).digest == (
        images[1].digest
    )


def test_where_none_is_this_machines_one_must_be_named(
    hello: Hello, path: Path, tmp_path: Path
) -> None:
    FakeEngine(folder=path, name="podman").install()
    images = [build(hello, tmp_path, name) for name in ("riscv64", "ppc64le")]
    write_layout(images, tmp_path / "both", tags=["1"])
    with pytest.raises(UsageError, match="holds an image for linux/riscv64, linux/ppc64le"):
        copy(str(tmp_path / "both"), "podman:", ACCESS)


def test_the_first_engine_that_answers_is_taken(path: Path) -> None:
    docker = FakeEngine(folder=path, name="docker").install()
    assert choose_engine().name == "docker"
    FakeEngine(folder=path, name="podman").install()
    assert choose_engine().name == "docker"
    docker.break_down()
    assert choose_engine().name == "podman"
    with pytest.raises(EngineError, match="Is it running") as caught:
        choose_engine("docker")
    assert "start its daemon" in str(caught.value.hint)


def test_an_engine_that_keeps_its_client_waiting_does_not_answer(path: Path) -> None:
    for name in ("docker", "podman"):
        FakeEngine(folder=path, name=name).install()

    def run(argv: Sequence[str], **options: object) -> Completed:
        if argv[0] == "docker":
            raise ProcessLimitError("docker did not end within 20 seconds")
        return Completed(argv=tuple(argv), exit_code=0, stdout=b"1.0", stderr="")

    assert choose_engine(run=run).name == "podman"
    with pytest.raises(EngineError, match="docker does not answer: docker did not end"):
        choose_engine("docker", run=run)


def test_no_engine_and_none_that_answers_are_told(path: Path) -> None:
    with pytest.raises(EngineError, match="neither docker nor podman"):
        choose_engine()
    with pytest.raises(EngineError, match="podman is not there"):
        choose_engine("podman")
    for name in ("docker", "podman"):
        FakeEngine(folder=path, name=name).install().break_down()
    with pytest.raises(EngineError, match="no engine answers") as caught:
        choose_engine()
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_an_engine_that_refuses_is_told_in_its_own_words(
    layout: str, path: Path, name: str
) -> None:
    FakeEngine(folder=path, name=name).install().fill_up()
    with pytest.raises(EngineError, match="no space left on device"):
        copy(layout, f"{name}:", ACCESS)


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_a_damaged_layer_is_told_and_loads_nothing(
    layout: str, path: Path, image: BuiltImage, name: str
) -> None:
    engine = FakeEngine(folder=path, name=name).install()
    blob = Path(layout) / "blobs/sha256" / image.layers[0].digest.hex
    blob.unlink()
    blob.write_bytes(b"x" * image.layers[0].size_bytes)
    with pytest.raises(BuildError, match=image.layers[0].digest.hex):
        copy(layout, f"{name}:", ACCESS)
    assert engine.store == {}


def test_the_command_says_how_to_run_what_it_loaded(
    layout: str, path: Path, image: BuiltImage
) -> None:
    FakeEngine(folder=path, name="podman").install()
    outcome = run_cli("copy", layout, "podman:", PATH=os.environ["PATH"])
    assert outcome.exit_code == 0, outcome.stderr
    assert "podman run --rm localhost/shop:1.4.0" in outcome.stdout
    assert str(image.config_digest) in outcome.stdout
    failed = run_cli("copy", layout, "docker:", "--json", PATH=os.environ["PATH"])
    assert failed.exit_code == 3
    assert failed.document["error"]["kind"] == "engine"
