"""A runner that knows the programs it simulates by their exact argument lists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nixgen._process import Completed


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a program answers."""

    stdout: str = ""
    stderr: Sequence[str] = ()
    exit_code: int = 0


@dataclass(kw_only=True)
class FakeRunner:
    """Answers each argument list in `answers`; any other fails the test.

    A callable stands for a program that does something before it answers.
    """

    answers: dict[tuple[str, ...], Answer | Callable[[], Answer]] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    environments: list[Mapping[str, str] | None] = field(default_factory=list)

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        input: bytes | None = None,  # noqa: A002
        timeout_s: float | None = None,
        on_stderr_line: Callable[[str], None] | None = None,
        max_output_bytes: int = 0,
    ) -> Completed:
        self.calls.append(tuple(argv))
        self.environments.append(env)
        assert tuple(argv) in self.answers, f"not expected: {argv}"
        answer = self.answers[tuple(argv)]
        if callable(answer):
            answer = answer()
        for line in answer.stderr:
            if on_stderr_line is not None:
                on_stderr_line(line)
        return Completed(
            argv=tuple(argv),
            exit_code=answer.exit_code,
            stdout=answer.stdout.encode(),
            stderr="\n".join(answer.stderr),
        )
