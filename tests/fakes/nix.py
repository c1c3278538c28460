"""A simulated Nix for unit tests: it answers exact argument lists, and keeps what is reported."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nixgen.nixcli import Host, Nix, NixSettings
from nixgen.progress import Event
from tests.fakes.runner import Answer, FakeRunner

OPTIONS = (
    *("--option", "extra-experimental-features", "nix-command flakes"),
    *("--option", "sandbox", "true"),
    *("--option", "sandbox-fallback", "false"),
    *("--option", "sandbox-paths", ""),
    *("--option", "substitute", "false"),
    *("--option", "substituters", ""),
)
REPORTING = ("--log-format", "internal-json")
VERSIONS = ("2.8.0", "2.26.3", "2.34.8")
PURE = ("eval", "--json", "--pure-eval", "--show-trace", "--expr")


class Recorder:
    """A reporter that keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def report(self, event: Event) -> None:
        self.events.append(event)


def internal(**record: Any) -> str:
    """A line of Nix's internal log format."""
    return "@nix " + json.dumps(record)


def error_line(raw: str, **more: Any) -> str:
    return internal(action="msg", level=0, msg=f"error: {raw}", raw_msg=raw, **more)


def argv(program: str, *arguments: str) -> tuple[str, ...]:
    return (program, *arguments, *OPTIONS, *REPORTING)


def single_user_host(folder: Path) -> Host:
    """A machine whose store this user owns."""
    return Host(
        state_dir=folder,
        socket=folder / "socket",
        is_root=True,
        group_members=lambda name: ["nixbld1"] if name == "nixbld" else [],
    )


def fake_nix(
    folder: Path,
    answers: Mapping[tuple[str, ...], Answer] | None = None,
    *,
    version: str = "2.8.0",
    settings: NixSettings | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Nix, FakeRunner, Recorder]:
    """A gateway to a simulated Nix of that version."""
    known: dict[tuple[str, ...], Any] = {
        ("nix", "--version"): Answer(stdout=f"nix (Nix) {version}\n"),
        **(answers or {}),
    }
    runner, recorder = FakeRunner(answers=known), Recorder()
    nix = Nix(
        settings,
        runner=runner,
        reporter=recorder,
        environ=environ or {},
        host=single_user_host(folder),
    )
    return nix, runner, recorder


def failing(lines: Sequence[str], exit_code: int = 1) -> Answer:
    return Answer(stderr=lines, exit_code=exit_code)
