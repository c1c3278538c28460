"""Programs as filters, attached programs, and programs by name."""

import os
import signal
import sys
from pathlib import Path

import pytest

from nixgen import _process
from nixgen.errors import MachineError


def test_what_is_written_comes_out_of_the_program(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out.open("wb") as file:
        file.write(b"head\n")
        with _process.open_filter(["tr", "a-z", "A-Z"], stdout=file) as running:
            for _ in range(1000):
                running.stdin.write(b"some bytes\n" * 100)
    assert out.read_bytes() == b"head\n" + b"SOME BYTES\n" * 100_000


def test_a_descriptor_serves_as_output() -> None:
    reading, writing = os.pipe()
    with _process.open_filter(["cat"], stdout=writing) as running:
        running.stdin.write(b"x")
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        assert file.read() == b"x"


def test_a_failure_raises_with_the_end_of_stderr(tmp_path: Path) -> None:
    code = "import sys; sys.stdin.read(); print('no space', file=sys.stderr); sys.exit(4)"
    with (
        (tmp_path / "out").open("wb") as file,
        pytest.raises(_process.ProcessFailedError, match="no space") as caught,
        _process.open_filter([sys.executable, "-c", code], stdout=file) as running,
    ):
        running.stdin.write(b"x")
    assert caught.value.program_exit_code == 4


@pytest.mark.parametrize("exit_code", [0, 5])
def test_a_program_that_stops_reading_is_a_failure(tmp_path: Path, exit_code: int) -> None:
    code = f"import sys; print('enough', file=sys.stderr); sys.exit({exit_code})"
    with (
        (tmp_path / "out").open("wb") as file,
        pytest.raises(_process.ProcessFailedError, match="enough") as caught,
        _process.open_filter([sys.executable, "-c", code], stdout=file) as running,
    ):
        for _ in range(100):
            running.stdin.write(b"x" * 100_000)
    assert caught.value.program_exit_code == exit_code


def test_an_exception_in_the_body_ends_the_program(tmp_path: Path) -> None:
    with (
        (tmp_path / "out").open("wb") as file,
        pytest.raises(ZeroDivisionError),
        _process.open_filter(["sleep", "600"], stdout=file),
    ):
        raise ZeroDivisionError
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert [pid for pid in children if "sleep" in Path(f"/proc/{pid}/comm").read_text()] == []


def test_much_on_stderr_does_not_deadlock(tmp_path: Path) -> None:
    code = "import sys; sys.stderr.write('e' * 3_000_000); sys.stdin.read(); print('done')"
    with (
        (tmp_path / "out").open("wb") as file,
        _process.open_filter([sys.executable, "-c", code], stdout=file) as running,
    ):
        running.stdin.write(b"x" * 1_000_000)
    assert (tmp_path / "out").read_bytes() == b"done\n"


def test_a_missing_filter_is_a_machine_error(tmp_path: Path) -> None:
    with (
        (tmp_path / "out").open("wb") as file,
        pytest.raises(MachineError, match="not found"),
        _process.open_filter(["no-such-filter"], stdout=file),
    ):
        pass


def test_an_attached_program_gives_its_exit_code() -> None:
    assert _process.run_attached([sys.executable, "-c", "import sys; sys.exit(9)"]) == 9


def test_an_attached_program_ended_by_a_signal_gives_128_and_the_signal() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert _process.run_attached([sys.executable, "-c", code]) == 128 + signal.SIGKILL


def test_replace_becomes_the_program() -> None:
    code = "from nixgen import _process; _process.replace(['echo', 'other'])"
    assert _process.run([sys.executable, "-c", code]).stdout == b"other\n"


def test_programs_are_found_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _process.find_program("tool") == program
    assert _process.find_program("other-tool") is None
