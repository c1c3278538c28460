"""`nixgen sign --attach`: what is known of an image, signed and attached to what it is about."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import EXAMPLES, Cli, change, error_of
from tests.unit.attest.official import check_statement

_ALL = ("provenance", "spdx", "cyclonedx", "closure", "tests")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state"), "NIXGEN_KEY_PASSPHRASE": ""}


@pytest.fixture
def key(cli: Cli, tmp_path: Path, environment: dict[str, str]) -> Path:
    assert cli("key", "generate", "-o", tmp_path / "k", **environment).exit_code == 0
    return tmp_path / "k.key"


def attached(layout: Path) -> dict[str, Any]:
    """The predicates attached to the images of a layout, by the type that their referrer tells;
    each is what its official definition says.
    """
    from nixgen.attest.bundle import parse_bundle

    found: dict[str, Any] = {}

    def blob(digest: str) -> bytes:
        return (layout / "blobs/sha256" / digest.removeprefix("sha256:")).read_bytes()

    for entry in json.loads((layout / "index.json").read_text())["manifests"]:
        manifest = json.loads(blob(entry["digest"]))
        if "subject" in manifest:
            statement = parse_bundle(blob(manifest["layers"][0]["digest"])).statement()
            assert any(
                f"sha256:{each.digest.hex}" == manifest["subject"]["digest"]
                for each in statement.subjects
            )
            kind = manifest["annotations"]["dev.sigstore.bundle.predicateType"]
            assert check_statement(statement.data) == kind
            found[kind] = dict(statement.predicate)
    return found


def test_all_that_is_known_is_attached(
    cli: Cli, tmp_path: Path, environment: dict[str, str], key: Path
) -> None:
    project, layout = tmp_path / "http-c", tmp_path / "image.oci"
    shutil.copytree(EXAMPLES / "http-c", project)
    made = cli("image", project, "--test", "-o", layout, "--json", "-q", **environment)
    assert made.exit_code == 0, made.stderr
    options = [part for word in _ALL for part in ("--attach", word)]
    signed = cli("sign", layout, "--key", key, "--json", *options, **environment)
    assert signed.exit_code == 0, signed.stderr
    predicates = attached(layout)
    assert {"https://spdx.dev/Document", "https://cyclonedx.org/bom"} < set(predicates)
    tests = predicates["https://in-toto.io/attestation/test-result/v0.1"]
    assert tests["result"] == "PASSED"
    assert tests["passedTests"]
    closure = predicates["urn:nixgen:closure-report:v1"]
    assert closure["closure"]["platform"] == "linux/amd64"
    assert closure["leftOut"]["minimise"] == "safe"
    printed = cli("provenance", project, "--predicate", "-q", **environment)
    assert predicates["https://slsa.dev/provenance/v1"] == printed.document
    assert str(tmp_path) not in json.dumps(predicates)


def test_what_the_call_changed_is_known_again(
    cli: Cli, tmp_path: Path, environment: dict[str, str], key: Path
) -> None:
    (tmp_path / "app.toml").write_text(
        '[app]\nname = "motd"\n[vars]\nword = "no"\n[profile.loud.image]\nuser = "root"\n'
        '[image]\nfiles = [{ path = "/etc/motd", text = "${word}" }]\nca-certificates = false\n'
    )
    layout = tmp_path / "image.oci"
    changes = ("--var", "word=yes", "--created", "86400", "--tag", "x", "--profile", "loud")
    platforms = ("--platform", "linux/amd64,linux/arm64")
    made = cli("image", tmp_path, "-o", layout, "-q", *changes, *platforms, **environment)
    assert made.exit_code == 0, made.stderr
    signed = cli("sign", layout, "--key", key, "--attach", "cyclonedx", "--json", **environment)
    assert signed.exit_code == 0, signed.stderr
    types = [each["predicate_type"] for each in signed.document["attached"]]
    assert types.count("https://cyclonedx.org/bom") == 2
    bill = attached(layout)["https://cyclonedx.org/bom"]
    assert bill["metadata"]["timestamp"] == "1970-01-02T00:00:00+00:00"


def test_a_description_that_has_changed_since_is_told(
    cli: Cli, project: Path, tmp_path: Path, environment: dict[str, str], key: Path
) -> None:
    layout = tmp_path / "image.oci"
    assert cli("image", project, "-o", layout, "-q", **environment).exit_code == 0
    change(project)
    refused = cli("sign", layout, "--key", key, "--json", "--attach", "spdx", **environment)
    assert refused.exit_code == 2
    assert "no longer makes the image" in error_of(refused)["message"]
    assert attached(layout) == {}
    assert cli("sign", layout, "--key", key, "--attach", "provenance", **environment).exit_code == 0
    assert "https://slsa.dev/provenance/v1" in attached(layout)


def test_a_change_that_no_build_sees_is_none(
    cli: Cli, project: Path, tmp_path: Path, environment: dict[str, str], key: Path
) -> None:
    layout = tmp_path / "image.oci"
    assert cli("image", project, "-o", layout, "-q", **environment).exit_code == 0
    with (project / "app.toml").open("a") as file:
        file.write("# a word for readers\n")
    (project / "report.html").write_text("made since")
    signed = cli("sign", layout, "--key", key, "--attach", "spdx", **environment)
    assert signed.exit_code == 0, signed.stderr
    assert "https://spdx.dev/Document" in attached(layout)


def test_a_derivation_that_is_gone_is_told(
    cli: Cli, project: Path, tmp_path: Path, environment: dict[str, str], key: Path
) -> None:
    layout = tmp_path / "image.oci"
    assert cli("image", project, "-o", layout, "-q", **environment).exit_code == 0
    (place,) = (tmp_path / "state/nixgen/builds").iterdir()
    record = json.loads(place.read_text())
    (build,) = record["derivations"].values()
    build["conf"] = "/nix/store/0bn5y6q8jr2f5x4y1chpcpgxakln0dyj-gone-conf.json.drv"
    place.write_text(json.dumps(record))
    refused = cli("sign", layout, "--key", key, "--json", "--attach", "provenance", **environment)
    assert refused.exit_code == 3
    assert error_of(refused)["hint"].startswith("nixgen plan ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--attach", "tests"), "was not tested"),
        (("--attach", "spdx", "--only-signature"), "--only-signature"),
        (("--attach", "provenance", "--builder-id", "us"), "no URI"),
    ],
)
def test_what_can_t_be_attached_is_told(
    cli: Cli,
    built: Path,
    key: Path,
    options: tuple[str, ...],
    message: str,
) -> None:
    refused = cli("sign", built, "--key", key, "--json", *options)
    assert refused.exit_code == 2
    assert message in error_of(refused)["message"]
    assert attached(built) == {}
