"""`nixgen sbom`: what is in an image, by its description and by the image alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import EXAMPLES, ROOT, BuildExample, Cli, Outcome, error_of
from tests.unit.attest.boms import check_cyclonedx, check_spdx


def document(outcome: Outcome) -> Any:
    assert outcome.exit_code == 0, outcome.stderr
    return outcome.document


def by_name(bill: Any) -> dict[str, Any]:
    return {each["name"]: each for each in bill["packages"]}


def test_programs_tell_what_is_linked_into_them(cli: Cli, build_example: BuildExample) -> None:
    built = build_example("sqlite-lua")
    bill = document(cli("sbom", built.project, "-q"))
    check_spdx(bill)
    found = by_name(bill)
    assert {"notes", "sqlite", "lua"} <= set(found)
    assert found["notes"]["checksums"][0]["algorithm"] == "SHA256"
    assert found["sqlite"]["licenseDeclared"] == "blessing"
    assert found["sqlite"]["externalRefs"][0]["referenceLocator"].startswith("cpe:2.3:a:sqlite:")
    linked = {
        each["relatedSpdxElement"]
        for each in bill["relationships"]
        if each["relationshipType"] == "STATIC_LINK"
    }
    assert {found["sqlite"]["SPDXID"], found["lua"]["SPDXID"]} <= linked
    image = next(each for each in bill["packages"] if each["SPDXID"] == "SPDXRef-Image")
    assert f"sha256:{image['checksums'][0]['checksumValue']}" == built.image["digest"]


def test_both_ways_to_an_image_list_the_same_packages_and_files(
    cli: Cli, build_example: BuildExample
) -> None:
    built = build_example("http-c")
    by_description = document(cli("sbom", built.project, "--files", "-q"))
    by_image = document(cli("sbom", built.layout, "--files", "-q"))
    check_spdx(by_image)
    assert [each["fileName"] for each in by_description["files"]]
    for key in ("files", "relationships"):
        assert by_description[key] == by_image[key]
    checksums = [
        {each["name"]: each["checksums"] for each in bill["packages"]}
        for bill in (by_description, by_image)
    ]
    assert checksums[0] == checksums[1]


def test_bytes_are_the_same_each_time_and_on_each_seed(cli: Cli, tmp_path: Path) -> None:
    told = []
    for seed in ("1", "2"):
        project = tmp_path / seed / "project"
        shutil.copytree(EXAMPLES / "http-c", project)
        environment = {"XDG_STATE_HOME": str(tmp_path / seed), "PYTHONHASHSEED": seed}
        for form in ("spdx-json", "cyclonedx-json"):
            told.append(cli("sbom", project, "-f", form, "-q", **environment))
            assert told[-1].exit_code == 0, told[-1].stderr
    assert told[0].stdout == told[2].stdout
    assert told[1].stdout == told[3].stdout
    assert str(tmp_path) not in told[0].stdout + told[1].stdout


def test_cyclonedx_as_a_statement_about_the_manifest(
    cli: Cli, build_example: BuildExample, tmp_path: Path
) -> None:
    built = build_example("http-c")
    place = tmp_path / "bill.json"
    outcome = cli("sbom", built.project, "-f", "cyclonedx-json", "--statement", "-o", place, "-q")
    assert outcome.stdout == f"{place}\n"
    statement = json.loads(place.read_text())
    assert statement["predicateType"] == "https://cyclonedx.org/bom"
    (subject,) = statement["subject"]
    assert f"sha256:{subject['digest']['sha256']}" == built.image["digest"]
    check_cyclonedx(statement["predicate"])


def test_what_each_rule_left_out_and_what_was_cut_is_told_in_both_formats(
    cli: Cli, tmp_path: Path
) -> None:
    project = Path(shutil.copytree(ROOT / "tests/data/planted", tmp_path / "planted"))
    place = project / "app.toml"
    rules = 'minimise = "tight"\ncut = [{ from = "planted", to = "gcc" }]'
    place.write_text(place.read_text().replace('minimise = "none"', rules))
    spdx = document(cli("sbom", project, "-q"))
    check_spdx(spdx)
    image = next(each for each in spdx["packages"] if each["SPDXID"] == "SPDXRef-Image")
    notes = [each["comment"] for each in image["annotations"]]
    cyclonedx = document(cli("sbom", project, "-q", "-f", "cyclonedx-json"))
    check_cyclonedx(cyclonedx)
    properties = cyclonedx["metadata"]["component"]["properties"]
    assert [one["value"] for one in properties if one["name"] == "nixgen:note"] == notes
    told = "\n".join(notes)
    for rule in ("build-files", "docs", "headers", "man"):
        assert f"Left out by {rule}: " in told
    assert "Left out, for nothing refers to it: /nix/store/" in told
    assert "-gcc-13.2.0, in lib/python3.13/_sysconfigdata__linux_.py." in told


def test_what_a_pattern_left_out_is_in_no_list_of_files_and_links_to_it_are_told(
    cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "doc/share/man").mkdir(parents=True)
    (tmp_path / "doc/share/man/page.1").write_text("text")
    (tmp_path / "doc/kept").write_text("text")
    (tmp_path / "doc/page").symlink_to("share/man/page.1")
    (tmp_path / "app.toml").write_text(
        '[app]\nname = "docs"\nlicenses = "Apache-2.0"\n[build]\nkind = "files"\nsrc = "doc"\n'
        '[image]\nca-certificates = false\n[closure]\ndrop = ["srv/docs/share/man/**"]\n'
    )
    bill = document(cli("sbom", tmp_path, "-q", "--files"))
    check_spdx(bill)
    image = next(each for each in bill["packages"] if each["SPDXID"] == "SPDXRef-Image")
    notes = [each["comment"] for each in image["annotations"]]
    assert "Left out by srv/docs/share/man/**: 1 file of 4 bytes." in notes
    (told,) = (note for note in notes if note.startswith("Leads to what was left out: the link "))
    assert told.endswith("-docs-0/srv/docs/page.")
    assert not any("man" in each["fileName"] for each in bill["files"])
    (app,) = (each for each in bill["packages"] if each is not image)
    assert app["licenseDeclared"] == "Apache-2.0"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--platform", "linux/arm64", "-f", "cyclonedx-json"), None),
        ((), "--platform linux/amd64"),
    ],
)
def test_each_platform_has_a_bill_of_its_own(
    cli: Cli, tmp_path: Path, options: tuple[str, ...], named: str | None
) -> None:
    (tmp_path / "app.toml").write_text(
        '[app]\nname = "two"\n[image]\nplatforms = ["linux/amd64", "linux/arm64"]\n'
    )
    outcome = cli("sbom", tmp_path, "--json", "-q", *options)
    if named is not None:
        assert outcome.exit_code == 2
        assert error_of(outcome)["hint"] == named
        return
    check_cyclonedx(outcome.document)
    properties = outcome.document["metadata"]["component"]["properties"]
    assert {"name": "nixgen:platform", "value": "linux/arm64"} in properties


def test_options_of_descriptions_are_refused_for_images(cli: Cli, built: Path) -> None:
    outcome = cli("sbom", built, "--locked", "--json")
    assert outcome.exit_code == 2
    assert "--locked" in error_of(outcome)["message"]
