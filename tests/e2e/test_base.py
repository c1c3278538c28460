"""Images above a base: one like Debian's, and one that nixgen made."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import BuildExample, Cli, Outcome, error_of, run_cli
from tests.unit.oci.bases import HandMade, folder, link, make_tar

_PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int count, char **arguments)
{
	printf("%s by %u in %s with %s\n", count > 1 ? arguments[1] : "nothing", getuid(),
		getcwd(NULL, 0), getenv("PATH"));
	return 0;
}
"""
_DESCRIPTION = """
[app]
name = "above"
version = "1.0"
[image]
from = "./debian.oci"
contents = ["jq"]
user = "shop"
env = { LOG = "1" }
files = [
  { path = "/bin/own", text = "own", mode = "0755", user = "shop" },
  { path = "/var/run/app/state", text = "" },
  { path = "/root/notes", text = "" },
]
ca-certificates = false
"""
_RUNTIME = {
    "Env": ["PATH=/usr/bin:/bin", "LOG=0", "BASE=1"],
    "Entrypoint": ["say"],
    "Cmd": ["hello"],
    "WorkingDir": "/srv",
    "Labels": {"team": "base"},
    "StopSignal": "SIGQUIT",
}


def debian(folder_: Path) -> HandMade:
    """A base with its programs in /usr/bin, links to them, accounts, and a layer that repeats."""
    (folder_ / "say.c").write_text(_PROGRAM)
    subprocess.run(["gcc", "-static", "-Os", "-o", folder_ / "say", folder_ / "say.c"], check=True)
    first = make_tar(
        *(folder(name) for name in ("usr", "usr/bin", "usr/lib", "etc", "var", "run", "srv")),
        folder("root", 0o700),
        folder("tmp", 0o1777),
        link("bin", "usr/bin"),
        link("lib", "usr/lib"),
        link("var/run", "/run"),
        ("etc/passwd", b"root:x:0:0::/root:/bin/sh\nshop:x:990:991::/srv:/bin/sh\n"),
        ("etc/group", b"root:x:0:\nshop:x:991:\n"),
        ("usr/bin/say", (folder_ / "say").read_bytes(), 0o755),
    )
    again = make_tar(folder("opt"))
    removed = make_tar(folder("opt"), ("opt/.wh.gone", b""))
    layers = [first, again, make_tar(("opt/gone", b"x")), removed, again]
    return HandMade(layers=layers, packing="gzip", runtime=_RUNTIME)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> HandMade:
    return debian(tmp_path_factory.mktemp("base"))


@pytest.fixture
def project(tmp_path: Path, base: HandMade) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    (project / "app.toml").write_text(_DESCRIPTION)
    base.write_layout(project / "debian.oci")
    return project


def build(project: Path, *options: str | Path, **environment: str) -> Outcome:
    # why a cache of its own: bases that other tests have seen shall not be there.
    cache = {"XDG_CACHE_HOME": str(project.parent / "cache"), **environment}
    return run_cli(
        "image", project, "-o", project.parent / "image.oci", "--json", *options, **cache
    )


