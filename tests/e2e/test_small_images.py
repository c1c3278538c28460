"""The page on small images, followed to the letter: each command says what the page says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from pytest import approx

from nixgen.platforms import native_platform
from tests.e2e.conftest import ROOT, Cli
from tests.e2e.planted import update_planted

_PAGE = ROOT / "docs/how-to/small-images.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_HASH = re.compile(r"(?<=/nix/store/)[0-9a-z]{32}(?=-)|(?<=sha256:)[0-9a-f]{64}")
_REST = "..."


def _is_said(line: str, told: str) -> bool:
    """Whether a line of the page is the one that was printed: `…` is a hash, numbers may be near.

    why near: a few bytes more or less of the bundled packages are no reason to write it anew.
    """
    page, printed = (" ".join(_HASH.sub("…", each).split()) for each in (line, told))
    if _NUMBER.sub("0", page) != _NUMBER.sub("0", printed):
        return False
    numbers = zip(_NUMBER.findall(page), _NUMBER.findall(printed), strict=True)
    return all(float(one) == approx(float(other), rel=0.03, abs=0.1) for one, other in numbers)


def _calls(console: str) -> Iterator[tuple[list[str], list[str]]]:
    """Each command of a block, and the lines that the page prints after it."""
    lines = console.splitlines()
    starts = [at for at, line in enumerate(lines) if line.startswith("$ nixgen ")]
    for start, end in pairwise([*starts, len(lines)]):
        yield lines[start].split()[2:], lines[start + 1 : end]


def _describe(project: Path, block: str) -> None:
    """Put a block that begins with [closure] in place of what is described from there on."""
    place = project / "app.toml"
    before, _, _ = place.read_text().partition("[closure]")
    place.write_text(before + block)


def _check(expected: list[str], told: list[str]) -> None:
    """The lines of the page, in their order; after `...` it goes on where the next one stands."""
    skipping = False
    for line in expected:
        if line == _REST:
            skipping = True
            continue
        while skipping and told and not _is_said(line, told[0]):
            del told[0]
        assert told, f"not said: {line}"
        assert _is_said(line, told[0]), f"the page says {line!r}, nixgen {told[0]!r}"
        del told[0]
        skipping = False
    assert skipping or not told, told


def test_each_command_says_what_the_page_says(tmp_path: Path, cli: Cli) -> None:
    project = Path(shutil.copytree(ROOT / "tests/data/planted", tmp_path / "planted"))
    page = _PAGE.read_text().replace("linux/amd64", str(native_platform()))
    followed = 0
    for kind, block in _BLOCK.findall(page):
        if kind == "toml" and block.startswith("[closure]\n"):
            _describe(project, block)
        for call, expected in _calls(block) if kind == "console" else ():
            words, _, place = " ".join(call).partition(" > ")
            if "--diff" in words:
                update_planted(project)
            outcome = cli(*words.split(), "-q", cwd=project)
            if place:
                (project / place).write_text(outcome.stdout)
            else:
                _check(expected, (outcome.stdout + outcome.stderr).splitlines())
            followed += 1
    assert followed == 9
