"""What an image is, whoever looks at it, and that it is the same wherever it is built."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import EXAMPLES, BuildExample, Built, Cli


def _blob(built: Built, digest: str) -> Path:
    return built.layout / "blobs" / "sha256" / digest.removeprefix("sha256:")


def _config(built: Built) -> Any:
    return json.loads(_blob(built, built.image["config_digest"]).read_bytes())


def _manifest(built: Built) -> Any:
    return json.loads(_blob(built, built.image["digest"]).read_bytes())


def _unpacked(built: Built, tmp_path: Path) -> Path:
    bundle = tmp_path / "bundle"
    subprocess.run(
        ["umoci", "unpack", "--image", f"{built.layout}:{built.document['tag']}", str(bundle)],
        check=True,
        capture_output=True,
    )
    return bundle / "rootfs"


def test_the_document_has_what_it_promises(build_example: BuildExample) -> None:
    built = build_example("http-c")
    assert built.document["name"] == "http-c"
    assert built.document["tag"] == "1.0.0"
    assert built.digest == built.image["digest"]
    assert built.image["platform"] == "linux/amd64"
    assert built.image["size_bytes"] == sum(layer["size_bytes"] for layer in built.image["layers"])
    for layer in built.image["layers"]:
        assert set(layer) >= {"digest", "diff_id", "size_bytes", "store_paths"}


def test_configuration_and_annotations_say_what_the_description_says(
    build_example: BuildExample,
) -> None:
    built = build_example("http-c")
    config = _config(built)["config"]
    assert config["Entrypoint"] == ["http-c"]
    assert config["Cmd"] == ["--port", "8080"]
    assert config["ExposedPorts"] == {"8080/tcp": {}}
    assert config["User"] == "65532:65532"
    assert "SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt" in config["Env"]
    assert _config(built)["created"] == "1970-01-01T00:00:01Z"
    annotations = _manifest(built)["annotations"]
    assert annotations["org.opencontainers.image.title"] == "http-c"
    assert annotations["org.opencontainers.image.version"] == "1.0.0"


def test_other_tools_take_the_image(build_example: BuildExample, tmp_path: Path) -> None:
    built = build_example("http-c")
    reference = f"oci:{built.layout}:{built.document['tag']}"
    shown = subprocess.run(
        ["skopeo", "inspect", reference], check=True, capture_output=True, text=True
    )
    assert json.loads(shown.stdout)["Digest"] == built.digest
    subprocess.run(
        ["skopeo", "copy", reference, f"dir:{tmp_path / 'copy'}"], check=True, capture_output=True
    )
    root = _unpacked(built, tmp_path)
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert "nonroot:x:65532:65532:" in (root / "etc/passwd").read_text()
    assert "nonroot:x:65532:" in (root / "etc/group").read_text()
    bundle = root / "etc/ssl/certs/ca-bundle.crt"
    inside = root / str(bundle.readlink()).lstrip("/")
    assert "BEGIN CERTIFICATE" in inside.read_text()
    assert (root / "bin/http-c").is_symlink()


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_archives_are_read_by_other_tools(
    build_example: BuildExample, cli: Cli, tmp_path: Path, form: str
) -> None:
    project = build_example("http-c").project
    archive = tmp_path / "image.tar"
    outcome = cli("image", project, "-o", archive, "-f", form, "--json")
    assert outcome.exit_code == 0, outcome.stderr
    subprocess.run(
        ["skopeo", "inspect", f"{form}:{archive}"], check=True, capture_output=True, text=True
    )


def test_the_same_description_gives_the_same_digest_anywhere(
    build_example: BuildExample, cli: Cli, tmp_path: Path
) -> None:
    first = build_example("http-c")
    elsewhere = tmp_path / "a folder with ünusual characters" / "http"
    shutil.copytree(EXAMPLES / "http-c", elsewhere)
    for path in elsewhere.rglob("*"):
        os.utime(path, (1, 1))
    outcome = cli(
        "image",
        "app.toml",
        "--json",
        "--no-cache",
        cwd=elsewhere,
        LANG="tr_TR.UTF-8",
        LC_ALL="C",
        TZ="Asia/Kathmandu",
        SOURCE_DATE_EPOCH="1234567890",
        NIX_PATH="nixpkgs=/nonexistent",
        PYTHONHASHSEED="7",
        HOME=str(tmp_path),
    )
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.document["digest"] == first.digest


def test_lock_and_result_in_the_source_folder_do_not_change_the_digest(
    cli: Cli, tmp_path: Path
) -> None:
    project = tmp_path / "site"
    shutil.copytree(EXAMPLES / "site", project)
    digests = []
    for options in ((), (), ("--locked",), ("-f", "oci-archive"), ("--locked",)):
        outcome = cli("image", "app.toml", "--json", *options, cwd=project)
        assert outcome.exit_code == 0, outcome.stderr
        digests.append(outcome.document["digest"])
        cli("generate", "app.toml", "-o", "generated", cwd=project)
    assert len(set(digests)) == 1
    assert {"nixgen.lock", "site.oci", "site.oci.tar", "generated"} <= {
        path.name for path in project.iterdir()
    }


def test_a_changed_source_changes_the_digest(cli: Cli, tmp_path: Path) -> None:
    project = tmp_path / "site"
    shutil.copytree(EXAMPLES / "site", project)
    before = cli("image", project, "-o", tmp_path / "a.oci", "--json").document["digest"]
    (project / "public" / "index.html").write_text("changed")
    after = cli("image", project, "-o", tmp_path / "b.oci", "--json").document["digest"]
    assert before != after


def test_several_platforms_make_an_index(cli: Cli, tmp_path: Path) -> None:
    outcome = cli(
        "image",
        EXAMPLES / "profiles",
        "--platform",
        "linux/amd64,linux/arm64",
        "-o",
        tmp_path / "both.oci",
        "--json",
        "--locked",
    )
    assert outcome.exit_code == 2
    project = tmp_path / "profiles"
    shutil.copytree(EXAMPLES / "profiles", project)
    outcome = cli(
        "image",
        project,
        "--platform",
        "linux/amd64,linux/arm64",
        "-o",
        tmp_path / "both.oci",
        "--json",
    )
    assert outcome.exit_code == 0, outcome.stderr
    assert [p["platform"] for p in outcome.document["platforms"]] == ["linux/amd64", "linux/arm64"]
    raw = subprocess.run(
        ["skopeo", "inspect", "--raw", f"oci:{tmp_path / 'both.oci'}:3.2.1"],
        check=True,
        capture_output=True,
    )
    index = json.loads(raw.stdout)
    assert [m["digest"] for m in index["manifests"]] == [
        p["digest"] for p in outcome.document["platforms"]
    ]


def test_owners_modes_and_links_are_as_described(cli: Cli, tmp_path: Path) -> None:
    project = tmp_path / "own"
    project.mkdir()
    (project / "app.toml").write_text(
        """
[app]
name = "own"
[image]
ca-certificates = false
compression = "none"
files = [
  { path = "/etc/secret", text = "s", mode = "0640", uid = 7, gid = 8 },
  { path = "/bin/tool", source = "tool", mode = "4755" },
]
directories = [{ path = "/var/spool", mode = "2775", uid = 5, gid = 6 }]
symlinks = [{ path = "/etc/alias", target = "secret" }]
volumes = ["/data"]
"""
    )
    (project / "tool").write_text("tool")
    outcome = cli("image", project, "-o", tmp_path / "own.oci", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    layer = outcome.document["platforms"][0]["layers"][-1]
    blob = tmp_path / "own.oci/blobs/sha256" / layer["digest"].removeprefix("sha256:")
    with tarfile.open(blob) as tar:
        found = {m.name: (m.mode, m.uid, m.gid, m.linkname) for m in tar}
    assert found["./etc/secret"] == (0o640, 7, 8, "")
    assert found["./bin/tool"] == (0o4755, 0, 0, "")
    assert found["./var/spool"] == (0o2775, 5, 6, "")
    assert found["./etc/alias"][3] == "secret"
    assert found["./tmp"][:3] == (0o1777, 0, 0)
    assert found["./data"][1:3] == (65532, 65532)
