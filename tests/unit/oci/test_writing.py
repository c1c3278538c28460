"""Images of a conf alone: by the command, and by the core on the standard library."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nixgen.oci import ImageConf
from nixgen.oci.writing import write_conf
from nixgen.platforms import Platform
from tests.e2e.conftest import ROOT, Outcome, run_cli
from tests.layouts import read_layout
from tests.unit.oci.synthetic import SyntheticStore

Hello = tuple[SyntheticStore, ImageConf]


@pytest.fixture
def conf(hello: Hello, tmp_path: Path) -> Path:
    synthetic, made = hello
    return place_conf(synthetic, made, tmp_path / "conf.json")


def place_conf(synthetic: SyntheticStore, made: ImageConf, place: Path, **more: Any) -> Path:
    layers = [list(layer) for layer in made.store_layers]
    place.write_text(json.dumps(synthetic.document(layers, made.customisation_layer, **more)))
    return place


def write(conf: Path, *arguments: str | Path, **environment: str) -> Outcome:
    """`nixgen write`, with a store and a cache of its own."""
    folder = conf.parent
    return run_cli(
        "write",
        conf,
        "--store",
        folder / "root",
        *arguments,
        XDG_CACHE_HOME=str(folder / "cache"),
        **environment,
    )


def core(conf: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    argv = ["-m", "nixgen.oci", conf, "--store", conf.parent / "root", *arguments]
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", _ISOLATED, str(ROOT), *map(str, argv[2:])],
        capture_output=True,
        text=True,
        check=False,
    )


# why: no site-packages at all, so that whatever is not the standard library's is not found.
_ISOLATED = """
import runpy, sys
root = sys.argv.pop(1)
sys.path.insert(0, root)
try:
    runpy.run_module("nixgen.oci", run_name="__main__", alter_sys=True)
finally:
    known = {*sys.stdlib_module_names, "nixgen", "__main__"}
    print(sorted({name.partition(".")[0] for name in sys.modules} - known), file=sys.stderr)
"""


def test_the_core_runs_on_the_standard_library_alone(conf: Path, tmp_path: Path) -> None:
    done = core(conf, "-o", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert done.stdout.strip() == str(read_layout(tmp_path / "out", tag="1.0").digest)


def test_the_core_says_what_is_wrong(conf: Path, tmp_path: Path) -> None:
    done = core(tmp_path / "none.json", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "error: can't read the image conf" in done.stderr
    assert "Traceback" not in done.stderr
    shutil.rmtree(tmp_path / "root")
    done = core(conf, "-o", tmp_path / "out")
    assert done.returncode == 3
    assert "missing from the store" in done.stderr
    assert not (tmp_path / "out").exists()


def test_command_and_core_write_the_same(conf: Path, tmp_path: Path) -> None:
    outcome = write(conf, "-o", tmp_path / "one", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    document = outcome.document
    assert (document["name"], document["tag"], document["format"]) == ("hello", "1.0", "oci")
    assert core(conf, "-o", tmp_path / "two").stdout.strip() == document["digest"]
    [image] = document["platforms"]
    assert [layer["digest"] == layer["diff_id"] for layer in image["layers"]] == [True] * 3


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
def test_archives_are_written(conf: Path, tmp_path: Path, form: str) -> None:
    outcome = write(conf, "-o", tmp_path / "image.tar", "-f", form, "--tag", "2")
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stdout.startswith(f"{tmp_path}/image.tar: hello:2, ")
    assert (tmp_path / "image.tar").is_file()


@pytest.mark.parametrize(("kind", "program"), [("gzip", "pigz"), ("zstd", "zstd")])
def test_layers_are_compressed_on_request(
    conf: Path, tmp_path: Path, kind: str, program: str
) -> None:
    plain = write(conf, "-o", tmp_path / "plain", "--json").document
    outcome = write(conf, "-o", tmp_path / "out", "--compression", kind, "--json")
    assert outcome.exit_code == 0, outcome.stderr
    [one], [other] = plain["platforms"], outcome.document["platforms"]
    assert [layer["diff_id"] for layer in one["layers"]] == [
        layer["diff_id"] for layer in other["layers"]
    ]
    named = write(
        conf,
        "-o",
        tmp_path / "named",
        *("--compression", kind, "--json", "--compressor", str(shutil.which(program))),
    )
    assert named.document["digest"] == outcome.document["digest"] != plain["digest"]


def test_another_program_at_the_same_place_is_not_served_from_the_cache(
    conf: Path, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / "zstd"
    program.parent.mkdir()
    digests = []
    for level in ("1", "19"):
        program.write_text(f"#!/bin/sh\nexec {shutil.which('zstd')} -q -c -{level}\n")
        program.chmod(0o755)
        arguments = ("--compression", "zstd", "--compressor", program, "--json")
        outcome = write(conf, "-o", tmp_path / "out", *arguments)
        assert outcome.exit_code == 0, outcome.stderr
        digests.append(outcome.document["digest"])
    assert digests[0] != digests[1]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["--compressor", "/bin/false"], 2, "--compressor without --compression"),
        (["--compression", "zstd", "--compressor", "/none/zstd"], 3, "was not found"),
        (["--compression", "zstd", "--compressor", "/bin/false"], 3, "failed with exit code 1"),
        (["--platform", "linux/x86_64"], 2, 'did you mean "linux/amd64"'),
        (["--platform", "linux/arm64"], 2, "the image conf is for linux/amd64"),
        (["--platform", "linux/amd64,linux/arm64"], 2, "an image conf is for one platform"),
    ],
)
def test_wrong_calls_are_told(
    conf: Path, tmp_path: Path, arguments: list[str], exit_code: int, message: str
) -> None:
    outcome = write(conf, "-o", tmp_path / "out", *arguments)
    assert (outcome.exit_code, message in outcome.stderr) == (exit_code, True), outcome.stderr
    assert not (tmp_path / "out").exists()


def test_the_platform_is_the_confs_own(hello: Hello, tmp_path: Path) -> None:
    synthetic, made = hello
    conf = place_conf(synthetic, made, tmp_path / "conf.json", architecture="s390x")
    written = write_conf(conf, tmp_path / "out", store=synthetic.store)
    assert written.image.platform == Platform("linux", "s390x")
    assert json.loads(written.image.config)["architecture"] == "s390x"
    [read] = read_layout(tmp_path / "out").images
    assert read.platform == Platform("linux", "s390x")


@pytest.mark.parametrize(
    ("repo_tag", "name", "tag"),
    [
        ("hello", "hello", "latest"),
        ("localhost:5000/hello", "localhost:5000/hello", "latest"),
        ("localhost:5000/hello:2", "localhost:5000/hello", "2"),
    ],
)
def test_name_and_tag_are_the_confs(
    hello: Hello, tmp_path: Path, repo_tag: str, name: str, tag: str
) -> None:
    synthetic, made = hello
    conf = place_conf(synthetic, made, tmp_path / "conf.json", repo_tag=repo_tag)
    written = write_conf(conf, tmp_path / "out", store=synthetic.store)
    assert (written.name, written.tags) == (name, (tag,))
    assert read_layout(tmp_path / "out", tag=tag).tag == tag
