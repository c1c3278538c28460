"""From what Nix said when it failed to an error that tells the user what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.errors import (
    BuildError,
    EvaluationError,
    HashMismatchError,
    MachineError,
    NetworkError,
    NixgenError,
    Problem,
)
from nixgen.nixcli.activity import Activities, NixMessage, Position
from nixgen.nixcli.machine import machine_failure
from nixgen.nixcli.storepath import StorePath

SourceNames = Mapping[StorePath, str]
"""How the user knows trees that were added to the store: `{…-source: "."}`.

A name in angle brackets is of a tree that is not the user's own, such as `<nixgen>`.
"""

ShownNames = Mapping[str, str]
"""The same as texts to replace, longest first: a store in another root shows as two paths."""

_MARK = "nixgen-error:"
_LOG_LINES = 20
_DERIVATION = r"'?(/nix/store/[^'\s]+\.drv)'?"
_FAILED_BUILD = re.compile(
    rf"(?:builder for {_DERIVATION} failed|Cannot build {_DERIVATION}"
    rf"|failed to produce output path .* {_DERIVATION}|build of {_DERIVATION} (?:failed|timed out))"
)
_OUTPUT_MISSING = re.compile(r"failed to produce output path")
_WRONG_HASH = re.compile(
    rf"hash mismatch in fixed-output derivation {_DERIVATION}:?\s*"
    r"specified:?\s*(\S+)\s*got:?\s*(\S+)",
    re.DOTALL,
)
_WRONG_NAR_HASH = re.compile(
    r"NAR hash mismatch in input '([^']+)'.*expected '([^']+)',?(?: but)? got '([^']+)'"
)
_EXIT = re.compile(r"failed (?:with|due to) (exit code \d+|signal [^\n;]+?)[;.]?$", re.MULTILINE)
_REASON = re.compile(r"[Rr]eason: (?:builder )?([^\n]+?)\.?$", re.MULTILINE)


class ThrownError(EvaluationError):
    """An error that nixgen's own Nix library threw, as the data it threw.

    `payload` is the JSON object; its `kind` says which fault it is.
    """

    def __init__(self, payload: Mapping[str, Any]) -> None:
        super().__init__(str(payload.get("message") or payload.get("kind") or "unknown error"))
        self.payload = dict(payload)


class DerivationFailedError(BuildError):
    """A derivation's build failed. `log_tail` is the end of its log, oldest line first."""

    def __init__(self, derivation: StorePath, reason: str, log_tail: Sequence[str]) -> None:
        tail = list(log_tail)[-_LOG_LINES:]
        message = f"the build of {derivation.derivation_name} failed ({reason})"
        if tail:
            message += "; the last lines of its log:\n" + "\n".join(f"  | {line}" for line in tail)
        super().__init__(message, hint="nixgen log  shows the whole log")
        self.derivation = derivation
        self.reason = reason
        self.log_tail = tuple(tail)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCall:
    """A call of Nix that failed: what it wrote, and what it was to do."""

    activities: Activities
    exit_code: int
    names: ShownNames

    @property
    def texts(self) -> list[str]:
        """Everything Nix reported as an error, and lines of no known form."""
        return [error.text for error in self.activities.errors] + self.activities.plain


def explain_failure(call: FailedCall) -> NixgenError:
    """The error to raise for a call of Nix that failed, the most telling one first."""
    return (
        _thrown(call)
        or _hash_mismatch(call)
        or machine_failure(call.texts)
        or _failed_build(call)
        or _failed_evaluation(call)
        or MachineError(
            f"nix failed with exit code {call.exit_code}"
            + "".join(f"\n  {text}" for text in call.texts[-_LOG_LINES:]),
            hint="nixgen doctor",
        )
    )


def find_payload(text: str) -> dict[str, Any] | None:
    """The JSON object after the mark of our Nix library's errors, wherever it is in `text`."""
    for match in re.finditer(re.escape(_MARK) + r"\s*", text):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, match.end())
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return None


def shown_names(names: SourceNames, root: Path | None) -> dict[str, str]:
    """What to replace in Nix's words; `root` is the folder that holds the store.

    why: Nix 2.8 names files of a store in another root by where they really are.
    """
    prefixes = [""] if root in (None, Path("/")) else [str(root), ""]
    return {f"{prefix}{path}": name for prefix in prefixes for path, name in names.items()}


def user_text(text: str, names: ShownNames) -> str:
    """Text in which trees that the user knows by another name are called by that name."""
    for path, name in names.items():
        text = text.replace(path, name)
    return text


def _thrown(call: FailedCall) -> ThrownError | None:
    for text in call.texts:
        payload = find_payload(text)
        if payload is not None:
            return ThrownError(payload)
    return None


def _hash_mismatch(call: FailedCall) -> HashMismatchError | None:
    for text in call.texts:
        if match := _WRONG_HASH.search(text):
            name = StorePath.parse(match[1]).derivation_name
            return HashMismatchError(
                f"{name} does not have the hash it is pinned by\n"
                f"  expected: {match[2]}\n  got:      {match[3]}"
            )
        if match := _WRONG_NAR_HASH.search(text):
            return HashMismatchError(
                f"{user_text(match[1], call.names)} is not what it was when it was pinned\n"
                f"  one hash:   {match[2]}\n  the other:  {match[3]}"
            )
    return None


def _failed_build(call: FailedCall) -> NixgenError | None:
    for text in call.texts:
        match = _FAILED_BUILD.search(text)
        if match is None:
            continue
        derivation = StorePath.parse(next(group for group in match.groups() if group))
        tail = call.activities.log_tail(derivation)
        full = machine_failure(tail[-_LOG_LINES:], only_space=True)
        return full or DerivationFailedError(derivation, _reason(text), tail)
    return None


def _reason(text: str) -> str:
    if _OUTPUT_MISSING.search(text):
        return "it made no output"
    match = _EXIT.search(text) or _REASON.search(text)
    return "unknown reason" if match is None else match[1]


def _failed_evaluation(call: FailedCall) -> EvaluationError | NetworkError | None:
    if not call.activities.errors:
        return None
    error = call.activities.errors[-1]
    positions = sorted(_user_positions(error, call.names), key=_is_foreign)
    text = user_text(error.text, call.names)
    if positions:
        place, _ = positions[0]
        problems = [
            Problem(file=position.file, line=position.line, message=what)
            for position, what in positions[1:6]
        ]
        return EvaluationError(f"{place}: {text}", problems=problems)
    if error.position is not None and error.position.file != "«string»":
        return EvaluationError(f"{user_text(str(error.position), call.names)}: {text}")
    return EvaluationError(f"Nix can't evaluate this: {text}")


def _is_foreign(place: tuple[Position, str]) -> bool:
    return place[0].file.startswith("<")


def _user_positions(error: NixMessage, names: ShownNames) -> Iterator[tuple[Position, str]]:
    """The places in trees that have names, on the way to the error, the innermost first."""
    seen: set[Position] = set()
    places = [(error.position, "")]
    places += [(frame.position, frame.text) for frame in error.frames]
    for position, text in places:
        if position is None or position in seen:
            continue
        seen.add(position)
        shown = user_text(position.file, names)
        if shown != position.file:
            yield (
                Position(file=shown, line=position.line, column=position.column),
                user_text(text, names),
            )
