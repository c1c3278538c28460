"""Where a user's own files are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.errors import MachineError
from nixgen.folders import cache_folder, state_folder


def test_the_variables_come_before_the_home() -> None:
    environ = {"XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "/s", "HOME": "/h"}
    assert (cache_folder(environ), state_folder(environ)) == (Path("/c/nixgen"), Path("/s/nixgen"))


@pytest.mark.parametrize("named", ["", "relative/folder", "~/x"])
def test_what_is_not_absolute_does_not_count(named: str) -> None:
    environ = {"XDG_CACHE_HOME": named, "XDG_STATE_HOME": named, "HOME": "/h"}
    assert cache_folder(environ) == Path("/h/.cache/nixgen")
    assert state_folder(environ) == Path("/h/.local/state/nixgen")


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(MachineError) as raised:
        state_folder({})
    assert "set HOME" in (raised.value.hint or "")
