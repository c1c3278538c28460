"""The pure Nix library: its own tests, and its shell text read by a real shell and a real make."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nixgen import resources
from nixgen.nixexpr import format_value

_HOSTILE = [
    "plain",
    "",
    "two words",
    "it's",
    '"double"',
    "$HOME `id` $(id)",
    "back\\slash\\",
    "line\nbreak",
    "*?[a]~",
    "-n",
    "ünïcode 🐍",
]


def _evaluate(expression: str) -> Any:
    argv = ["nix-instantiate", "--store", "dummy://", "--eval", "--strict", "--json"]
    done = subprocess.run(
        [*argv, "--expr", expression],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _library(call: str) -> Any:
    return _evaluate(f"let lib = import {resources.nix_dir()}/lib; in {call}")


@pytest.fixture(scope="module")
def report() -> Any:
    return _evaluate(f"import {resources.nix_dir()}/tests/lib")


def test_every_test_of_the_library_passes(report: Any) -> None:
    assert report["failures"] == []
    assert report["count"] > 40


def test_every_function_of_the_library_has_a_test(report: Any) -> None:
    assert report["untested"] == []
    assert report["stray"] == []


def test_every_file_of_the_library_is_exported() -> None:
    folder = resources.nix_dir() / "lib"
    files = {path.stem for path in folder.glob("*.nix")} - {"default"}
    assert files == set(_evaluate(f"builtins.attrNames (import {folder})"))


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_reads_the_words_as_given(shell: str) -> None:
    script = "printf '%s\\0' " + _library(f"lib.shell.arguments {format_value(_HOSTILE)}")
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\0")[:-1] == _HOSTILE


def test_a_recipe_of_make_reads_the_words_as_given(tmp_path: Path) -> None:
    words = [word for word in _HOSTILE if "\n" not in word]
    variable = _library(f"lib.shell.makeVariable {format_value('CFLAGS')} {format_value(words)}")
    makefile = tmp_path / "Makefile"
    makefile.write_text("all:\n\t@printf '%s\\0' $(CFLAGS)\n")
    done = subprocess.run(
        ["sh", "-c", f"make -s -f {makefile} {variable}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\0")[:-1] == words


class Root:
    """A folder in which an image's root is made by the script of `lib.entries.toShell`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = folder.parent / "notes"

    def make(self, *entries: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        source = self.folder.parent / "content"
        source.write_text("content\n")
        listed = [{"uid": 1, "gid": 2, "mode": "0640", **entry} for entry in entries]
        script = _library(
            f"lib.entries.toShell (_: {format_value(str(source))}) {format_value(listed)}"
        )
        # why: only root may give files away; what is asked for is noted down instead.
        noted = f'chown() {{ echo "chown $*" >> {self.notes}; }}\n'
        return subprocess.run(
            ["sh", "-e", "-c", noted + script],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def root(tmp_path: Path) -> Root:
    folder = tmp_path / "root"
    folder.mkdir()
    return Root(folder)


def test_entries_are_made_with_their_owners_and_modes(root: Root) -> None:
    done = root.make(
        {"path": "/a b/it's", "type": "file"},
        {"path": "/spool", "type": "directory", "mode": "1777"},
        {"path": "/x/$link", "type": "symlink", "target": "some where"},
    )
    assert done.returncode == 0, done.stderr
    assert (root.folder / "a b/it's").read_text() == "content\n"
    assert (root.folder / "a b/it's").stat().st_mode & 0o7777 == 0o640
    assert (root.folder / "spool").stat().st_mode & 0o7777 == 0o1777
    assert str((root.folder / "x/$link").readlink()) == "some where"
    assert root.notes.read_text().splitlines() == [
        "chown 1:2 ./a b/it's",
        "chown 1:2 ./spool",
        "chown -h 1:2 ./x/$link",
    ]


def test_a_directory_of_a_package_takes_the_owner_and_mode(root: Root) -> None:
    (root.folder / "var").mkdir()
    assert root.make({"path": "/var", "type": "directory", "mode": "0700"}).returncode == 0
    assert (root.folder / "var").stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"path": "/bin/tool", "type": "file"},
            "error: /bin/tool is provided by both /nix/store/abc-tool/bin/tool and the description",
        ),
        (
            {"path": "/bin/tool", "type": "symlink", "target": "x"},
            "error: /bin/tool is provided by both /nix/store/abc-tool/bin/tool and the description",
        ),
        (
            {"path": "/bin/tool", "type": "directory"},
            "error: /bin/tool is provided by both /nix/store/abc-tool/bin/tool and the description",
        ),
        (
            {"path": "/bin/tool/below", "type": "file"},
            "error: /bin/tool is a link to /nix/store/abc-tool/bin/tool, "
            "but an entry lies under it: /bin/tool/below",
        ),
        (
            {"path": "/plain/below", "type": "directory"},
            "error: /plain is no folder, but an entry lies under it: /plain/below",
        ),
        (
            {"path": "/bin", "type": "file"},
            "error: /bin is provided by both a package and the description",
        ),
    ],
)
def test_an_entry_over_what_a_package_provides_is_refused(
    root: Root, entry: dict[str, Any], message: str
) -> None:
    (root.folder / "bin").mkdir()
    (root.folder / "bin/tool").symlink_to("/nix/store/abc-tool/bin/tool")
    (root.folder / "plain").write_text("")
    done = root.make(entry)
    assert (done.returncode, done.stderr.strip()) == (1, message)


_LINKS = """[
  { path = "/bin"; target = "/usr/bin"; }
  { path = "/lib"; target = "/usr/lib"; }
  { path = "/sbin"; target = "/usr/bin"; }
  { path = "/usr/lib/x"; target = "/opt/x"; }
]"""


def _follow(root: Path, shell: str) -> subprocess.CompletedProcess[str]:
    script = _library(f"lib.entries.followLinks {_LINKS}")
    return subprocess.run(
        [shell, "-eu"], input=script, cwd=root, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_what_packages_have_at_links_of_a_base_goes_where_they_lead(
    tmp_path: Path, shell: str
) -> None:
    package = tmp_path / "package"
    root = tmp_path / "root"
    for folder in ("bin", "usr/bin", "lib/x", "share"):
        (root / folder).mkdir(parents=True)
    for file in ("bin/a", "bin/.hidden", "usr/bin/b", "lib/x/y", "share/c"):
        (root / file).touch()
    (package / "sbin").mkdir(parents=True)
    (package / "sbin" / "s").touch()
    (root / "sbin").symlink_to(package / "sbin")
    done = _follow(root, shell)
    assert done.returncode == 0, done.stderr
    found = sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())
    assert found == [
        *("opt/x/y", "share/c", "usr/bin/.hidden", "usr/bin/a", "usr/bin/b", "usr/bin/s"),
    ]
    assert (root / "usr/bin/s").readlink() == package / "sbin" / "s"
    assert not {"bin", "lib", "sbin"} & {path.name for path in root.iterdir()}


def test_two_packages_with_one_path_of_the_base_are_refused(tmp_path: Path) -> None:
    for folder in ("bin", "usr/bin"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a").write_text(folder)
    done = _follow(tmp_path, "bash")
    assert done.returncode == 1
    assert "/bin/a and /usr/bin/a are one path in the base image" in done.stderr
