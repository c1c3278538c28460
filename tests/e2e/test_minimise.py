"""Images of which something is left out: smaller, the same each time, and they still run."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from nixgen.pipeline.memory import Memory
from tests.e2e.conftest import ROOT, Cli, Outcome

_STRAY = {"gcc", "zlib", "ncurses", "docbook", "openssl", "perl"}


def _project(folder: Path, closure: str = "") -> Path:
    project = Path(shutil.copytree(ROOT / "tests/data/planted", folder / "planted"))
    place = project / "app.toml"
    whole = 'minimise = "none"'
    rules = closure if "minimise" in closure else f"{whole}\n{closure}"
    place.write_text(place.read_text().replace(whole, rules))
    return project


def _image(cli: Cli, project: Path, *options: str) -> Outcome:
    layout = project.parent / "image.oci"
    return cli("image", project, "-o", layout, "--json", "-q", *options)


def _platform(outcome: Outcome) -> Any:
    assert outcome.exit_code == 0, outcome.stderr
    (platform,) = outcome.document["platforms"]
    return platform


def _packages(platform: Any) -> set[str]:
    names = {path[44:] for layer in platform["layers"] for path in layer["store_paths"]}
    return {name.rsplit("-", 1)[0] for name in names} - {"planted-1.0.0-customisation"}


def _files(layout: Path) -> set[str]:
    found = set()
    for blob in (layout / "blobs/sha256").iterdir():
        if tarfile.is_tarfile(blob):
            with tarfile.open(blob) as tar:
                found |= {name[44:] for name in tar.getnames()}
    return found


@pytest.mark.parametrize("mode", ["none", "safe", "tight"])
def test_the_image_runs_whatever_is_left_out(tmp_path: Path, cli: Cli, mode: str) -> None:
    project = _project(tmp_path, f'minimise = "{mode}"')
    for runner in ("podman", "bwrap", "unshare"):
        outcome = cli("run", project, "-q", "--runner", runner)
        assert outcome.exit_code == 0, outcome.stderr
        assert outcome.stdout == "planted on library-2.1\n"


def test_tight_leaves_out_every_stray_package(tmp_path: Path, cli: Cli) -> None:
    whole = _platform(_image(cli, _project(tmp_path / "whole")))
    tight = _platform(_image(cli, _project(tmp_path / "tight", 'minimise = "tight"')))
    names = {path[44:].partition("-")[0] for path in _held(whole)}
    assert names >= _STRAY
    assert {path[44:].partition("-")[0] for path in _held(tight)}.isdisjoint(_STRAY - {"gcc"})
    assert tight["unpacked_bytes"] < 0.7 * whole["unpacked_bytes"]
    report = tight["closure"]
    assert report["minimise"] == "tight"
    assert {rule["rule"] for rule in report["rules"]} == {"build-files", "docs", "headers", "man"}
    assert report["size_bytes"] > 1_000_000


def _held(platform: Any) -> list[str]:
    return [path for layer in platform["layers"] for path in layer["store_paths"]]


def test_a_pattern_takes_the_last_stray_reference(tmp_path: Path, cli: Cli) -> None:
    rules = 'minimise = "tight"\ndrop = ["lib/python*/_sysconfigdata*"]'
    tight = _platform(_image(cli, _project(tmp_path, rules)))
    assert {path[44:].partition("-")[0] for path in _held(tight)}.isdisjoint(_STRAY)


def test_safe_leaves_out_files_and_keeps_what_is_asked_for(tmp_path: Path, cli: Cli) -> None:
    project = _project(tmp_path, 'minimise = "safe"\nkeep = ["include"]')
    _platform(_image(cli, project))
    files = _files(tmp_path / "image.oci")
    assert "lib/data" in {name.partition("/")[2] for name in files}
    assert not any("share/man" in name or name.endswith(".la") for name in files)
    assert any(name.endswith("include/library.h") for name in files)


@pytest.mark.parametrize(
    ("whole", "option", "counts"),
    [
        (False, "--record", False),
        (True, "--record", True),
        (True, "--no-cache", False),
        (True, "--verify-cache", False),
    ],
)
def test_what_was_remembered_counts_only_if_it_is_whole_and_wanted(
    tmp_path: Path, cli: Cli, whole: bool, option: str, counts: bool
) -> None:
    project, layout = _project(tmp_path, 'minimise = "tight"'), tmp_path / "image.oci"
    home = {"XDG_STATE_HOME": str(tmp_path / "state")}
    first = cli("image", project, "-o", layout, "--json", "-q", **home)
    (place,) = (tmp_path / "state").glob("nixgen/references/*.json")
    document = json.loads(place.read_bytes())
    wrong: Memory[str] = Memory(known=dict.fromkeys(document["found"], ()))
    found = wrong.as_json(str)
    place.write_text(json.dumps(found if whole else {**document, "found": found["found"]}))
    again = cli("image", project, "-o", layout, "--json", "-q", option, **home)
    if counts:
        assert again.exit_code == 4
    else:
        assert _platform(again)["digest"] == _platform(first)["digest"]


def test_the_same_rules_give_the_same_digest(tmp_path: Path, cli: Cli) -> None:
    digests = {
        _platform(_image(cli, _project(tmp_path / str(turn), 'minimise = "tight"')))["digest"]
        for turn in range(2)
    }
    assert len(digests) == 1


def test_other_rules_are_no_alarm(tmp_path: Path, cli: Cli) -> None:
    project = _project(tmp_path, 'minimise = "none"')
    first = _platform(_image(cli, project))
    text = (project / "app.toml").read_text()
    (project / "app.toml").write_text(text.replace('"none"', '"tight"'))
    assert _platform(_image(cli, project))["digest"] != first["digest"]


@pytest.mark.parametrize(
    ("pattern", "needed"),
    [("bin/busybox", "interpreter"), ("bin/planted", "planted")],
)
def test_what_a_program_needs_to_start_is_not_left_out(
    tmp_path: Path, cli: Cli, pattern: str, needed: str
) -> None:
    outcome = _image(cli, _project(tmp_path, f'drop = ["{pattern}"]'))
    assert outcome.exit_code == 4
    error = outcome.document["error"]
    assert needed in json.dumps(error)
    assert not (tmp_path / "image.oci").exists()


@pytest.mark.parametrize("pattern", ["bin/*", "**"])
def test_an_entry_point_that_is_left_out_is_told_with_what_took_it(
    tmp_path: Path, cli: Cli, pattern: str
) -> None:
    error = _image(cli, _project(tmp_path, f'drop = ["{pattern}"]')).document["error"]
    first, _, rest = error["message"].partition("/nix/store/")
    assert first == "the image can't run 'planted': "
    assert rest.endswith(f"-planted-1.0.0/bin/planted is left out by [closure], by {pattern}")
    assert error["hint"] == '[closure] keep = ["bin/planted"]  keeps it'


def test_an_entry_point_that_lacks_something_else_is_not_told_to_be_left_out(
    tmp_path: Path, cli: Cli
) -> None:
    project = _project(tmp_path, 'minimise = "safe"')
    place = project / "app.toml"
    script = 'files = [{ path = "/bin/tool", text = "#!/bin/none", mode = "0755" }]'
    text = place.read_text().replace('["planted"]', f'["tool"]\n{script}')
    place.write_text(text)
    message = _image(cli, project).document["error"]["message"]
    assert message.endswith("it is a script for '/bin/none', which is not in the image")


def test_a_pattern_that_matches_nothing_is_told(tmp_path: Path, cli: Cli) -> None:
    project = _project(tmp_path, 'drop = ["share/nothing/**"]')
    outcome = cli("image", project, "-o", tmp_path / "image.oci")
    assert outcome.exit_code == 0
    assert "closure: share/nothing/** matches nothing" in outcome.stderr


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ('max-size = "10 kB"', "more than the 10000 allowed"),
        ('max-unpacked-size = "1 MB"', "more than the 1000000 allowed"),
        ("max-layers = 1", "layers, 1 are allowed"),
        ('forbid = ["gcc>=13"]', "gcc-13.2.0 is forbidden: the image → planted-1.0.0 → gcc-13.2.0"),
        ('allow-only = ["planted", "busybox", "cacert"]', "perl-5.38.2 is not allowed"),
        ("no-shell = true", "is a shell"),
    ],
)
def test_an_image_beyond_its_limits_is_not_written(
    tmp_path: Path, cli: Cli, limits: str, message: str
) -> None:
    outcome = _image(cli, _project(tmp_path, limits))
    assert outcome.exit_code == 1
    assert message in json.dumps(outcome.document["error"], ensure_ascii=False)
    assert not (tmp_path / "image.oci").exists()


def test_a_minimised_image_is_held_against_the_same_limits(tmp_path: Path, cli: Cli) -> None:
    limits = """
