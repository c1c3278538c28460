"""The likely cause of a reference, in files that a real compiler made and in planted ones."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixgen.closure.causes import FIXES, Cause, explain
from nixgen.closure.references import find_occurrences
from nixgen.closure.sections import read_sections

_TARGET = "/nix/store/" + "a" * 32 + "-target"
_LINKED = "/nix/store/" + "b" * 32 + "-library"


def _causes(place: Path, target: str = _TARGET) -> list[tuple[str, tuple[Cause, ...]]]:
    return [
        (found.file, explain(place, found).causes) for found in find_occurrences(place, [target])
    ]


@pytest.mark.parametrize(
    ("file", "text", "causes"),
    [
        ("bin/a", f"#!{_TARGET}/bin/sh\necho", (Cause.SHEBANG,)),
        ("bin/a", f"#!/bin/sh\nexec {_TARGET}/bin/x", (Cause.SCRIPT,)),
        ("bin/a", f"#!{_TARGET}/bin/sh\nexec {_TARGET}/x", (Cause.SHEBANG, Cause.SCRIPT)),
        ("lib/pkgconfig/a.pc", f"prefix={_TARGET}", (Cause.PKG_CONFIG,)),
        ("lib/liba.la", f"libdir={_TARGET}", (Cause.LIBTOOL,)),
        ("lib/cmake/a/a.cmake", f"set(X {_TARGET})", (Cause.CMAKE,)),
        ("nix-support/propagated-build-inputs", _TARGET, (Cause.PROPAGATED,)),
        ("lib/python3.13/_sysconfigdata__linux_.py", f"'{_TARGET}'", (Cause.PYTHON_BUILD,)),
        ("lib/python3.13/config-3.13/Makefile", f"CC={_TARGET}", (Cause.PYTHON_BUILD,)),
        ("lib/python3.13/__pycache__/a.pyc", _TARGET, (Cause.BYTE_CODE,)),
        ("share/man/man1/a.1", _TARGET, (Cause.DOCS,)),
        ("include/a.h", f"// {_TARGET}", (Cause.HEADER,)),
        ("lib/liba.a", _TARGET, (Cause.STATIC_LIBRARY,)),
        ("etc/a.conf", f"path = {_TARGET}", (Cause.TEXT,)),
        ("share/a.db", f"\0{_TARGET}", (Cause.DATA,)),
    ],
)
def test_cause_of_a_planted_reference(
    tmp_path: Path, file: str, text: str, causes: tuple[Cause, ...]
) -> None:
    place = tmp_path / "out"
    (place / file).parent.mkdir(parents=True)
    (place / file).write_text(text)
    assert _causes(place) == [(file, causes)]


def test_a_link_and_a_name_are_causes_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/link").symlink_to(_TARGET)
    (tmp_path / "out" / f"{'a' * 32}.lock").touch()
    assert _causes(tmp_path / "out") == [
        (f"{'a' * 32}.lock", (Cause.NAME,)),
        ("link", (Cause.LINK,)),
    ]


def test_the_parts_of_a_real_program_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text(
        f'const char *volatile where = "{_TARGET}/share"; int main(void) {{ return *where; }}'
    )
    flags = ["-g", f"-fdebug-prefix-map={tmp_path}=/src", f"-DLIB={_LINKED}"]
    link = [f"-Wl,-rpath,{_LINKED}/lib", f"-Wl,--dynamic-linker,{_TARGET}/lib/ld.so"]
    out = tmp_path / "out/bin/a"
    out.parent.mkdir(parents=True)
    subprocess.run(["gcc", *flags, *link, "-o", out, tmp_path / "a.c"], check=True)
    ((_, causes),) = _causes(tmp_path / "out")
    assert causes == (Cause.INTERPRETER, Cause.PROGRAM)
    ((_, causes),) = _causes(tmp_path / "out", _LINKED)
    assert causes[0] == Cause.RPATH
    subprocess.run(["strip", "--strip-all", out], check=True)
    assert _causes(tmp_path / "out", _LINKED) == [("bin/a", (Cause.RPATH,))]


def test_every_cause_says_what_mends_it() -> None:
    assert FIXES.keys() == set(Cause)


@given(st.binary(max_size=200), st.sampled_from([b"\x01\x01", b"\x02\x01", b"\x02\x02"]))
def test_a_damaged_program_has_no_sections_or_some_but_raises_nothing(
    tmp_path_factory: pytest.TempPathFactory, rest: bytes, ident: bytes
) -> None:
    place = tmp_path_factory.getbasetemp() / "damaged"
    place.write_bytes(b"\x7fELF" + ident + rest)
    with place.open("rb") as file:
        read_sections(file)


def test_a_program_cut_anywhere_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int main(void) { return 0; }")
    subprocess.run(["gcc", "-o", tmp_path / "a", tmp_path / "a.c"], check=True)
    whole = (tmp_path / "a").read_bytes()
    for length in range(0, len(whole), 97):
        (tmp_path / "cut").write_bytes(whole[:length])
        with (tmp_path / "cut").open("rb") as file:
            read_sections(file)
