"""Nix's internal log becomes progress, log tails and notices; nothing in it can do harm."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nixgen.nixcli import StorePath
from nixgen.nixcli.activity import Activities, readable_log_line
from nixgen.progress import BytesMoved, DerivationsPlanned, Notice
from tests.fakes.nix import Recorder, internal

DRV = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-a.drv"


def taken(*lines: str) -> tuple[Activities, Recorder]:
    recorder = Recorder()
    activities = Activities(recorder)
    for line in lines:
        activities.take(line)
    return activities, recorder


def test_the_list_of_what_will_be_built_stands_over_the_count() -> None:
    _, recorder = taken(
        internal(action="msg", level=3, msg="these 12 derivations will be built:"),
        internal(action="start", id=1, type=104, text=""),
        internal(action="result", id=1, type=105, fields=[0, 24, 0, 0]),
    )
    assert recorder.events == [DerivationsPlanned(count=12)]


def test_without_a_list_the_count_stands_and_never_shrinks() -> None:
    _, recorder = taken(
        internal(action="start", id=1, type=104, text=""),
        *(internal(action="result", id=1, type=105, fields=[0, n, 0, 0]) for n in (1, 3, 2, 3)),
    )
    assert recorder.events == [DerivationsPlanned(count=1), DerivationsPlanned(count=3)]


def test_downloads_add_up() -> None:
    _, recorder = taken(
        internal(action="start", id=1, type=101, fields=["http://x"], text=""),
        internal(action="start", id=2, type=101, fields=["http://y"], text=""),
        internal(action="result", id=1, type=105, fields=[10, 100, 0, 0]),
        internal(action="result", id=2, type=105, fields=[5, 0, 0, 0]),
    )
    assert recorder.events == [
        BytesMoved(what="downloaded", done_bytes=10, total_bytes=100),
        BytesMoved(what="downloaded", done_bytes=15, total_bytes=100),
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("warning: the \x1b[35;1mmoon\x1b[0m is full", ["nix: warning: the moon is full"]),
        ("warning: ignoring the client-specified setting 'sandbox', because it is", []),
        ("warning: $HOME ('/root') is not owned by you, falling back to", []),
    ],
)
def test_warnings_are_passed_on_but_for_known_noise(text: str, shown: list[str]) -> None:
    _, recorder = taken(internal(action="msg", level=1, msg=text))
    assert recorder.events == [Notice(text=line) for line in shown]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07end  ", "red end"),
        ("", ""),
        ("\x01", None),
        (
            "\x05\0\0\0Error\0\0F\0executing '\x1b[35;1m/x\x1b[0m': No such file\0\0",
            "executing '/x': No such file",
        ),
    ],
)
def test_log_lines_are_made_readable(raw: str, text: str | None) -> None:
    assert readable_log_line(raw) == text


def test_only_the_end_of_a_log_is_kept() -> None:
    activities, _ = taken(
        internal(action="start", id=1, type=105, fields=[DRV, "", 1, 1], text=""),
        *(internal(action="result", id=1, type=101, fields=[str(n)]) for n in range(1000)),
    )
    tail = activities.log_tail(StorePath.parse(DRV))
    assert tail[-1] == "999"
    assert len(tail) < 100


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
FIELDS = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.text(max_size=3), SCALARS)
)
RECORDS = st.fixed_dictionaries(
    {"action": st.sampled_from(["start", "stop", "result", "msg"])},
    optional={
        "id": st.one_of(st.sampled_from([1, 2]), FIELDS),
        "type": st.one_of(st.sampled_from([101, 104, 105, 107]), SCALARS),
        "fields": FIELDS,
        "level": st.one_of(st.sampled_from([0, 1, 3]), SCALARS),
        "msg": FIELDS,
        "raw_msg": FIELDS,
        "trace": st.one_of(FIELDS, st.lists(FIELDS, max_size=2)),
        "file": FIELDS,
        "line": FIELDS,
        "column": FIELDS,
    },
)


@settings(max_examples=500)
@given(st.lists(st.one_of(RECORDS.map(lambda r: "@nix " + json.dumps(r)), st.text()), max_size=8))
def test_no_line_whatever_it_holds_can_make_it_fail(lines: list[str]) -> None:
    taken(*lines)
