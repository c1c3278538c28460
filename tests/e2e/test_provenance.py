"""`nixgen provenance`: the same for each build, and tied to the image by its digest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2

from tests.e2e.conftest import EXAMPLES, Cli


def test_two_builds_give_the_same_predicate_about_the_same_image(cli: Cli, tmp_path: Path) -> None:
    told = []
    for name, seed in (("one", "1"), ("other", "2")):
        project = tmp_path / name / "project"
        shutil.copytree(EXAMPLES / "http-c", project)
        state = {"XDG_STATE_HOME": str(tmp_path / name), "PYTHONHASHSEED": seed}
        outcome = cli("provenance", project, "--json", "-q", **state)
        assert outcome.exit_code == 0, outcome.stderr
        told.append(outcome.document)
    assert told[0]["predicate"]["buildDefinition"] == told[1]["predicate"]["buildDefinition"]
    assert told[0]["subject"] == told[1]["subject"]
    assert str(tmp_path) not in json.dumps(told)
    predicate = told[0]["predicate"]
    json_format.ParseDict(predicate, provenance_pb2.Provenance())
    names = [each["name"] for each in predicate["buildDefinition"]["resolvedDependencies"]]
    assert names == sorted(names)
    assert {"nixgen library", "project source"} < set(names)
    assert any(name.startswith("zig-") for name in names)
    assert all(each["digest"] for each in predicate["buildDefinition"]["resolvedDependencies"])


def test_it_is_about_the_image_that_was_built_under_the_conditions_of_that_build(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    image = cli("image", project, "-o", tmp_path / "image.oci", "-q", "--json", **state)
    assert image.exit_code == 0, image.stderr
    (record,) = (tmp_path / "state/nixgen/builds").iterdir()
    record.write_text(record.read_text().replace('"sandbox": "on"', '"sandbox": "off"'))
    outcome = cli("provenance", project, "-q", "--builder-id", "https://ci.example.org", **state)
    assert outcome.exit_code == 0, outcome.stderr
    digests = [f"sha256:{each['digest']['sha256']}" for each in outcome.document["subject"]]
    assert digests == [image.document["digest"]]
    details = outcome.document["predicate"]["runDetails"]
    assert details["builder"]["id"] == "https://ci.example.org"
    assert details["byproducts"][0]["annotations"]["sandbox"] == "off"


def test_a_builder_that_is_no_uri_is_a_mistake_of_the_call(cli: Cli, project: Path) -> None:
    outcome = cli("provenance", project, "--builder-id", "our ci", "--json")
    assert outcome.exit_code == 2
    assert outcome.document["error"]["kind"] == "usage"
