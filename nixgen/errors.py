"""The errors nixgen raises on purpose.

One root, `NixgenError`. Each class has a stable `kind` (a word for programs) and the exit code
that the command line ends with. A message says what is wrong and where; a hint says what to do,
as a command where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

EXIT_DONE = 0
EXIT_ANSWER_IS_NO = 1
EXIT_WRONG_INPUT = 2
EXIT_MACHINE = 3
EXIT_BUILD = 4
EXIT_NETWORK = 5
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in something the user wrote.

    `file` is a path as the user gave it, `line` counts from 1, `key` is a path of keys such as
    `image.ports[2]`; each may be unknown.
    """

    message: str
    file: str | None = None
    line: int | None = None
    key: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        """One line for people: `FILE:LINE: KEY: MESSAGE`, and the hint below it."""
        place = self.file or ""
        if place and self.line is not None:
            place += f":{self.line}"
        text = ": ".join(part for part in (place, self.key, self.message) if part)
        return f"{text}\n  hint: {self.hint}" if self.hint else text

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object, every key always present."""
        return {
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "key": self.key,
            "hint": self.hint,
        }


class NixgenError(Exception):
    """Root of all errors that nixgen raises on purpose."""

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = EXIT_WRONG_INPUT

    def __init__(
        self, message: str, *, hint: str | None = None, problems: Sequence[Problem] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.problems = tuple(problems)

    def __str__(self) -> str:
        parts = [self.message, *(str(problem) for problem in self.problems)]
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        """The error as the JSON document that `--json` prints on failure."""
        return {
            "error": {
                "kind": self.kind,
                "message": self.message,
                "hint": self.hint,
                "problems": [problem.as_json() for problem in self.problems],
            }
        }


class AnswerIsNoError(NixgenError):
    """The question was well put and the answer is no: it differs, violates or failed."""

    kind = "no"
    exit_code = EXIT_ANSWER_IS_NO


class UsageError(NixgenError):
    """The call itself is wrong: an option, a path or a combination of them."""

    kind = "usage"
    exit_code = EXIT_WRONG_INPUT


class DescriptionError(NixgenError):
    """The app description is wrong; `problems` holds every mistake found."""

    kind = "description"
    exit_code = EXIT_WRONG_INPUT


class LockError(NixgenError):
    """The lockfile is missing where it is needed, stale, or not readable."""

    kind = "lock"
    exit_code = EXIT_WRONG_INPUT


class EvaluationError(NixgenError):
    """Nix could not evaluate: the user's own Nix, a package set, or an unknown package."""

    kind = "evaluation"
    exit_code = EXIT_WRONG_INPUT


class MachineError(NixgenError):
    """This machine can't: a program is missing or too old, no rights, no space."""

    kind = "machine"
    exit_code = EXIT_MACHINE


class BuildError(NixgenError):
    """A derivation failed to build, or what was built is not a usable image."""

    kind = "build"
    exit_code = EXIT_BUILD


class IrreproducibleError(BuildError):
    """The same derivation gave another digest than the lockfile records."""

    kind = "irreproducible"


class ForeignProgramError(BuildError):
    """An image would hold programs that its platform can't run; `problems` names them."""

    kind = "foreign-program"


class HashMismatchError(BuildError):
    """A fetched file does not have the hash it is pinned by."""

    kind = "hash-mismatch"


class NetworkError(NixgenError):
    """A host could not be reached or answered with a failure."""

    kind = "network"
    exit_code = EXIT_NETWORK


class InterruptedByUserError(NixgenError):
    """Ctrl-C: nothing was finished, and what was there before is whole."""

    kind = "interrupted"
    exit_code = EXIT_INTERRUPTED
