"""Config, manifest and index: shapes, canonical bytes, nothing of the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import ValidationError

from nixgen.errors import BuildError
from nixgen.oci import BuiltImage, ImageConf, canonical_json, make_index, zstd_compressor
from nixgen.oci.image import format_store_paths, parse_store_paths
from nixgen.platforms import Platform
from tests.unit.oci.schemas import validate
from tests.unit.oci.synthetic import SyntheticStore

Hello = tuple[SyntheticStore, ImageConf]
Build = Callable[..., BuiltImage]
RICH = {
    "Entrypoint": ["/bin/hello"],
    "Cmd": ["--port", "80"],
    "Env": ["PATH=/bin", "A=b=c"],
    "ExposedPorts": {"80/tcp": {}},
    "Volumes": {"/data": {}},
    "Labels": {"a": "é"},
    "User": "65532:65532",
    "WorkingDir": "/",
    "StopSignal": "SIGINT",
    "Healthcheck": {"Test": ["CMD", "/bin/hello"], "Interval": 1000000000},
}


def rich(hello: Hello) -> ImageConf:
    synthetic, conf = hello
    layers = [list(layer) for layer in conf.store_layers]
    return synthetic.conf(layers, conf.customisation_layer, config=RICH)


def test_config_and_manifest_have_the_shapes_of_the_specification(
    hello: Hello, build: Build
) -> None:
    image = build(
        hello[0],
        rich(hello),
        compressor=zstd_compressor("zstd"),
        annotations={"org.opencontainers.image.title": "hello"},
    )
    config = validate("config", image.config)
    manifest = validate("manifest", image.manifest)
    assert config["config"] == RICH
    assert config["created"] == "1970-01-01T00:00:01Z"
    assert [layer["mediaType"] for layer in manifest["layers"]] == [
        "application/vnd.oci.image.layer.v1.tar+zstd"
    ] * 3
    assert manifest["config"]["digest"] == str(image.config_digest)
    assert manifest["annotations"] == {"org.opencontainers.image.title": "hello"}


def test_the_schemas_of_these_tests_can_refuse(hello: Hello, build: Build) -> None:
    document = json.loads(build(*hello).config)
    document["config"]["Entrypoint"] = "/bin/hello"
    with pytest.raises(ValidationError):
        validate("config", json.dumps(document).encode())


def test_the_history_tells_the_store_paths_of_every_layer(hello: Hello, build: Build) -> None:
    synthetic, conf = hello
    history = json.loads(build(synthetic, conf).config)["history"]
    assert [parse_store_paths(entry["comment"]) for entry in history] == [
        *conf.store_layers,
        (conf.customisation_layer,),
    ]


@pytest.mark.parametrize("text", ["", "store paths: ", "store paths: {}", "buildkit", "[]"])
def test_other_comments_tell_no_store_paths(text: str) -> None:
    assert parse_store_paths(text) == ()


def test_store_paths_round_trip() -> None:
    assert parse_store_paths(format_store_paths(["/nix/store/a", 'b"'])) == ("/nix/store/a", 'b"')


def test_json_is_canonical() -> None:
    assert canonical_json({"b": "é", "a": [1, {"d": None, "c": True}]}) == (
        '{"a":[1,{"c":true,"d":null}],"b":"é"}'.encode()
    )


def test_a_conf_for_another_platform_is_refused(hello: Hello, build: Build) -> None:
    with pytest.raises(BuildError, match="is for linux/amd64, wanted is linux/arm64"):
        build(*hello, platform=Platform.parse("linux/arm64"))


def test_arm_v7_is_arm_with_a_variant(hello: Hello, build: Build) -> None:
    synthetic, conf = hello
    layers = [list(layer) for layer in conf.store_layers]
    conf = synthetic.conf(layers, conf.customisation_layer, architecture="arm")
    image = build(synthetic, conf, platform=Platform.parse("linux/arm/v7"))
    config = validate("config", image.config)
    assert (config["os"], config["architecture"], config["variant"]) == ("linux", "arm", "v7")
    index = validate("index", make_index([image.descriptor]))
    assert index["manifests"][0]["platform"] == {
        "os": "linux",
        "architecture": "arm",
        "variant": "v7",
    }


def test_the_json_of_an_image_names_sizes_as_stored(hello: Hello, build: Build) -> None:
    image = build(*hello, compressor=zstd_compressor("zstd"))
    document = image.as_json()
    assert document["platform"] == "linux/amd64"
    assert document["digest"] == str(image.digest)
    assert document["size_bytes"] == sum(layer["size_bytes"] for layer in document["layers"])
    assert document["size_bytes"] == sum(layer.blob.stat().st_size for layer in image.layers)
    assert sorted(document["layers"][0]) == [
        "diff_id",
        "digest",
        "size_bytes",
        "store_paths",
        "unpacked_bytes",
    ]


_PROGRAM = """
import sys
from pathlib import Path
from nixgen.oci import LayerBuilder, build_image
from nixgen.platforms import Platform
from tests.unit.oci.synthetic import hello_store
root = Path(sys.argv[1])
synthetic, conf = hello_store(root / "root")
image = build_image(conf, store=synthetic.store, platform=Platform.parse("linux/amd64"),
                    builder=LayerBuilder(work=root))
sys.stdout.buffer.write(image.manifest)
"""


def test_nothing_of_the_machine_is_in_the_image(tmp_path: Path) -> None:
    made = set()
    for number, (seed, zone, locale) in enumerate(
        [("0", "UTC", "C"), ("1", "Asia/Tokyo", "C.UTF-8"), ("2", "America/Lima", "POSIX")]
    ):
        (tmp_path / str(number)).mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale}
        made.add(
            subprocess.run(
                [sys.executable, "-c", _PROGRAM, str(tmp_path / str(number))],
                env={**environment, "PYTHONPATH": str(Path(__file__).parents[3])},
                capture_output=True,
                check=True,
            ).stdout
        )
    assert len(made) == 1


def test_the_writer_needs_the_standard_library_only() -> None:
    code = (
        "import sys; before = set(sys.modules); import nixgen.oci; "
        "names = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(names - set(sys.stdlib_module_names) - {'nixgen'}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
