"""What programs that a real compiler made, and scripts, can't start without."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nixgen.closure.needs import Need, find_needs, is_there

_STORE = "/nix/store/" + "a" * 32 + "-app"


def _compile(folder: Path, *flags: str) -> Path:
    (folder / "a.c").write_text("int main(void) { return 0; }")
    subprocess.run(["gcc", *flags, "-o", folder / "a", folder / "a.c"], check=True)
    return folder / "a"


def test_a_program_needs_its_loader_and_its_libraries_where_it_looks(tmp_path: Path) -> None:
    program = _compile(
        tmp_path, "-Wl,-rpath,/opt/lib:$ORIGIN/../lib", "-Wl,--dynamic-linker,/opt/ld.so"
    )
    needs = list(find_needs(f"{_STORE}/bin/a", program))
    assert needs[0] == Need(file=f"{_STORE}/bin/a", what="loader", places=("/opt/ld.so",))
    (libc,) = [need for need in needs if "libc.so" in need.places[0]]
    assert libc.what == "library"
    name = libc.places[0].rpartition("/")[2]
    assert libc.places == (f"/opt/lib/{name}", f"{_STORE}/lib/{name}")


def test_a_static_program_needs_nothing(tmp_path: Path) -> None:
    assert list(find_needs("/bin/a", _compile(tmp_path, "-static"))) == []


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("#!/opt/bin/sh -e\n", [("/opt/bin/sh",)]),
        ("#! /opt/bin/python3\n", [("/opt/bin/python3",)]),
        ("#!relative\n", []),
        ("#!\n", []),
        ("echo\n", []),
        ("", []),
    ],
)
def test_a_script_needs_its_interpreter(
    tmp_path: Path, text: str, places: list[tuple[str, ...]]
) -> None:
    (tmp_path / "a").write_text(text)
    assert [need.places for need in find_needs("/bin/a", tmp_path / "a")] == places


def test_links_and_folders_need_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("a")
    assert list(find_needs("/bin/link", tmp_path / "link")) == []
    assert list(find_needs("/bin", tmp_path)) == []


def test_a_path_is_followed_by_the_links_of_the_image(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/libz.so.1.3").touch()
    (tmp_path / "lib/libz.so.1").symlink_to("libz.so.1.3")
    (tmp_path / "lib/far").symlink_to("/elsewhere/file")
    (tmp_path / "lib/loop").symlink_to("loop")

    def find(path: str) -> Path | None:
        return tmp_path / path.lstrip("/") if path.startswith("/lib/") else None

    assert is_there("/lib/libz.so.1", find)
    assert not is_there("/lib/libz.so.2", find)
    assert not is_there("/lib/far", find)
    assert not is_there("/lib/loop", find)
    hidden = {"/lib/libz.so.1.3"}
    assert not is_there("/lib/libz.so.1", lambda path: None if path in hidden else find(path))


def test_a_library_named_by_a_path_is_not_looked_for(tmp_path: Path) -> None:
    library = tmp_path / "libz.so"
    subprocess.run(["gcc", "-shared", "-o", library, "-x", "c", "/dev/null"], check=True)
    program = _compile(tmp_path, "-Wl,--no-as-needed", str(library), "-Wl,-rpath,/opt/lib")
    places = [need.places for need in find_needs("/bin/a", program)]
    assert (str(library),) in places
