"""Groups of options are spread over the command line, and gathered again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from nixgen.cli.groups import BuildOptions, ProgressOptions, grouped
from nixgen.cli.options import JsonOption


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    left: Annotated[int, typer.Option("--left", "-l")] = 1
    right: Annotated[list[str] | None, typer.Option("--right")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Longer(Pair):
    more: Annotated[bool, typer.Option("--more")] = False


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        ([], Longer()),
        (["-l", "2", "--right", "a", "--right", "b"], Longer(left=2, right=["a", "b"])),
        (["--more"], Longer(more=True)),
    ],
)
def test_a_group_is_made_of_its_options(arguments: list[str], made: Longer) -> None:
    seen: list[tuple[str, Longer]] = []

    @grouped
    def command(
        name: Annotated[str, typer.Argument()] = "x", *, pair: Longer, as_json: JsonOption = False
    ) -> None:
        """Does it."""
        assert as_json is False
        seen.append((name, pair))

    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert seen == [("x", made)]


def test_the_help_shows_every_option_of_a_group() -> None:
    @grouped
    def command(*, options: BuildOptions, told: ProgressOptions) -> None:
        """Does it."""
        del options, told

    app = typer.Typer(rich_markup_mode=None)
    app.command()(command)
    shown = CliRunner().invoke(app, ["--help"], terminal_width=200).output
    for option in ("--profile", "--platform", "--sources", "--offline", "--jobs", "--quiet"):
        assert option in shown
    assert "Does it." in shown
