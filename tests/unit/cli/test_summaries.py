"""What `nixgen --help` says of the commands."""

from __future__ import annotations

from typer.testing import CliRunner

from nixgen.cli.main import app


def test_a_summary_of_a_command_fits_into_a_line_of_80_columns() -> None:
    shown = CliRunner().invoke(app, ["--help"], terminal_width=80).output
    commands = shown.partition("Commands:")[2].strip().splitlines()
    assert len(commands) > 20
    assert [line for line in commands if line.endswith("...")] == []
    assert [line for line in commands if len(line) > 80] == []
