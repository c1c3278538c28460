"""Making a key on a terminal, where nobody sees what is typed."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

from tests.e2e.conftest import ROOT


def _on_a_terminal(folder: Path, *typed: str) -> tuple[int, str]:
    """The exit code of `nixgen key generate` there, and all that the terminal showed.

    Each line is typed when a prompt asks for it.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        argv = [sys.executable, "-m", "nixgen", "key", "generate", "-o", "team"]
        os.execve(sys.executable, argv, environment)
    shown = b""
    left = [*typed]
    while True:
        try:
            data = os.read(terminal, 1024)
        except OSError:  # why: so a terminal ends on Linux, whose other side is closed.
            break
        if not data:
            break
        shown += data
        if left and shown.rstrip(b" ").endswith(b":"):
            os.write(terminal, left.pop(0).encode() + b"\n")
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_a_passphrase_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    code, shown = _on_a_terminal(tmp_path, "correct horse", "correct horse")
    assert code == 0, shown
    assert "once more" in shown
    assert "correct" not in shown
    assert "ENCRYPTED" in (tmp_path / "team.key").read_text()


def test_of_two_passphrases_no_key_is_made(tmp_path: Path) -> None:
    code, shown = _on_a_terminal(tmp_path, "correct horse", "corect horse")
    assert code == 2
    assert "two passphrases" in shown
    assert list(tmp_path.iterdir()) == []


def test_without_a_passphrase_the_key_is_not_encrypted(tmp_path: Path) -> None:
    code, shown = _on_a_terminal(tmp_path, "")
    assert code == 0
    assert "not encrypted" in shown


def test_who_ends_the_question_makes_no_key(tmp_path: Path) -> None:
    code, _ = _on_a_terminal(tmp_path, "\x04")
    assert code == 130
    assert list(tmp_path.iterdir()) == []
