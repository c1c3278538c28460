"""Mistakes about what is in an image, found where they can be: by evaluation or by the build."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Cli

_HEAD = '[app]\nname = "x"\n[image]\nca-certificates = false\n'


def _project(folder: Path, image: str) -> Path:
    (folder / "app.toml").write_text(_HEAD + image)
    return folder


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (
            'contents = ["lua"]\nentrypoint = ["nope", "-x"]\n',
            "can't run 'nope': it is not in its PATH",
        ),
        ('contents = ["lua"]\nentrypoint = ["/opt/nope"]\n', "'/opt/nope': it is not there"),
        ('entrypoint = ["etc/passwd"]\n', "etc/passwd"),
        ('contents = ["lua"]\ncmd = ["nope"]\n', "'nope'"),
    ],
)
def test_a_program_that_no_content_provides_is_named_and_nothing_is_written(
    cli: Cli, tmp_path: Path, image: str, told: str
) -> None:
    done = cli("image", _project(tmp_path, image), "-o", tmp_path / "x.oci")
    assert done.exit_code == 4
    assert told in done.stderr
    assert not (tmp_path / "x.oci").exists()
    assert (
        not (tmp_path / "nixgen.lock").exists()
        or "manifest" not in (tmp_path / "nixgen.lock").read_text()
    )


def test_every_unknown_package_is_told_at_once_with_line_key_and_guess(
    cli: Cli, tmp_path: Path
) -> None:
    project = _project(tmp_path, 'contents = [\n  "bsh",\n  "lua",\n  "sqlit",\n]\n')
    done = cli("image", project, "--json", "-o", tmp_path / "x.oci")
    assert done.exit_code == 2
    problems = done.document["error"]["problems"]
    assert [(p["line"], p["key"], p["hint"]) for p in problems] == [
        (6, "image.contents[0]", "did you mean 'bash'?"),
        (8, "image.contents[2]", "did you mean 'sqlite'?"),
    ]


def test_two_contents_at_one_path_are_both_named(cli: Cli, tmp_path: Path) -> None:
    project = _project(tmp_path, 'contents = ["bash", "busybox"]\n')
    done = cli("image", project, "-o", tmp_path / "x.oci")
    assert done.exit_code == 4
    (line,) = [text for text in done.stderr.splitlines() if "/bin/sh is provided by both" in text]
    assert "-bash-" in line
    assert "-busybox-" in line
