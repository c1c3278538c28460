"""The kinds of builds and the image's entries, built on the bundled set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nixgen.closure.sections import read_sections
from tests.nix.projects import build_image, read_layers, write_project

_HEAD = '[app]\nname = "kinds"\nversion = "1.0"\n'
_IMAGE = '[image]\nca-certificates = false\ncompression = "none"\n'


def _files(project: Path, *options: str) -> set[str]:
    """The files of the one store path that the app's own build made."""
    members = read_layers(project, build_image(project, *options))
    marker = "-kinds-1.0/"
    return {
        path.split(marker, 1)[1]
        for path, member in members.items()
        if marker in path and member.content is not None
    }


def test_files_takes_what_its_patterns_choose(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        _HEAD
        + '[build]\nkind = "files"\nsrc = "public"\ndest = "/srv/www"\n'
        + 'include = ["**/*.html", "css"]\nexclude = ["**/draft*"]\n'
        + _IMAGE,
        public___index__html="index",
        public___draft__html="draft",
        public___notes__txt="notes",
        public___css___a__css="a",
        public___deep___er___page__html="page",
        outside__html="outside",
    )
    # A file whose name has all that shells and stores mind.
    (project / "public" / 'it\'s $x "q" ü.html').write_text("odd")
    assert _files(project) == {
        "srv/www/index.html",
        "srv/www/css/a.css",
        "srv/www/deep/er/page.html",
        'srv/www/it\'s $x "q" ü.html',
    }


def test_files_takes_everything_and_may_lie_at_an_odd_place(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        _HEAD + '[build]\nkind = "files"\nsrc = "root"\ndest = "/srv/it\'s $x"\n' + _IMAGE,
        root___etc___a__conf="a",
        root___top="top",
    )
    assert _files(project) == {"srv/it's $x/etc/a.conf", "srv/it's $x/top"}


def test_a_pattern_that_matches_nothing_is_named_by_its_key(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        _HEAD + '[build]\nkind = "files"\ninclude = ["*.html", "*.css"]\n' + _IMAGE,
        a__css="a",
        index__html="",
        __gitignore="*.css\n",
    )
    (project / ".git").mkdir()
    (project / ".git/HEAD").write_text("ref: refs/heads/main\n")
    for folder in ("objects", "refs"):
        (project / ".git" / folder).mkdir()
    outcome = build_image(project)
    assert outcome.exit_code == 2
    (problem,) = outcome.document["error"]["problems"]
    assert problem["key"] == "build.include[1]"


def test_c_compiles_files_with_odd_names_and_arguments(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        _HEAD
        + '[build]\nkind = "c"\nsources = ["**/*.c"]\nprogram = "it\'s"\n'.replace("it's", "kinds")
        + 'cflags = ["-DTEXT=\\"it\'s $HOME\\""]\n'
        + _IMAGE,
        main__c="const char *text(void); int main(void) { return text()[0] != 'i'; }",
    )
    (project / "a b").mkdir()
    (project / "a b" / "it's $x.c").write_text("const char *text(void) { return TEXT; }")
    members = read_layers(project, build_image(project))
    (program,) = [m.content for path, m in members.items() if path.endswith("-1.0/bin/kinds")]
    assert program is not None
    assert b"it's $HOME\0" in program


_MAKEFILE = """
all: kinds
kinds: main.c
\t$(CC) $(CFLAGS) -o $@ main.c
install:
\tmkdir -p $(PREFIX)/bin
\tcp kinds $(PREFIX)/bin/
alone: kinds install
nothing: kinds
"""


def test_c_by_make_installs_and_takes_flags(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        _HEAD + '[build]\nkind = "c"\ncflags = ["-DTEXT=\\"a $b\\""]\n' + _IMAGE,
        Makefile=_MAKEFILE,
        main__c="#include <stdio.h>\nint main(void) { return puts(TEXT) < 0; }",
    )
    members = read_layers(project, build_image(project))
    (program,) = [m.content for path, m in members.items() if path.endswith("-1.0/bin/kinds")]
    assert program is not None
    assert b"a $b\0" in program


@pytest.mark.parametrize("system", ["direct", "make"])
def test_c_programs_are_stripped_whatever_flags_ask_for(system: str, tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        f'{_HEAD}[build]\nkind = "c"\nsystem = "{system}"\nprogram = "kinds"\n'
        f'cflags = ["-g3"]\n{_IMAGE}',
        Makefile=_MAKEFILE,
        main__c="int told(void) { return 0; } int main(void) { return told(); }",
    )
    members = read_layers(project, build_image(project))
    (program,) = [m.content for path, m in members.items() if path.endswith("-1.0/bin/kinds")]
    assert program is not None
    (tmp_path / "program").write_bytes(program)
    with (tmp_path / "program").open("rb") as file:
        sections = {section.name for section in read_sections(file)}
    assert ".text" in sections
    assert not [name for name in sections if name.startswith((".symtab", ".debug"))]


