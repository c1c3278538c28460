"""What the writer of Nix expressions writes, and what it refuses."""

from typing import Any

import pytest

from nixgen.nixexpr import (
    Call,
    Concat,
    Name,
    NixText,
    RelativePath,
    Select,
    format_attribute_path,
    format_comment,
    format_string,
    format_value,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", '"plain"'),
        ('say "hi"', r'"say \"hi\""'),
        ("back\\slash", r'"back\\slash"'),
        ("${x} $ $$", r'"\${x} \$ \$\$"'),
        ("a\nb\r\nc\td", r'"a\nb\r\nc\td"'),
        ("é 😀", '"é 😀"'),
        ("''", "\"''\""),
        (7, "7"),
        (-7, "-7"),
        (-(2**63), "-9223372036854775807 - 1"),
        (True, "true"),
        (None, "null"),
        ([], "[ ]"),
        ({}, "{ }"),
        ([1, -1, "a", None], '[ 1 (-1) "a" null ]'),
        ((1, [2]), "[ 1 [ 2 ] ]"),
        ({"b": 1, "a": {"": 2}}, '{\n  "b" = 1;\n  "a" = {\n    "" = 2;\n  };\n}'),
        (Name("pkgs"), "pkgs"),
        (Select(Name("pkgs"), ("a.b", "if")), 'pkgs."a.b"."if"'),
        (Call(Name("f"), (-1, Call(Name("g"), ({},)))), "f (-1) (g { })"),
        (Concat(Name("tree"), "/x"), 'tree + "/x"'),
        (RelativePath("./a/b.nix"), "./a/b.nix"),
        (RelativePath("./a b/${c}"), r'./. + "/a b/\${c}"'),
        ([RelativePath("./a b")], '[ (./. + "/a b") ]'),
        ([NixText("a b")], "[ (a b) ]"),
        ([Concat(Name("a"), Name("b"))], "[ (a + b) ]"),
    ],
)
def test_each_value_has_one_text(value: Any, text: str) -> None:
    assert format_value(value) == text
    assert isinstance(format_value(value), NixText)


def test_a_long_list_has_a_line_per_item() -> None:
    text = format_value({"k": ["x" * 30, "y" * 30, "z" * 30]}, indent=2)
    assert text.splitlines() == [
        "{",
        '    "k" = [',
        f'      "{"x" * 30}"',
        f'      "{"y" * 30}"',
        f'      "{"z" * 30}"',
        "    ];",
        "  }",
    ]


@pytest.mark.parametrize(
    "value", ["a\x00b", "\ud800", {"\x00": 1}, ["\udfff"], 2**63, -(2**63) - 1]
)
def test_what_nix_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"Nix|64-bit"):
        format_value(value)


@pytest.mark.parametrize("value", [1.5, b"x", object(), {1, 2}, {1: 2}])
def test_types_without_a_nix_counterpart_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        format_value(value)


@pytest.mark.parametrize("name", ["", "a b", "1a", "let", "or", "a.b", "a;b", "é"])
def test_a_name_is_a_plain_identifier(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        Name(name)


@pytest.mark.parametrize("path", ["", ".", "./", "a", "/a", "./../a", "./a//b", "./a/.", "./a/"])
def test_a_relative_path_stays_below_its_folder(path: str) -> None:
    with pytest.raises(ValueError, match="below the folder"):
        RelativePath(path)


def test_a_comment_stays_on_its_line() -> None:
    assert format_comment("a\nb\r\x1bc\u2028d é") == "a b  c d é"


def test_attribute_paths_are_quoted() -> None:
    assert format_attribute_path("images", "linux/amd64") == '"images"."linux/amd64"'


def test_a_written_text_is_not_written_twice() -> None:
    assert format_value([format_string("a")]) == '[ ("a") ]'
