from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.errors import DescriptionError, Problem
from nixgen.spec import parse_description, read_description
from nixgen.spec.document import MAX_BYTES


def the_problem(path: Path, content: bytes | None = None) -> Problem:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DescriptionError) as caught:
        read_description(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    return problem


def test_a_missing_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    problem = the_problem(tmp_path / "app.toml")
    assert problem.message == "does not exist"
    assert "nixgen init" in (problem.hint or "")


def test_a_folder_is_not_a_description_but_may_hold_one(tmp_path: Path) -> None:
    assert "is a directory" in the_problem(tmp_path).message
    (tmp_path / "app.toml").write_text("")
    assert str(tmp_path / "app.toml") in (the_problem(tmp_path).hint or "")


def test_a_path_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "can't be read" in the_problem(tmp_path / "file" / "app.toml").message


def test_a_path_that_no_system_takes_is_told(tmp_path: Path) -> None:
    assert "can't be read" in the_problem(tmp_path / "a\0b").message


@pytest.mark.parametrize("content", [b"", b"\n\n", b" \t\r\n"])
def test_an_empty_file_is_told(tmp_path: Path, content: bytes) -> None:
    assert the_problem(tmp_path / "app.toml", content).message == "is empty"


def test_what_is_not_utf8_has_its_line_and_offset(tmp_path: Path) -> None:
    problem = the_problem(tmp_path / "app.toml", b'[app]\nname = "caf\xe9"\n')
    assert (problem.line, problem.message) == (2, "is not UTF-8: byte 0xe9 at offset 17")


def test_a_byte_order_mark_is_told(tmp_path: Path) -> None:
    problem = the_problem(tmp_path / "app.toml", b"\xef\xbb\xbf[app]\n")
    assert "byte order mark" in problem.message
    assert "sed" in (problem.hint or "")


def test_utf16_is_told(tmp_path: Path) -> None:
    assert "UTF-16" in the_problem(tmp_path / "app.toml", "[app]".encode("utf-16")).message


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[app]\nname "x"\n', 2, "column 6"),
        ('[app]\nname = "x\n', 2, "not TOML"),
        ('[app]\nname = "x"\nname = "y"\n', 3, "not TOML"),
        ("[app]\n[app]\n", 2, "not TOML"),
        ("[app\n", 1, "not TOML"),
        ("a = [1,\n2", 2, "at the end"),
        ("a = 1\x00", 1, "not TOML"),
    ],
)
def test_broken_toml_has_its_place(tmp_path: Path, text: str, line: int, says: str) -> None:
    problem = the_problem(tmp_path / "app.toml", text.encode())
    assert problem.line == line
    assert says in problem.message


def test_a_number_of_too_many_digits_is_told(tmp_path: Path) -> None:
    assert the_problem(tmp_path / "app.toml", b"a = " + b"9" * 5000).message.startswith("is not")


def test_nesting_without_end_is_told(tmp_path: Path) -> None:
    problem = the_problem(tmp_path / "app.toml", b"a = " + b"[" * 100_000)
    assert "nested too deeply" in problem.message or "not TOML" in problem.message


def test_a_file_too_long_is_not_read_whole(tmp_path: Path) -> None:
    assert "longer than" in the_problem(tmp_path / "app.toml", b"#" * (MAX_BYTES + 1)).message


def test_a_device_without_end_is_told() -> None:
    assert "longer than" in the_problem(Path("/dev/zero")).message


def test_carriage_returns_do_not_move_lines(tmp_path: Path) -> None:
    problem = the_problem(tmp_path / "app.toml", b'[app]\r\nname = "x"\r\n[image]\r\nusr = "x"\r\n')
    assert (problem.key, problem.line) == ("image.usr", 4)


def test_text_and_bytes_give_the_same_digest(tmp_path: Path) -> None:
    text = '[app]\nname = "shop"\ndescription = "grün"\n'
    path = tmp_path / "app.toml"
    assert (
        parse_description(text, path=path).digest
        == parse_description(text.encode(), path=path).digest
    )
