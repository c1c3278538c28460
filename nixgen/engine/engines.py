"""Which container engine is there, and what to say when it does not answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nixgen import _process
from nixgen.errors import MachineError, Problem

EngineName = Literal["docker", "podman"]
ENGINES: tuple[EngineName, ...] = ("docker", "podman")

_ANSWER_TIMEOUT_S = 20.0
_CALL_TIMEOUT_S = 120.0
_HINTS = {
    "docker": "start its daemon (sudo systemctl start docker), let your user reach it (group "
    "docker), or load into podman",
    "podman": "`podman info` shows what is wrong with its set-up",
}


class EngineError(MachineError):
    """A container engine is missing, does not answer, or refuses an image."""

    kind = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine's program. `run` is how programs are run to their end."""

    name: EngineName
    run: _process.Runner = _process.run

    def call(self, *arguments: str) -> str:
        """What the program prints; raises EngineError with its own words where it fails."""
        done = self.run((self.name, *arguments), timeout_s=_CALL_TIMEOUT_S)
        if done.exit_code != 0:
            what = " ".join((self.name, *arguments[:2]))
            raise self.failure(f"{what} failed", done.stderr)
        return done.stdout.decode(errors="replace").strip()

    def check(self) -> None:
        """Raise EngineError unless the engine itself answers, behind its program."""
        side = "Server" if self.name == "docker" else "Client"
        argv = (self.name, "version", "--format", f"{{{{.{side}.Version}}}}")
        try:
            done = self.run(argv, timeout_s=_ANSWER_TIMEOUT_S)
        except _process.ProcessLimitError as error:
            # why: a daemon on another machine that is gone keeps its client waiting.
            raise self.failure(f"{self.name} does not answer", str(error)) from error
        if done.exit_code != 0:
            raise self.failure(f"{self.name} does not answer", done.stderr)

    def failure(self, what: str, words: str) -> EngineError:
        """The error for something that went wrong with these words on stderr."""
        lines = [line.strip() for line in words.splitlines() if line.strip()]
        told = "\n".join(lines[-5:]) or "it does not say why"
        return EngineError(f"{what}: {told}", hint=_HINTS[self.name])


def choose_engine(
    wanted: EngineName | None = None,
    *,
    find: Callable[[str], Path | None] = _process.find_program,
    run: _process.Runner = _process.run,
) -> Engine:
    """The engine that was named, or the first of Docker and Podman that answers.

    Raises EngineError where none is there or none answers.
    """
    names: Sequence[EngineName] = (wanted,) if wanted else ENGINES
    there = [Engine(name=name, run=run) for name in names if find(name) is not None]
    failures = []
    for engine in there:
        try:
            engine.check()
        except EngineError as error:
            failures.append(error)
        else:
            return engine
    if not there:
        which = wanted or "neither docker nor podman"
        raise EngineError(
            f"{which} is not there to load the image into",
            hint="sudo apt-get install podman  (Debian, Ubuntu)",
        )
    if len(failures) == 1:
        raise failures[0]
    problems = [Problem(message=error.message, hint=error.hint) for error in failures]
    raise EngineError("no engine answers", problems=problems)
