"""What is demanded of a signed image beyond a signature, and whether it is met.

A statement about the index holds for every platform; one about a platform's manifest for that one.
Only statements that count (`Findings.vouched`) are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from nixgen.attest.certificates import Identity
from nixgen.attest.errors import PolicyViolationError
from nixgen.attest.provenance import PROVENANCE_TYPE
from nixgen.attest.verify import Findings, Vouched, demand_signature
from nixgen.errors import Problem
from nixgen.progress import printable

_SBOM_TYPES = ("https://spdx.dev/Document", "https://cyclonedx.org/bom")
_SKEW = timedelta(minutes=5)
"""How far a trusted clock may be ahead of this machine's."""

ANY = "*"
"""The part of a field's path that means every member of an object or array."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What every value at a path in a predicate has to be; there has to be one.

    `test` is one of `TESTS`, `value` what it is held against.
    """

    path: tuple[str, ...]
    test: str
    value: Any

    def holds(self, predicate: Any) -> bool:
        """Whether it holds in a predicate."""
        found = list(_select(predicate, self.path))
        return bool(found) and all(TESTS[self.test](each, self.value) for each in found)

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} {self.test} {self.value!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanded:
    """A statement of some type that has to be there for every platform."""

    predicate_type: str
    where: tuple[Condition, ...] = ()

    def __str__(self) -> str:
        conditions = ", ".join(map(str, self.where))
        return f"{self.predicate_type}{' with ' if conditions else ''}{conditions}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy. `keys` and `identities` are those whose word counts, `signers` how many of them
    have to have signed, each entry counting once.

    `forbidden` are patterns of package names, or of NAME@VERSION.
    """

    keys: tuple[Path, ...] = ()
    identities: tuple[Identity, ...] = ()
    signers: int = 1
    max_age: timedelta | None = None
    builders: tuple[str, ...] = ()
    source_repository: str | None = None
    sbom: bool = False
    forbidden: tuple[str, ...] = ()
    predicates: tuple[Demanded, ...] = ()

    def demand(self, findings: Findings, now: datetime) -> None:
        """Raise VerifyError where the image is not signed, or the policy is not met."""
        demand_signature(findings)
        problems = [Problem(message=printable(text)) for text in self._violations(findings, now)]
        if problems:
            raise PolicyViolationError(
                f"{findings.where} ({findings.top}) is signed, and the policy says no",
                problems=problems,
            )

    def _violations(self, findings: Findings, now: datetime) -> Iterator[str]:
        yield from self._of_signers(findings.signatures, now)
        for name, digest in findings.platforms:
            vouched = [
                each
                for each in findings.vouched
                if each.statement.is_about(digest) or each.statement.is_about(findings.top)
            ]
            yield from (f"{name}: {text}" for text in self._of_platform(vouched))

    def _of_signers(self, signatures: Sequence[Vouched], now: datetime) -> Iterator[str]:
        counted: set[str] = set()
        reasons: list[str] = []
        for each in signatures:
            reason = self._why_not(each, now)
            if reason is None:
                counted.add(each.signer.entry)
            else:
                reasons.append(f"the signature by {each.signer} does not count: {reason}")
        if len(counted) < self.signers:
            yield from reasons
            yield f"signed by {len(counted)} of those named, and {self.signers} are demanded"

    def _why_not(self, signature: Vouched, now: datetime) -> str | None:
        signer = signature.signer
        repository = signer.source_repository
        if self.source_repository not in (None, repository):
            return f"made for the source repository {repository}, not {self.source_repository}"
        if self.max_age is None:
            return None
        if signer.time is None:
            return "nothing that is trusted tells when it was made"
        if signer.time - now > _SKEW:
            return f"made at {signer.time.isoformat()}, which is in the future: is the clock right?"
        if now - signer.time > self.max_age:
            return f"made at {signer.time.isoformat()}, more than {self.max_age} ago"
        return None

    def _of_platform(self, vouched: Sequence[Vouched]) -> Iterator[str]:
        if self.builders:
            told = {str(_builder(each)) for each in _of_type(vouched, PROVENANCE_TYPE)}
            if told.isdisjoint(self.builders):
                built = ", ".join(sorted(told)) or "nobody that is told"
                yield f"built by {built}, not by {' or '.join(self.builders)}"
        yield from self._of_packages(vouched)
        for demanded in self.predicates:
            there = [e for e in vouched if e.statement.predicate_type == demanded.predicate_type]
            if not there:
                yield f"there is no {demanded.predicate_type}"
            elif not any(_meets(each, demanded) for each in there):
                yield f"no statement meets {demanded}"

    def _of_packages(self, vouched: Sequence[Vouched]) -> Iterator[str]:
        sboms = [each for kind in _SBOM_TYPES for each in _of_type(vouched, kind)]
        if (self.sbom or self.forbidden) and not sboms:
            yield "there is no SBOM"
        elif self.forbidden and not any(map(_lists_packages, sboms)):
            yield "no SBOM lists packages as SPDX 2 or CycloneDX do"
        for name, version in sorted({found for each in sboms for found in _packages(each)}):
            for pattern in self.forbidden:
                if fnmatchcase(name, pattern) or fnmatchcase(f"{name}@{version}", pattern):
                    yield f"the package {name}@{version} is forbidden by {pattern}"


def _meets(vouched: Vouched, demanded: Demanded) -> bool:
    return all(each.holds(vouched.statement.predicate) for each in demanded.where)


def _of_type(vouched: Iterable[Vouched], kind: str) -> list[Vouched]:
    """Those of a type, in whatever version: `kind` or `kind/v2.3`."""
    return [
        each
        for each in vouched
        if each.statement.predicate_type == kind
        or each.statement.predicate_type.startswith(f"{kind}/")
    ]


def _builder(vouched: Vouched) -> Any:
    return next(_select(vouched.statement.predicate, ("runDetails", "builder", "id")), None)


def _lists_packages(vouched: Vouched) -> bool:
    """Whether there is a list to look in; CycloneDX leaves out an empty one."""
    predicate = vouched.statement.predicate
    return isinstance(predicate.get("packages"), list) or predicate.get("bomFormat") == "CycloneDX"


def _packages(vouched: Vouched) -> Iterator[tuple[str, str]]:
    """The names and versions of an SBOM; SPDX calls the list packages, CycloneDX components.

    A component of a group has two names: its own, and the whole one, GROUP/NAME.
    https://spdx.github.io/spdx-spec/v2.3/package-information/ and
    https://cyclonedx.org/docs/1.6/json/
    """
    predicate = vouched.statement.predicate
    # why: components may hold components.
    waiting = [*_list(predicate.get("packages")), *_list(predicate.get("components"))]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, dict):
            version = str(entry.get("versionInfo") or entry.get("version") or "")
            yield str(entry.get("name")), version
            if entry.get("group"):
                yield f"{entry['group']}/{entry.get('name')}", version
            waiting += _list(entry.get("components"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _select(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Every value at a path."""
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        for name in value if step == ANY else [step]:
            if name in value:
                yield from _select(value[name], rest)
    elif isinstance(value, list):
        if step == ANY:
            for each in value:
                yield from _select(each, rest)
        elif step.isascii() and step.isdigit() and int(step) < len(value):
            yield from _select(value[int(step)], rest)


def _same(found: Any, wanted: Any) -> bool:
    # why: in Python 1 equals True; in JSON it does not.
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": _same,
    "one-of": lambda found, wanted: any(_same(found, each) for each in wanted),
    "matches": lambda found, wanted: (
        isinstance(found, str) and re.fullmatch(wanted, found) is not None
    ),
    "at-least": lambda found, wanted: _is_number(found) and found >= wanted,
    "at-most": lambda found, wanted: _is_number(found) and found <= wanted,
}
"""The tests of conditions, by the key that a policy writes them with."""
