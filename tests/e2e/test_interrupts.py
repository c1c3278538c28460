"""Interrupts and readers that go away: how it ends, and that nothing is left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Cli, content

_PATIENCE_S = 60.0
_SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def _started(*arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "nixgen", *map(str, arguments)],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            # why: before `with` waits for its end.
            process.kill()


def _wait_for(process: subprocess.Popen[bytes], words: bytes) -> None:
    """Read stderr up to a line that holds the words."""
    assert process.stderr is not None
    seen = b""
    for line in process.stderr:
        seen += line
        if words in line:
            return
    raise AssertionError(seen.decode())


def _wait_until_there(folder: Path, prefix: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not any(path.name.startswith(prefix) for path in folder.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _commands_with(words: bytes) -> list[bytes]:
    """The command lines of this machine's processes that hold the words."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = place.read_bytes()
        except OSError:
            continue
        if words in line:
            found.append(line)
    return found


@pytest.fixture
def sleeper(tmp_path: Path) -> tuple[Path, str]:
    """A project whose build sleeps for a number of seconds that only it has."""
    seconds = str(random.randrange(10_000_000, 99_999_999))
    project = tmp_path / "sleeper"
    (project / "src").mkdir(parents=True)
    (project / "app.toml").write_text('[app]\nname = "sleeper"\n[build]\nkind = "c"\nsrc = "src"\n')
    (project / "src/Makefile").write_text(f"all:\n\techo it begins; sleep {seconds}\n")
    return project, seconds


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A project whose layers take a while to compress; always the same, so built only once."""
    project = tmp_path / "large"
    (project / "data").mkdir(parents=True)
    (project / "app.toml").write_text(
        '[app]\nname = "large"\n[build]\nkind = "files"\nsrc = "data"\n'
    )
    (project / "data/noise").write_bytes(random.Random(1).randbytes(40_000_000))
    return project


@pytest.mark.parametrize(("number", "code"), _SIGNALS)
def test_a_signal_during_a_build_leaves_no_process(
    number: signal.Signals, code: int, sleeper: tuple[Path, str], tmp_path: Path
) -> None:
    project, seconds = sleeper
    with _started("image", project, "-v", "-o", tmp_path / "image.oci") as process:
        _wait_for(process, b"it begins")
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == code
    assert stdout == b""
    assert b"Traceback" not in stderr
    assert _commands_with(seconds.encode()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"sleeper"}


@pytest.mark.parametrize(("number", "code"), _SIGNALS)
@pytest.mark.parametrize("form", ["oci", "docker-archive"])
def test_a_signal_during_writing_leaves_the_old_image_whole(
    form: str, number: signal.Signals, code: int, large: Path, tmp_path: Path, cli: Cli
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    place = results / "image"
    assert cli("image", large, "-q", "-o", place, "-f", form).exit_code == 0
    before = content(results)
    again = ("image", large, "-o", place, "-f", form, "--no-cache", "--tag", "other")
    with _started(*again) as process:
        _wait_until_there(results, ".nixgen-")
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == code
    assert stdout == b""
    assert b"Traceback" not in stderr
    assert content(results) == before
    assert [path.name for path in results.iterdir()] == ["image"]


def test_an_interrupt_is_one_document_for_programs(sleeper: tuple[Path, str]) -> None:
    project, _ = sleeper
    with _started("image", project, "-v", "--json") as process:
        _wait_for(process, b"it begins")
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 130
    assert b'"kind": "interrupted"' in stdout


def _shell(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script in which `nixgen` is nixgen."""
    prelude = f"nixgen() {{ '{sys.executable}' -m nixgen \"$@\"; }}\n"
    return subprocess.run(
        ["bash", "-c", prelude + script, "bash", *map(str, arguments)],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "script",
    [
        "nixgen schema | head -1",
        "nixgen --help | head -1",
        'nixgen image "$1" -o "$2" | head -1',
        # The reader is gone before there is anything to read.
        "(sleep 0.3; nixgen schema) | true",
        '(nixgen image "$1" -o "$2") 2>&1 | head -1',
    ],
)
def test_a_reader_that_goes_away_sees_no_traceback(
    script: str, project: Path, tmp_path: Path
) -> None:
    done = _shell(script, project, tmp_path / "image.oci")
    assert done.returncode == 0
    assert done.stderr in ("", "evaluate\nbuild\nwrite layers\n")


@pytest.mark.parametrize("command", ["schema", "check $1 --json", "check $1/none --json"])
@pytest.mark.parametrize(
    ("redirection", "reason"),
    [(">&-", "stdout is closed"), (">/dev/full", "No space left on device")],
)
def test_a_stdout_that_takes_nothing_is_a_fault_of_the_machine(
    command: str, redirection: str, reason: str, project: Path
) -> None:
    done = _shell(f"nixgen {command} {redirection}", project)
    if "none" in command:
        assert done.returncode == 2
        assert "does not exist" in done.stderr
    else:
        assert done.returncode == 3
        assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_stderr_does_no_harm(project: Path, tmp_path: Path) -> None:
    done = _shell('nixgen image "$1" -o "$2" --json 2>&-', project, tmp_path / "image.oci")
    assert done.returncode == 0
    assert done.stdout.startswith("{")


_INTERRUPTED_WHILE_LOADING = """
import os, signal, sys
def hook(event, arguments):
    if event == "import" and arguments[0] == "typer":
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(hook)
from nixgen.__main__ import main
main()
"""


def test_an_interrupt_while_the_command_line_is_loaded_leaves_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_WHILE_LOADING, "--version"],
        env=_environment(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
