"""What is shown of long work: on a terminal, elsewhere, and never what could harm a terminal."""

import io

import pytest

from nixgen.progress import (
    BytesMoved,
    DerivationFinished,
    DerivationsPlanned,
    DerivationStarted,
    LogLine,
    Notice,
    PhaseStarted,
    PlainReporter,
    ProgressState,
    Silent,
    TerminalReporter,
    format_bytes,
    format_duration,
    format_status,
    printable,
    reporting,
)

EVENTS = [
    PhaseStarted(name="build"),
    DerivationsPlanned(count=3),
    DerivationStarted(name="zlib"),
    DerivationStarted(name="lua"),
    LogLine(name="lua", text="CC lapi.o"),
    DerivationFinished(name="zlib"),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_status_counts_what_is_done_of_what_is_planned() -> None:
    state = ProgressState()
    for event in EVENTS:
        state.apply(event)
    assert format_status(state, elapsed_s=65.9, width=80) == [
        "build · 1 of 3 derivations · 1 min 05 s",
        "  lua: CC lapi.o",
    ]


def test_more_than_was_planned_never_shows_as_more_than_all() -> None:
    state = ProgressState()
    for number in range(3):
        state.apply(DerivationStarted(name=f"d{number}"))
    state.apply(DerivationFinished(name="d0"))
    assert state.total == 3


def test_a_new_phase_starts_counting_anew() -> None:
    state = ProgressState()
    for event in [*EVENTS, PhaseStarted(name="write layers")]:
        state.apply(event)
    state.apply(BytesMoved(what="written", done_bytes=1500, total_bytes=3_000_000))
    assert format_status(state, elapsed_s=0, width=80) == [
        "write layers · 0 s",
        f"  [{'-' * 16}] written 1.5 kB of 3.0 MB",
    ]


def test_bytes_are_shown_with_a_bar_a_rate_and_blobs() -> None:
    stream, now = Terminal(), [0.0]
    reporter = TerminalReporter(
        stream, color=False, clock=lambda: now[0], width=lambda: 80, tick_s=60
    )

    def move(done: int, blobs: int) -> None:
        reporter.report(
            BytesMoved(
                what="sent",
                done_bytes=done * 10**6,
                total_bytes=40 * 10**6,
                done_blobs=blobs,
                total_blobs=7,
            )
        )

    with reporter:
        reporter.report(PhaseStarted(name="push registry.example/shop"))
        move(0, 0)
        now[0] = 2.0
        move(10, 3)
    shown = stream.getvalue().split("\n")
    assert shown[-2:] == [
        "  [####------------] sent 10.0 MB of 40.0 MB · 5.0 MB/s · 3 of 7 blobs",
        "\x1b[2A\r\x1b[J",
    ]


def test_the_rate_is_that_of_the_last_seconds() -> None:
    state = ProgressState()
    for tenth in range(1000):
        # why: a fast start must not be seen any more after a while.
        done = tenth * 100 if tenth < 500 else 50_000 + (tenth - 500)
        state.apply(BytesMoved(what="sent", done_bytes=done), now_s=tenth / 10)
        assert len(state.samples) < 64
    assert state.bytes_per_s() == pytest.approx(10, rel=0.01)


def test_a_narrow_terminal_has_no_bar() -> None:
    state = ProgressState(phase="pull")
    state.apply(BytesMoved(what="received", done_bytes=1, total_bytes=2))
    assert format_status(state, elapsed_s=0, width=60)[1] == "  received 1 B of 2 B"


def test_long_lines_and_many_derivations_are_cut() -> None:
    state = ProgressState(running={f"derivation-{n}": "x" * 200 for n in range(9)})
    lines = format_status(state, elapsed_s=1, width=40)
    assert len(lines) == 6
    assert all(len(line) < 40 for line in lines)
    assert lines[-1] == "  and 5 more"


def test_a_pipe_gets_plain_lines() -> None:
    stream = io.StringIO()
    with reporting(stream, environ={"TERM": "xterm"}) as reporter:
        for event in [*EVENTS, Notice(text="mind this")]:
            reporter.report(event)
    assert stream.getvalue().splitlines() == [
        "build",
        "building zlib (1 of 3)",
        "building lua (2 of 3)",
        "mind this",
    ]


def test_build_logs_are_shown_when_asked_and_made_harmless() -> None:
    stream = io.StringIO()
    reporter = PlainReporter(stream, verbose=True)
    reporter.report(LogLine(name="a", text="\x1b[2Jgone\r\tb\x07"))
    assert stream.getvalue() == "a> [2Jgone b\n"


def test_a_terminal_is_redrawn_in_place_and_left_clean() -> None:
    stream, now = Terminal(), [0.0]
    reporter = TerminalReporter(
        stream, color=False, clock=lambda: now[0], width=lambda: 80, tick_s=60
    )
    with reporter:
        reporter.report(PhaseStarted(name="build"))
        reporter.report(DerivationStarted(name="not yet shown"))
        now[0] = 5.0
        reporter.report(DerivationStarted(name="lua"))
    assert stream.getvalue() == (
        "build · 0 s\n"
        "\x1b[1A\r\x1b[J"
        "build · 0 of 2 derivations · 5 s\n  not yet shown\n  lua\n"
        "\x1b[3A\r\x1b[J"
    )


def test_a_notice_stands_above_the_status() -> None:
    stream = Terminal()
    reporter = TerminalReporter(stream, color=False, clock=lambda: 0.0, width=lambda: 80)
    reporter.report(PhaseStarted(name="build"))
    reporter.report(Notice(text="mind this"))
    assert stream.getvalue() == "build · 0 s\n\x1b[1A\r\x1b[Jmind this\nbuild · 0 s\n"


@pytest.mark.parametrize(
    ("environ", "colored"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
)
def test_no_color_is_obeyed(environ: dict[str, str], colored: bool) -> None:
    stream = Terminal()
    with reporting(stream, environ=environ) as reporter:
        reporter.report(PhaseStarted(name="build"))
    assert ("\x1b[1m" in stream.getvalue()) is colored


def test_a_dumb_terminal_gets_plain_lines_and_quiet_gets_nothing() -> None:
    for environ, quiet, kind in (({}, False, PlainReporter), ({"TERM": "xterm"}, True, Silent)):
        with reporting(Terminal(), environ=environ, quiet=quiet) as reporter:
            assert type(reporter) is kind


def test_a_closed_stream_does_not_end_the_work() -> None:
    stream = io.StringIO()
    stream.close()
    PlainReporter(stream).report(PhaseStarted(name="build"))
    TerminalReporter(stream, color=False).report(PhaseStarted(name="build"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.9, "0 s"), (59.9, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7400, "2 h 03 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (93_500_000, "93.5 MB"),
        (5 * 10**12, "5000.0 GB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert format_bytes(count) == text


def test_printable_keeps_letters_of_all_languages() -> None:
    assert printable("é😀\u202eabc\n") == "é😀abc"