def test_c_by_make_says_when_the_targets_install_nothing(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        _HEAD + '[build]\nkind = "c"\nmake-targets = ["nothing"]\n' + _IMAGE,
        Makefile=_MAKEFILE,
        main__c="int main(void) { return 0; }",
    )
    outcome = build_image(project)
    assert outcome.exit_code == 4
    assert "make-targets installed nothing" in outcome.stderr + outcome.stdout


def test_nix_gives_what_a_function_makes_of_source_and_arguments(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        _HEAD
        + '[build]\nkind = "nix"\nsrc = "src"\nargs = { greeting = "it\'s $x", times = [1, 2] }\n'
        + _IMAGE,
        src___default__nix=(
            "{ runCommand, source, name, version, greeting, times }:\n"
            'runCommand "${name}-${version}" { inherit greeting; times = toString times; }\n'
            "  ''mkdir -p $out; printf '%s|%s|' \"$greeting\" \"$times\" > $out/said; "
            "cat ${source}/data >> $out/said''\n"
        ),
        src___data="data",
    )
    members = read_layers(project, build_image(project))
    (said,) = [m.content for path, m in members.items() if path.endswith("-kinds-1.0/said")]
    assert said == b"it's $x|1 2|data"


def test_nix_takes_a_derivation_and_a_function_of_everything(tmp_path: Path) -> None:
    for name, text in {
        "derivation": 'builtins.derivation { name = "x"; system = "x86_64-linux"; builder = "y"; }',
        "everything": 'args: args.pkgs.runCommand "x" { inherit (args) name; } "mkdir $out"',
    }.items():
        project = write_project(
            tmp_path / name, _HEAD + '[build]\nkind = "nix"\n' + _IMAGE, default__nix=text
        )
        outcome = build_image(project, "--dry-run")
        assert outcome.exit_code == 0, outcome.stderr + outcome.stdout


def test_hostile_names_and_texts_reach_the_image_as_given(tmp_path: Path) -> None:
    odd = 'it\'s $HOME `id` "q" \\ ü'
    text = "a\n$b\t''${c}'' \\ \"\n\n"
    written = json.dumps(text.replace("${", "$${"))
    project = write_project(
        tmp_path,
        _HEAD
        + _IMAGE
        + f"entrypoint = [{json.dumps('/etc/' + odd)}, {json.dumps(odd)}]\n"
        + f"env = {{ ODD = {json.dumps(odd)}, LINES = {written} }}\n"
        + f"labels = {{ odd = {json.dumps(odd)} }}\n"
        + f"files = [{{ path = {json.dumps('/etc/' + odd)}, text = {written}, "
        + 'mode = "0755", uid = 3, gid = 4 },\n'
        + f"  {{ path = '/etc/copy', source = {json.dumps(odd)} }}]\n"
        + f"symlinks = [{{ path = '/etc/.link', target = {json.dumps(odd)} }}]\n",
    )
    (project / odd).write_text(text)
    outcome = build_image(project)
    members = read_layers(project, outcome)
    made = members[f"/etc/{odd}"]
    assert (made.content, made.mode, made.uid, made.gid) == (text.encode(), 0o755, 3, 4)
    assert members["/etc/copy"].content == text.encode()
    assert members["/etc/.link"].link == odd
    digest = outcome.document["platforms"][0]["config_digest"].removeprefix("sha256:")
    config = json.loads((project / "image.oci/blobs/sha256" / digest).read_bytes())["config"]
    assert config["Entrypoint"] == [f"/etc/{odd}", odd]
    assert {f"ODD={odd}", f"LINES={text}"} <= set(config["Env"])
    assert config["Labels"]["odd"] == odd


def test_two_contents_that_provide_a_path_are_both_named(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        _HEAD
        + '[build]\nkind = "files"\nsrc = "root"\ndest = "/bin"\n'
        + _IMAGE
        + 'contents = ["busybox"]\n',
        root___busybox="mine",
    )
    outcome = build_image(project)
    assert outcome.exit_code == 4
    message = outcome.document["error"]["message"]
    assert outcome.document["error"]["kind"] == "build"
    assert "/bin/busybox is provided by both" in message
    assert "-busybox-1" in message
    assert "-kinds-1.0" in message


def test_an_entry_over_a_package_is_refused_naming_it(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        _HEAD
        + _IMAGE
        + 'contents = ["busybox"]\nfiles = [{ path = "/bin/busybox", text = "mine" }]\n',
    )
    outcome = build_image(project)
    assert outcome.exit_code == 4
    message = outcome.document["error"]["message"]
    assert "/bin/busybox is provided by both" in message
    assert "the description" in message
