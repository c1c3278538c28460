from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.spec import AppSpec, CBuild, FilesBuild, NixBuild, parse_description
from nixgen.spec.starting import starting_description


def start(folder: Path) -> tuple[str, AppSpec]:
    text = starting_description(folder)
    description = parse_description(text, path=folder / "app.toml")
    return text, description.resolve(platform=description.platforms()[0])


def folder_with(tmp_path: Path, files: dict[str, str], name: str = "My App_1") -> Path:
    folder = tmp_path / name
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    folder.mkdir(exist_ok=True)
    return folder


def started(tmp_path: Path, files: dict[str, str], name: str = "My App_1") -> AppSpec:
    return start(folder_with(tmp_path, files, name))[1]


def test_an_empty_folder_gives_its_name(tmp_path: Path) -> None:
    spec = started(tmp_path, {})
    assert (spec.app.name, spec.app.version, spec.build) == ("my-app-1", "0.1.0", None)


@pytest.mark.parametrize("name", ["ÄÖÜ", "...", "-"])
def test_a_folder_without_a_usable_name_is_called_app(tmp_path: Path, name: str) -> None:
    assert started(tmp_path, {}, name).app.name == "app"


def test_the_folder_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_with(tmp_path, {"main.c": ""}, "here")
    monkeypatch.chdir(folder)
    assert 'name = "here"' in starting_description(Path())


def test_c_files_are_compiled(tmp_path: Path) -> None:
    assert started(tmp_path, {"main.c": ""}).build == CBuild(system="direct", program="my-app-1")


def test_c_files_in_src_are_named(tmp_path: Path) -> None:
    build = started(tmp_path, {"src/main.c": ""}).build
    assert build == CBuild(system="direct", program="my-app-1", sources=("src/*.c",))


def test_a_makefile_is_taken(tmp_path: Path) -> None:
    build = started(tmp_path, {"src/main.c": "", "Makefile": ""}).build
    assert isinstance(build, CBuild)
    assert build.system == "make"


@pytest.mark.parametrize("site", [".", "public", "dist"])
def test_a_site_is_served(tmp_path: Path, site: str) -> None:
    spec = started(tmp_path, {f"{site}/index.html": "", "package.json": "{}"})
    assert isinstance(spec.build, FilesBuild)
    assert spec.build.src == site
    assert spec.image.contents == ("busybox",)
    assert spec.image.entrypoint[:2] == ("busybox", "httpd")
    assert [str(port) for port in spec.image.ports] == ["8080/tcp"]


def test_a_nix_file_is_called(tmp_path: Path) -> None:
    assert started(tmp_path, {"default.nix": ""}).build == NixBuild()


@pytest.mark.parametrize(
    ("file", "content", "kind", "version"),
    [
        ("pyproject.toml", '[project]\nversion = "1.2"\n', "python", "1.2"),
        ("Cargo.toml", '[package]\nversion = "0.3.1"\n', "rust", "0.3.1"),
        ("package.json", '{"version": "2.0.0-rc.1"}', "node", "2.0.0-rc.1"),
        ("go.mod", "module x\n", "go", "0.1.0"),
        ("pyproject.toml", "[project\n", "python", "0.1.0"),
        ("pyproject.toml", "project = 1\n", "python", "0.1.0"),
        ("Cargo.toml", "[package]\nversion.workspace = true\n", "rust", "0.1.0"),
        ("package.json", "[1]", "node", "0.1.0"),
        ("package.json", '{"version": "a b ${x}"}', "node", "0.1.0"),
    ],
)
def test_a_language_not_served_yet_is_said_and_left_out(
    tmp_path: Path, file: str, content: str, kind: str, version: str
) -> None:
    text, spec = start(folder_with(tmp_path, {file: content}))
    assert f'{file} is here, but kind = "{kind}" is not served yet' in text
    assert (spec.build, spec.app.version) == (None, version)


def test_a_site_that_leaves_the_folder_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "index.html").write_text("")
    folder = folder_with(tmp_path, {})
    (folder / "public").symlink_to(tmp_path / "outside")
    assert start(folder)[1].build is None


def test_every_line_that_is_commented_out_is_valid_too(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, {"main.c": "", "app.conf": ""})
    text = starting_description(folder)
    lines = [
        line.removeprefix("# ") if " = " in line or "# [" in line else line
        for line in text.splitlines()
    ]
    lines = [line for line in lines if not line.startswith("#")]
    description = parse_description("\n".join(lines), path=folder / "app.toml")
    assert description.profiles == ("debug",)