def run(*argv: str | Path) -> bytes:
    done = subprocess.run([*map(str, argv)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def read(layout: Path, digest: str) -> Any:
    return json.loads((layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes())


def test_an_image_above_a_base_keeps_its_layers_and_links(project: Path, base: HandMade) -> None:
    outcome = build(project)
    assert outcome.exit_code == 0, outcome.stderr
    layout, [image] = Path(outcome.document["path"]), outcome.document["platforms"]
    manifest = read(layout, image["digest"])
    assert manifest["layers"][:5] == json.loads(base.manifest)["layers"]
    assert manifest["annotations"]["org.opencontainers.image.base.digest"] == base.digest
    config = json.loads(run("skopeo", "inspect", "--config", f"oci:{layout}:1.0"))
    assert config["rootfs"]["diff_ids"][:5] == base.diff_ids
    assert config["config"] == {
        "Cmd": ["hello"],
        "Entrypoint": ["say"],
        "Env": ["BASE=1", "LOG=1", "PATH=/bin:/usr/bin"],
        "Labels": {"team": "base"},
        "StopSignal": "SIGQUIT",
        "User": "990:991",
        "WorkingDir": "/srv",
    }
    bundle = project.parent / "bundle"
    run("umoci", "unpack", "--rootless", "--image", f"{layout}:1.0", bundle)
    root = bundle / "rootfs"
    assert (root / "bin").readlink() == Path("usr/bin")
    assert (root / "lib").readlink() == Path("usr/lib")
    assert (root / "var/run").readlink() == Path("/run")
    assert {path.name for path in (root / "usr/bin").iterdir()} == {"jq", "own", "say"}
    assert (root / "run/app/state").is_file()
    assert (root / "root").stat().st_mode & 0o7777 == 0o700
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert not (root / "opt/gone").exists()
    assert "shop:x:990:991" in (root / "etc/passwd").read_text()


@pytest.mark.parametrize("runner", ["podman", "bwrap", "unshare"])
def test_programs_of_the_base_and_of_the_set_run(project: Path, runner: str) -> None:
    arguments = ("run", project, "-q", "--no-network", "--runner", runner)
    done = run_cli(*arguments)
    assert (done.exit_code, done.stdout) == (0, "hello by 990 in /srv with /bin:/usr/bin\n"), (
        done.stderr
    )
    (project / "app.toml").write_text(_DESCRIPTION + 'entrypoint = ["jq", "--version"]\n')
    done = run_cli(*arguments)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("jq-")


def test_tests_see_the_base_and_what_lies_above(project: Path) -> None:
    (project / "app.toml").write_text(
        _DESCRIPTION
        + """
[[test]]
run = ["say", "tested"]
stdout = "tested by 990 in /srv with /bin:/usr/bin"
files = ["/bin/say", "/bin/jq", "/var/run/app/state"]
"""
    )
    done = run_cli("test", project, "--runner", "bwrap")
    assert done.exit_code == 0, done.stderr + done.stdout


def test_layers_tell_of_those_below(project: Path) -> None:
    shown = run_cli("layers", project, "--json")
    assert shown.exit_code == 0, shown.stderr
    [image] = shown.document["platforms"]
    assert (image["base_layers"], image["max_layers"]) == (5, 95)
    assert "above 5 of the base image" in run_cli("layers", project).stdout


def test_it_is_the_same_image_wherever_it_is_built_and_offline(project: Path) -> None:
    first = build(project, "--platform", "linux/amd64")
    assert first.exit_code == 0, first.stderr
    blobs = {path.name: path.read_bytes() for path in (project.parent / "image.oci").rglob("*") if
             path.is_file()}  # fmt: skip
    again = build(project, "--locked", "--offline", XDG_CACHE_HOME=str(project.parent / "other"))
    assert again.exit_code == 0, again.stderr
    assert again.document["digest"] == first.document["digest"]
    assert blobs == {
        path.name: path.read_bytes()
        for path in (project.parent / "image.oci").rglob("*")
        if path.is_file()
    }


def test_a_docker_archive_of_it_is_taken_by_others(project: Path, base: HandMade) -> None:
    archive = project.parent / "image.tar"
    done = run_cli("image", project, "-o", archive, "-f", "docker-archive", "-q")
    assert done.exit_code == 0, done.stderr
    config = json.loads(run("skopeo", "inspect", "--config", f"docker-archive:{archive}"))
    assert config["rootfs"]["diff_ids"][:5] == base.diff_ids
    run("skopeo", "copy", f"docker-archive:{archive}", f"dir:{project.parent / 'copy'}")


def test_a_base_that_changed_is_refused_locked_and_taken_else(project: Path) -> None:
    assert build(project).exit_code == 0
    index = project / "debian.oci" / "index.json"
    other = HandMade(layers=[make_tar(folder("bin"))], runtime={"Entrypoint": ["jq"]})
    before = index.read_bytes()
    run("rm", "-r", project / "debian.oci")
    other.write_layout(project / "debian.oci")
    assert index.read_bytes() != before
    refused = build(project, "--locked")
    assert refused.exit_code == 2
    assert "is not the one that was locked" in error_of(refused)["message"]
    taken = build(project)
    assert taken.exit_code == 0, taken.stderr
    assert len(taken.document["platforms"][0]["layers"]) == 3


def test_a_program_that_neither_has_is_told(project: Path) -> None:
    (project / "app.toml").write_text(_DESCRIPTION + 'entrypoint = ["python3"]\n')
    outcome = build(project)
    assert outcome.exit_code == 4
    message = error_of(outcome)["message"]
    assert "neither its base has it nor what is added" in message
    assert "/usr/bin/python3" in message


def test_an_image_is_not_laid_over_itself(project: Path) -> None:
    done = run_cli("image", project, "-o", project / "debian.oci", "--json")
    assert done.exit_code == 2
    assert "is the base image that this one begins with" in error_of(done)["message"]


def test_an_image_of_nixgen_is_a_base_of_another(
    build_example: BuildExample, cli: Cli, tmp_path: Path
) -> None:
    below = build_example("sqlite-lua")
    (tmp_path / "app.toml").write_text(
        f"""
[app]
name = "above"
version = "2"
[image]
from = "oci:{os.path.relpath(below.layout, tmp_path)}"
contents = ["jq"]
labels = {{ above = "yes" }}
"""
    )
    outcome = cli("image", tmp_path, "-o", tmp_path / "image.oci", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    [image] = outcome.document["platforms"]
    count = len(below.image["layers"])
    for above, layer in zip(image["layers"], below.image["layers"], strict=False):
        assert above == layer
    held = [path for layer in image["layers"][:count] for path in layer["store_paths"]]
    assert any("-notes-" in path for path in held)
    config = read(tmp_path / "image.oci", image["config_digest"])
    assert config["config"]["User"] == "65532:65532"
    done = cli("run", tmp_path, "-q", "--runner", "bwrap", "--", "burn")
    assert done.exit_code == 1
    assert "unknown command: burn" in done.stderr
    shown = cli("inspect", tmp_path / "image.oci", "--json")
    assert [entry["digest"] for entry in shown.document["platforms"][0]["layers"][:count]] == [
        layer["digest"] for layer in below.image["layers"]
    ]
