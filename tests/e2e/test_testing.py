"""`nixgen test` and `nixgen image --test`: verdicts, exit codes, and what is written."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli, change, content, error_of

RUNNERS = ("podman", "bwrap", "unshare")
_FAILING = '\n[[test]]\nname = "fails"\nrun = ["busybox", "false"]\n'


def add(project: Path, text: str) -> None:
    place = project / "app.toml"
    place.write_text(place.read_text() + text)


@pytest.fixture
def path_without_runners(tmp_path: Path) -> str:
    """A PATH with all the programs of this machine but those that run images."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for place in os.environ["PATH"].split(":"):
        for program in Path(place).glob("*"):
            link = folder / program.name
            if program.name not in RUNNERS and not link.is_symlink():
                link.symlink_to(program)
    return str(folder)


def test_a_failure_is_the_answer_no_and_told_with_its_reason(cli: Cli, project: Path) -> None:
    add(project, _FAILING)
    done = cli("test", project, "-q", "--engine", "bwrap", "--name", "fails", "--name", "serves *")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert [line.split("  ")[0].strip() for line in lines[:2]] == ["passed", "FAILED"]
    assert lines[2].strip() == "exit code 1, not 0"
    assert lines[-1] == "1 passed, 1 failed"


def test_what_no_runner_of_the_machine_can_run_is_not_run(
    cli: Cli, project: Path, path_without_runners: str
) -> None:
    add(project, '\n[[test]]\nname = "files"\nfiles = ["/etc/passwd"]\n')
    done = cli("test", project, "-q", "--json", PATH=path_without_runners)
    assert done.exit_code == 3, done.stderr
    verdicts = {one["name"]: one["verdict"] for one in done.document["tests"]}
    assert verdicts.pop("files") == "passed"
    assert set(verdicts.values()) == {"not-run"}
    assert "bubblewrap" in done.document["tests"][0]["hint"]
    assert done.document["verdict"] == "not-run"
    refused = cli("image", project, "-q", "--json", "--test", PATH=path_without_runners)
    assert refused.exit_code == 3
    assert not list(project.parent.glob("*.oci"))
    assert error_of(refused)["problems"][0]["hint"]


def test_an_image_that_fails_is_not_written_and_the_old_one_stays(
    cli: Cli, project: Path, built: Path
) -> None:
    before = content(built)
    change(project)
    done = cli("image", project, "-o", built, "-q", "--json", "--test")
    assert done.exit_code == 1
    (problem,) = error_of(done)["problems"]
    assert problem["key"].endswith("serves its files and no others")
    assert "It works" in problem["message"]
    assert content(built) == before
    assert cli("image", project, "-o", built, "-q").exit_code == 0
    assert content(built) != before


def test_a_tested_image_is_the_same_image_and_its_record_holds_the_verdicts(
    cli: Cli, project: Path, built: Path, tmp_path: Path
) -> None:
    digest = json.loads((built / "index.json").read_text())["manifests"][0]["digest"]
    records = []
    for name in ("a", "b"):
        done = cli("image", project, "-o", tmp_path / name, "-q", "--json", "--test", "--record")
        assert done.exit_code == 0, done.stderr
        assert done.document["digest"] == digest
        assert {one["verdict"] for one in done.document["tests"]} == {"passed"}
        records.append(json.loads(Path(done.document["record"]).read_text()))
    assert records[0] == records[1]
    tests = records[0]["predicate"]["tests"]
    assert [one["name"] for one in tests] == [
        "serves its files and no others",
        "can't write to what it serves",
    ]
    assert tests[0]["verdict"] == "passed"


def test_a_name_that_no_test_has_and_no_test_at_all_are_mistakes(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    done = cli("test", project, "-q", "--json", "--name", "servs")
    assert (done.exit_code, error_of(done)["kind"]) == (2, "usage")
    assert "serves its files" in error_of(done)["hint"]
    none = tmp_path / "none"
    none.mkdir()
    (none / "app.toml").write_text('[app]\nname = "none"\n')
    for command in (("test",), ("image", "--test")):
        done = cli(*command, none, "-q", "--json")
        assert done.exit_code == 2
        assert "no test" in error_of(done)["message"]
    shutil.rmtree(none)


def test_what_a_base_image_brings_is_tested_too(
    cli: Cli, project: Path, built: Path, tmp_path: Path
) -> None:
    (tmp_path / "app.toml").write_text(
        f'[app]\nname = "based"\n[image]\nfrom = "./{built.name}"\n'
        'files = [{ path = "/etc/motd", text = "hello" }]\n'
        '[[test]]\nrun = ["busybox", "cat", "/etc/motd"]\nstdout = "hello"\n'
        'files = ["/srv/site/index.html", { path = "/bin/busybox", type = "file" }]\n'
    )
    done = cli("test", tmp_path, "-q", "--engine", "bwrap")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "1 passed, 0 failed"), done