minimise = "tight"
drop = ["lib/python*/_sysconfigdata*"]
max-unpacked-size = "2 MB"
forbid = ["gcc", "perl", "*-dev", "docbook"]
no-setuid = true
no-world-writable = true
"""
    _platform(_image(cli, _project(tmp_path, limits)))


def test_modes_that_are_not_allowed_are_told(tmp_path: Path, cli: Cli) -> None:
    project = _project(tmp_path, "no-setuid = true\nno-world-writable = true")
    text = (project / "app.toml").read_text()
    files = """
files = [{ path = "/bin/raised", text = "x", mode = "4755" }]
directories = [{ path = "/open", mode = "0777" }]
"""
    entry = 'entrypoint = ["planted"]\n'
    (project / "app.toml").write_text(text.replace(entry, entry + files))
    outcome = _image(cli, project)
    assert outcome.exit_code == 1
    error = json.dumps(outcome.document["error"])
    assert "/bin/raised has mode 4755" in error
    assert "anyone may write to /open" in error


def test_a_cut_reference_brings_nothing_any_more(tmp_path: Path, cli: Cli) -> None:
    rules = 'minimise = "tight"\ncut = [{ from = "planted", to = "gcc" }]'
    project = _project(tmp_path, rules)
    tight = _platform(_image(cli, project))
    assert not any("-gcc-" in path for path in _held(tight))
    (cut,) = tight["closure"]["cut"]
    assert (cut["from"][44:], cut["to"][44:]) == ("planted-1.0.0", "gcc-13.2.0")
    assert cut["files"] == [{"file": "lib/python3.13/_sysconfigdata__linux_.py", "offsets": [17]}]
    text = _content(tmp_path / "image.oci", "lib/python3.13/_sysconfigdata__linux_.py")
    assert text == "CC = '/nix/store/" + "e" * 32 + "-gcc-13.2.0/bin/gcc'\n"
    for runner in ("podman", "bwrap"):
        assert cli("run", project, "-q", "--runner", runner).stdout == "planted on library-2.1\n"
    assert cli("why", project, "gcc", "-q").exit_code == 1


def _content(layout: Path, ending: str) -> str:
    for blob in (layout / "blobs/sha256").iterdir():
        if tarfile.is_tarfile(blob):
            with tarfile.open(blob) as tar:
                for member in tar:
                    if member.name.startswith("/nix/") and member.name.endswith(ending):
                        content = tar.extractfile(member)
                        assert content is not None
                        return content.read().decode()
    raise AssertionError(f"no {ending} in {layout}")


@pytest.mark.parametrize(
    ("cut", "exit_code", "message"),
    [
        ('{ from = "planted", to = "busybox" }', 4, "needs the interpreter"),
        ('{ from = "zlib", to = "gcc" }', 4, "only what stands in a file can be overwritten"),
        ('{ from = "planted" }', 2, "closure.cut[0]"),
        ('"gcc"', 2, "closure.cut[0]"),
    ],
)
def test_a_reference_that_cannot_be_cut_is_a_mistake(
    tmp_path: Path, cli: Cli, cut: str, exit_code: int, message: str
) -> None:
    outcome = _image(cli, _project(tmp_path, f"cut = [{cut}]"))
    assert outcome.exit_code == exit_code
    assert message in json.dumps(outcome.document["error"])
    assert not (tmp_path / "image.oci").exists()


def test_a_cut_that_nothing_matches_is_told(tmp_path: Path, cli: Cli) -> None:
    project = _project(tmp_path, 'cut = [{ from = "planted", to = "emacs" }]')
    outcome = cli("image", project, "-o", tmp_path / "image.oci")
    assert outcome.exit_code == 0
    assert "cut from planted to emacs matches nothing" in outcome.stderr
