from __future__ import annotations

import pytest

from nixgen.spec.positions import find_lines

TEXT = '''\
# a comment with [brackets] and "quotes
top = 1
[a]   # after
x.y = "one"
"quoted key" = 'literal'
"esc\\u0061ped" = """
[not.a.table]
no = "key" """
z = [ # comment ]
  1, "two, ]", # three
  [ 4,
    5 ],
  { k = 1, l.m = [
     2 ] },
]
[[list]]
v = 1979-05-27 07:32:00
[list.sub]
w = \'\'\'a'
b\'\'\'\'\'
[[list]]
[[list.deep]]
q = """ "" \\""" """""
r = true
[ "a" . b ]
s = inf
'''


def test_finds_each_key_and_element() -> None:
    assert find_lines(TEXT) == {
        ("top",): 2,
        ("a",): 3,
        ("a", "x"): 4,
        ("a", "x", "y"): 4,
        ("a", "quoted key"): 5,
        ("a", "escaped"): 6,
        ("a", "z"): 9,
        ("a", "z", 0): 10,
        ("a", "z", 1): 10,
        ("a", "z", 2): 11,
        ("a", "z", 2, 0): 11,
        ("a", "z", 2, 1): 12,
        ("a", "z", 3): 13,
        ("a", "z", 3, "k"): 13,
        ("a", "z", 3, "l"): 13,
        ("a", "z", 3, "l", "m"): 13,
        ("a", "z", 3, "l", "m", 0): 14,
        ("list",): 16,
        ("list", 0): 16,
        ("list", 0, "v"): 17,
        ("list", 0, "sub"): 18,
        ("list", 0, "sub", "w"): 19,
        ("list", 1): 21,
        ("list", 1, "deep"): 22,
        ("list", 1, "deep", 0): 22,
        ("list", 1, "deep", 0, "q"): 23,
        ("list", 1, "deep", 0, "r"): 24,
        ("a", "b"): 25,
        ("a", "b", "s"): 26,
    }


@pytest.mark.parametrize("text", ["a = ", "a = [1", "[a", "= 1", 'a = "x', "a b = 1"])
def test_gives_up_quietly_where_it_can_not_follow(text: str) -> None:
    find_lines(text)


def test_is_not_slow_on_what_looks_like_the_end_of_a_string() -> None:
    text = 'a = """' + '\\"' * 200_000 + '"""\nb = 1\n'
    assert find_lines(text)[("b",)] == 2
