"""Programs run to their end: what is kept, what is refused, and that nothing is left behind."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from nixgen import _process
from nixgen.errors import MachineError


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for_text(path: Path) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text()).endswith("\n"):
            return text
        time.sleep(0.01)
    raise AssertionError(f"{path} was not written")


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 20
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.01)


# a program with a child of its own, both recorded in the file named by its argument
FAMILY = """
import os, sys, time, subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1], "w") as file:
    file.write(f"{os.getpid()} {child.pid}\\n")
time.sleep(600)
"""


def test_output_exit_code_and_argv_are_kept_apart() -> None:
    argv = python("import sys; sys.stdout.write('out'); sys.stderr.write('err'); sys.exit(7)")
    done = _process.run(argv)
    assert (done.argv, done.exit_code) == (tuple(argv), 7)
    assert (done.stdout, done.stderr) == (b"out", "err")


def test_much_on_both_pipes_and_stdin_does_not_deadlock() -> None:
    code = """
import sys
data = sys.stdin.buffer.read()
for _ in range(40):
    sys.stderr.write("e" * 99_999 + "\\n"); sys.stdout.write("o" * 100_000)
sys.stdout.write(str(len(data)))
"""
    done = _process.run(python(code), input=b"i" * 3_000_000)
    assert done.stdout == b"o" * 4_000_000 + b"3000000"
    assert len(done.stderr) == 4_000_000


def test_stdin_is_empty_by_default() -> None:
    done = _process.run(python("import sys; print(repr(sys.stdin.read()))"))
    assert done.stdout == b"''\n"


def test_a_program_that_does_not_read_its_stdin_is_no_error() -> None:
    assert _process.run(["true"], input=b"x" * 1_000_000).exit_code == 0


def test_stderr_lines_come_while_the_program_runs(tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    seen: list[str] = []

    def on_line(line: str) -> None:
        seen.append(line)
        go_on.touch()

    code = f"""
import sys, time, os
sys.stderr.write("one\\n"); sys.stderr.flush()
while not os.path.exists({str(go_on)!r}): time.sleep(0.01)
sys.stderr.write("two\\r\\nlast")
"""
    _process.run(python(code), on_stderr_line=on_line, timeout_s=60)
    assert seen == ["one", "two\r", "last"]


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    done = _process.run(python("import sys; sys.stderr.buffer.write(b'a\\xffb')"))
    assert done.stderr == "a�b"


def test_environment_and_folder_are_those_given(tmp_path: Path) -> None:
    code = "import os; print(os.environ.get('HOME'), os.environ['X'], os.getcwd())"
    done = _process.run(python(code), env={"X": "1"}, cwd=tmp_path)
    assert done.stdout.decode() == f"None 1 {tmp_path}\n"


def test_a_missing_program_is_a_machine_error_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MachineError, match="'nix'") as caught:
        _process.run(["nix", "--version"])
    assert caught.value.hint is not None
    assert "nix-bin" in caught.value.hint


def test_a_missing_folder_is_not_taken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="no folder"):
        _process.run(["true"], cwd=tmp_path / "none")


def test_a_file_that_is_no_program_is_a_machine_error(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(MachineError, match="can't start"):
        _process.run([str(tmp_path / "text")])


def test_too_much_output_ends_the_program() -> None:
    with pytest.raises(_process.ProcessLimitError, match="more than 1000 bytes"):
        _process.run(python("while True: print('x' * 100)"), max_output_bytes=1000)


def test_a_time_limit_ends_the_program_and_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(_process.ProcessLimitError, match="did not end"):
        _process.run([*python(FAMILY), str(pids)], timeout_s=2)
    for pid in pids.read_text().split():
        wait_for_end(int(pid))


def test_a_program_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FAMILY
    with pytest.raises(_process.ProcessLimitError):
        _process.run([*python(code), str(pid)], timeout_s=2, grace_s=0.2)
    for number in pid.read_text().split():
        wait_for_end(int(number))


def test_a_program_left_in_the_background_neither_delays_nor_stays(tmp_path: Path) -> None:
    code = FAMILY.removesuffix("time.sleep(600)\n")
    pids = tmp_path / "pids"
    _process.run([*python(code), str(pids)], timeout_s=60)
    wait_for_end(int(pids.read_text().split()[1]))


def test_an_exception_in_the_line_callback_ends_the_program(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def fail(_line: str) -> None:
        raise ZeroDivisionError

    code = FAMILY.removesuffix("time.sleep(600)\n")
    code += "print(file=sys.stderr, flush=True)\ntime.sleep(600)\n"
    with pytest.raises(ZeroDivisionError):
        _process.run([*python(code), str(pids)], on_stderr_line=fail)
    for pid in pids.read_text().split():
        wait_for_end(int(pid))


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_ends_the_whole_group_before_this_process(
    tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    pids = tmp_path / "pids"
    code = f"""
import sys
from nixgen import _process
try:
    _process.run([sys.executable, "-c", {FAMILY!r}, {str(pids)!r}])
except KeyboardInterrupt:
    sys.exit(130)
"""
    outer = os.posix_spawn(sys.executable, python(code), dict(os.environ))
    family = [int(pid) for pid in wait_for_text(pids).split()]
    os.kill(outer, number)
    _, status = os.waitpid(outer, 0)
    assert os.waitstatus_to_exitcode(status) == exit_code
    assert [pid for pid in family if is_running(pid)] == []


def test_the_handlers_of_signals_are_given_back() -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    _process.run(["true"])
    after = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert before == after


def test_it_works_outside_the_main_thread() -> None:
    results: list[bytes] = []
    thread = threading.Thread(target=lambda: results.append(_process.run(["echo", "hi"]).stdout))
    thread.start()
    thread.join()
    assert results == [b"hi\n"]


def test_check_raises_with_the_end_of_stderr() -> None:
    code = "import sys; [print(f'line {n}', file=sys.stderr) for n in range(100)]; sys.exit(3)"
    done = _process.run(python(code))
    with pytest.raises(_process.ProcessFailedError) as caught:
        done.check()
    assert "exit code 3" in caught.value.message
    assert "line 99" in caught.value.message
    assert "line 3\n" not in caught.value.message
    assert caught.value.exit_code == 3  # the machine's, not the program's
    assert caught.value.program_exit_code == 3


def test_no_descriptor_is_left_open() -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    _process.run(["true"])
    before = count()
    for _ in range(5):
        _process.run(["cat"], input=b"x")
        with pytest.raises(MachineError):
            _process.run(["no-such-program"])
        with pytest.raises(_process.ProcessLimitError):
            _process.run(["sleep", "60"], timeout_s=0.05)
    assert count() == before
