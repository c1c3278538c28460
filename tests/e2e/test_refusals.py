"""Builds that fail, locks that do not fit, places that are taken: what is said and kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import EXAMPLES, Cli, content, error_of
from tests.e2e.machines import private_folder


def test_a_failed_build_shows_the_end_of_its_log_and_keeps_the_whole(
    cli: Cli, tmp_path: Path
) -> None:
    project = Path(shutil.copytree(EXAMPLES / "http-c", tmp_path / "http-c"))
    (source,) = (project / "src").glob("*.c")
    source.write_text(source.read_text() + "\nint broken(\n")
    state = str(tmp_path / "state")
    layout = tmp_path / "image.oci"
    outcome = cli("image", project, "-o", layout, "--json", "-q", XDG_STATE_HOME=state)
    assert outcome.exit_code == 4
    error = error_of(outcome)
    assert error["kind"] == "build"
    assert f"{source.name}:{len(source.read_text().splitlines())}" in error["message"]
    assert "nixgen log" in error["hint"]
    assert not layout.exists()
    log = cli("log", XDG_STATE_HOME=state)
    assert log.exit_code == 0
    shown = [line.removeprefix("  | ") for line in error["message"].splitlines()[1:]]
    assert log.stdout.splitlines()[-len(shown) :] == shown


def test_a_log_is_asked_for_where_nothing_has_failed(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("log", XDG_STATE_HOME=str(tmp_path))
    assert outcome.exit_code == 2
    assert "no build has failed" in outcome.stderr


def test_a_wrong_source_is_told_with_both_hashes(cli: Cli, project: Path, tmp_path: Path) -> None:
    listed = cli("sources", "--json").document["sources"]
    (busybox,) = [source for source in listed if source["pname"] == "busybox"]
    wrong = tmp_path / "sources" / busybox["file"]
    wrong.parent.mkdir()
    wrong.write_bytes(b"not what it should be")
    with private_folder() as root:
        outcome = cli(
            *("image", project, "-o", tmp_path / "image.oci", "--store", root, "--json", "-q"),
            NIXGEN_SOURCES=str(wrong.parent),
            NIXGEN_OFFLINE="1",
            XDG_CACHE_HOME=str(tmp_path / "cache"),
        )
    assert outcome.exit_code == 4
    error = error_of(outcome)
    assert error["kind"] == "hash-mismatch"
    (problem,) = [one for one in error["problems"] if one["key"] == busybox["file"]]
    assert busybox["sha256"] in problem["message"]
    assert hashlib.sha256(wrong.read_bytes()).hexdigest() in problem["message"]
    assert not (tmp_path / "image.oci").exists()


def test_another_digest_of_the_same_derivation_is_an_alarm(
    cli: Cli, project: Path, built: Path
) -> None:
    lock = project / "nixgen.lock"
    digest = json.loads((built / "index.json").read_text())["manifests"][0]["digest"]
    assert digest in lock.read_text()
    lock.write_text(lock.read_text().replace(digest, f"sha256:{'0' * 64}"))
    before, locked = content(built), lock.read_bytes()
    for options in ((), ("--locked",)):
        outcome = cli("image", project, "-o", built, "--json", "-q", *options)
        assert outcome.exit_code == 4
        error = error_of(outcome)
        assert error["kind"] == "irreproducible"
        assert digest in error["message"]
        assert "nixgen audit" in error["hint"]
        assert "nixgen lock" in error["hint"]
        assert content(built) == before
        assert lock.read_bytes() == locked
    assert cli("lock", project).exit_code == 0
    assert cli("image", project, "-o", built, "-q").exit_code == 0


# The lockfile


def test_locked_refuses_a_missing_and_a_stale_lock(cli: Cli, project: Path, built: Path) -> None:
    lock = project / "nixgen.lock"
    assert cli("lock", project, "--check").exit_code == 0
    description = project / "app.toml"
    description.write_text(description.read_text() + "\n# changed\n")
    stale = cli("image", project, "--locked", "--json", "-q")
    assert stale.exit_code == 2
    assert error_of(stale)["kind"] == "lock"
    assert "nixgen lock" in error_of(stale)["hint"]
    assert cli("lock", project, "--check").exit_code == 1
    lock.unlink()
    missing = cli("image", project, "--locked", "--json", "-q")
    assert missing.exit_code == 2
    assert "there is no lockfile" in error_of(missing)["message"]
    assert not lock.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nixgen-lock": 99}', '{"nixgen-lock": 1}'])
def test_a_damaged_lock_is_told_with_the_command_that_mends_it(
    text: str, cli: Cli, project: Path
) -> None:
    (project / "nixgen.lock").write_text(text)
    outcome = cli("image", project, "--json", "-q")
    assert outcome.exit_code == 2
    assert error_of(outcome)["kind"] == "lock"
    assert "nixgen lock" in error_of(outcome)["hint"]
    assert (project / "nixgen.lock").read_text() == text
    assert cli("lock", project).exit_code == 0
    assert cli("lock", project, "--check").exit_code == 0


# Where the image goes


def test_what_is_no_image_is_left_alone(cli: Cli, project: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/mine").write_text("mine")
    for place, form in (("file", "oci"), ("folder", "oci"), ("folder", "oci-archive")):
        outcome = cli("image", project, "-o", tmp_path / place, "-f", form, "--json", "-q")
        assert outcome.exit_code == 2, place
        assert error_of(outcome)["kind"] == "usage"
    assert (tmp_path / "file").read_text() == "mine"
    assert content(tmp_path / "folder") == {"mine": b"mine"}


def test_a_missing_folder_for_the_image_is_made(cli: Cli, project: Path, tmp_path: Path) -> None:
    outcome = cli("image", project, "-o", tmp_path / "new/folder/image.oci", "-q")
    assert outcome.exit_code == 0, outcome.stderr
    assert (tmp_path / "new/folder/image.oci/index.json").is_file()


def test_a_file_in_place_of_a_folder_is_told(cli: Cli, project: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    outcome = cli("image", project, "-o", tmp_path / "file/image.oci", "--json", "-q")
    assert outcome.exit_code == 2
    assert str(tmp_path / "file") in error_of(outcome)["message"]


def test_a_machine_without_a_builder_for_a_platform_is_sent_to_the_doctor(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "nix.conf").write_text("builders =\nextra-platforms =\n")
    platform = "linux/arm64" if os.uname().machine == "x86_64" else "linux/amd64"
    wish = ("plan", project, "--platform", platform, "--static", "--json")
    settings = {"NIX_CONF_DIR": str(tmp_path)}
    outcome = cli(*wish, "--cross", "native", **settings)
    assert outcome.exit_code == 3
    (problem,) = error_of(outcome)["problems"]
    assert problem["key"] == "build.cross"
    assert platform in problem["message"]
    assert "nixgen doctor" in problem["hint"]
    (tmp_path / "nix.conf").write_text(
        "builders = ssh://there.example.org aarch64-linux,x86_64-linux\n"
    )
    (image,) = cli(*wish, "--cross", "native", **settings).document["images"]
    assert image["strategy"] == "native"
    assert "ssh://there.example.org" in image["strategy_reason"]
