"""Programs beside this process, and programs whose limits are an answer."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from nixgen import _process
from nixgen.errors import MachineError


def gone(pid: int, timeout_s: float = 30.0) -> bool:
    """Whether a process ends before time is up: the kernel ends killed processes soon after."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return True
        if stat.rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_child_is_killed_with_what_it_started_when_the_body_ends(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out.open("wb") as file:
        argv = ["sh", "-c", "sleep 600 & echo $!; wait"]
        with _process.open_child(argv, stdout=file) as child:
            while not out.read_text().endswith("\n"):
                assert child.wait(0.01) is None
    assert gone(int(out.read_text()))
    assert gone(child.pid)
    assert child.wait() == 128 + signal.SIGKILL


def test_a_child_is_killed_when_the_body_raises() -> None:
    with pytest.raises(ZeroDivisionError), _process.open_child(["sleep", "600"]) as child:
        raise ZeroDivisionError
    assert gone(child.pid)


def test_a_childs_exit_code_and_signals() -> None:
    with _process.open_child(["sh", "-c", "exit 3"]) as child:
        assert child.wait() == 3
        child.signal(signal.SIGTERM)
        child.kill()
    with _process.open_child(["sleep", "600"]) as child:
        assert child.wait(0) is None
        child.signal(signal.SIGTERM)
        assert child.wait() == 128 + signal.SIGTERM


def test_a_child_gets_the_descriptors_it_is_given(tmp_path: Path) -> None:
    with (tmp_path / "told").open("w") as file:
        code = "import os, sys; os.write(int(sys.argv[1]), b'told')"
        argv = [sys.executable, "-c", code, str(file.fileno())]
        with _process.open_child(argv, pass_fds=[file.fileno()]) as child:
            assert child.wait() == 0
    assert (tmp_path / "told").read_text() == "told"


def test_a_child_that_is_not_there_is_explained() -> None:
    with (
        pytest.raises(MachineError, match="no-such-program"),
        _process.open_child(["no-such-program"]),
    ):
        pass


def test_within_its_limits_a_program_gives_all_it_wrote() -> None:
    data = os.urandom(200_000)
    argv = ["sh", "-c", "cat; echo aside >&2; exit 7"]
    done = _process.run_limited(argv, input=data, timeout_s=60, max_output_bytes=200_000)
    assert (done.exit_code, done.stdout, done.stderr) == (7, data, b"aside\n")
    assert not done.timed_out
    assert not done.overflowed


def test_over_its_time_a_program_is_killed_and_its_output_kept() -> None:
    argv = ["sh", "-c", "trap '' TERM; sleep 600 & echo $!; wait"]
    done = _process.run_limited(argv, timeout_s=0.5, max_output_bytes=100)
    assert done.timed_out
    assert done.exit_code == 128 + signal.SIGKILL
    assert gone(int(done.stdout))


def test_over_its_output_a_program_is_killed() -> None:
    done = _process.run_limited(["yes"], timeout_s=60, max_output_bytes=1001)
    assert done.overflowed
    assert done.stdout == (b"y\n" * 501)[:1001]


def test_much_stderr_is_cut_to_its_end() -> None:
    argv = ["sh", "-c", "yes | head -c 100000 >&2; echo end >&2"]
    done = _process.run_limited(argv, timeout_s=60, max_output_bytes=100)
    assert not done.overflowed
    assert len(done.stderr) == 100
    assert done.stderr.endswith(b"end\n")
