"""Whether another store answers is asked once, within a time, and without a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.nix import OPTIONS, fake_nix
from tests.fakes.runner import Answer

STORE = "ssh://arm.example.org"


@pytest.mark.parametrize(("version", "word"), [("2.8.0", "ping"), ("2.26.3", "info")])
def test_a_store_that_answers_has_no_fault(tmp_path: Path, version: str, word: str) -> None:
    call = ("nix", "store", word, "--store", STORE, *OPTIONS)
    nix, runner, _ = fake_nix(tmp_path, {call: Answer()}, version=version)
    assert nix.unreachable(STORE, timeout_s=1) is None
    assert "BatchMode=yes" in (runner.environments[-1] or {})["NIX_SSHOPTS"]


def test_the_last_line_says_what_is_wrong(tmp_path: Path) -> None:
    call = ("nix", "store", "ping", "--store", STORE, *OPTIONS)
    answer = Answer(exit_code=1, stderr=["ssh: no such host", "error: cannot connect to 'arm'", ""])
    nix, _, _ = fake_nix(tmp_path, {call: answer})
    assert nix.unreachable(STORE, timeout_s=1) == "cannot connect to 'arm'"
