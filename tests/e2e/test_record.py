"""The build record: what it says, and what it costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Cli


def _record(state: Path) -> Any:
    (place,) = (state / "nixgen/builds").glob("*.json")
    return json.loads(place.read_text())


def test_the_record_is_a_statement_about_the_image_without_paths_of_the_machine(
    cli: Cli, tmp_path: Path
) -> None:
    project = tmp_path / "all-of-it"
    project.mkdir()
    (project / "app.toml").write_text('[app]\nname = "all"\n[build]\nkind = "files"\nsrc = "."\n')
    outcomes = [cli("image", "--json", "-q", "--record", cwd=project) for _ in range(2)]
    (digest,) = {outcome.document["digest"] for outcome in outcomes}
    text = (project / outcomes[0].document["record"]).read_text()
    statement = json.loads(text)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [
        {"name": "all:0", "digest": {"sha256": digest.removeprefix("sha256:")}}
    ]
    assert statement["predicate"]["conditions"]["sandbox"] == "on"
    assert str(project) not in text


def test_each_platform_of_an_index_is_a_subject(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "app.toml").write_text(
        '[app]\nname = "two"\n[image]\nca-certificates = false\n'
        'files = [{ path = "/etc/motd", text = "hello" }]\n'
    )
    platforms = "linux/amd64,linux/arm64"
    outcome = cli("image", "--json", "-q", "--record", "--platform", platforms, cwd=tmp_path)
    assert outcome.exit_code == 0, outcome.stderr
    document = outcome.document
    statement = json.loads((tmp_path / document["record"]).read_text())
    assert [f"sha256:{one['digest']['sha256']}" for one in statement["subject"]] == [
        document["digest"],
        *(one["digest"] for one in document["platforms"]),
    ]


def test_the_sandbox_is_probed_once_for_the_same_nix_and_settings(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    options = ("image", project, "-o", tmp_path / "image.oci", "-q", "--verify-cache")
    assert cli(*options, XDG_STATE_HOME=str(state)).exit_code == 0
    (probe,) = (state / "nixgen/probes").iterdir()
    assert probe.read_text() == "on\n"
    probe.write_text("off\n")
    assert cli(*options, XDG_STATE_HOME=str(state)).exit_code == 0
    assert _record(state)["conditions"]["sandbox"] == "off"
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "nix.conf").write_text("max-jobs = 1\n")
    again = cli(*options, XDG_STATE_HOME=str(state), NIX_CONF_DIR=str(settings))
    assert again.exit_code == 0
    assert _record(state)["conditions"]["sandbox"] == "on"
    probe.write_text("damaged\n")
    assert cli(*options, XDG_STATE_HOME=str(state)).exit_code == 0
    assert probe.read_text() == "on\n"
