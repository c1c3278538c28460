from collections.abc import Callable
from pathlib import Path

import pytest

from nixgen.sources.answer import Miss, Obtained
from nixgen.sources.model import NpmPackage
from nixgen.sources.npm import NpmRegistry

ORIGIN = NpmPackage(package="@scope/name", version="1.2.3", file="name-1.2.3.tgz")


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], NpmRegistry]:
    """An npm whose `pack` is this shell text."""

    def make(script: str) -> NpmRegistry:
        program = tmp_path / "bin" / "npm"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/argv"\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        return NpmRegistry(timeout_s=20)

    return make


def get(registry: NpmRegistry, folder: Path) -> Miss | Obtained:
    folder.mkdir()
    (offer,) = registry.offers(ORIGIN)
    assert offer.runs_program
    return offer.get(folder)


def test_the_tarball_that_npm_packs_is_taken_and_no_script_is_run(
    npm: Callable[[str], NpmRegistry], tmp_path: Path
) -> None:
    answer = get(npm("printf x > scope-name-1.2.3.tgz"), tmp_path / "work")
    assert isinstance(answer, Obtained)
    assert answer.path.read_bytes() == b"x"
    argv = (tmp_path / "argv").read_text().split()
    assert argv[0] == "pack"
    assert argv[-1] == "@scope/name@1.2.3"
    assert "--ignore-scripts" in argv


@pytest.mark.parametrize("prefix", ["npm error", "npm ERR!"])
def test_a_refusal_is_told_by_its_telling_line(
    npm: Callable[[str], NpmRegistry], tmp_path: Path, prefix: str
) -> None:
    script = f"printf '{prefix} code E404\\n{prefix} 404 Not Found\\n{prefix} more\\n' >&2; exit 1"
    assert get(npm(script), tmp_path / "work") == Miss(reason="npm says: 404 Not Found")


def test_an_npm_that_packs_nothing_is_a_miss(
    npm: Callable[[str], NpmRegistry], tmp_path: Path
) -> None:
    assert get(npm("true"), tmp_path / "work") == Miss(reason="npm says: nothing")


def test_a_machine_without_npm_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = get(NpmRegistry(timeout_s=20), tmp_path / "work")
    assert answer == Miss(reason="npm is not on this machine")
