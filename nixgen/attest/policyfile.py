"""Reading a policy file: strictly, and all mistakes at once, as an app description is read."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from nixgen.attest.certificates import Identity, Wanted
from nixgen.attest.policy import TESTS, Condition, Demanded, Policy
from nixgen.errors import DescriptionError, UsageError
from nixgen.spec.document import MAX_BYTES, parse_tree
from nixgen.spec.kinds import Anything, Boolean, Integer, Mistake, OneOf, Text
from nixgen.spec.node import Node, plain_value
from nixgen.spec.report import Report
from nixgen.spec.shapes import Field, ListOf, Record, Table
from nixgen.spec.value_kinds import LINE, REGEX, lists_of

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _parse_age(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text)
    if match is None:
        raise Mistake(f"expected an age such as 90m, 12h or 30d, not {text!r}")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _parse_type(text: str) -> str:
    if ":" not in text or " " in text:
        raise Mistake(f"expected a predicate type, which is a URI, not {text!r}")
    return text


def _parse_path(text: str) -> tuple[str, ...]:
    if not all(text.split(".")):
        raise Mistake(f"expected a path such as runDetails.builder.id, not {text!r}")
    return tuple(text.split("."))


_SCALAR = Anything(label="a value", takes=("string", "integer", "float", "boolean"))
_NUMBER = Anything(label="a number", takes=("integer", "float"))
_FIELD = OneOf(
    label="a path",
    kinds=(
        Text(label="a path", convert=_parse_path),
        ListOf(item=LINE, label="a list of names", minimum=1),
    ),
)
_CONDITION = Table(
    label="a table",
    doc="A condition on a field of the predicate.",
    fields=(
        Field("field", _FIELD, "Where the value is: names with dots between them.", required=True),
        Field("equals", _SCALAR, "What it has to be."),
        Field("one-of", ListOf(item=_SCALAR, label="a list", minimum=1), "Or one of these."),
        Field("matches", REGEX, "A regular expression for all of it."),
        Field("at-least", _NUMBER, "The least that it may be."),
        Field("at-most", _NUMBER, "The most that it may be."),
    ),
)
_PREDICATE = Table(
    label="a table",
    doc="A statement that has to be there.",
    fields=(
        Field("type", Text(label="a URI", convert=_parse_type), "Its type.", required=True),
        Field("where", ListOf(item=_CONDITION, label="a list of conditions"), "What it says."),
    ),
)
_SIGNER = Table(
    label="a table",
    doc="Someone whose word counts.",
    fields=(
        Field("key", LINE, "The file of a public key, from the policy's folder."),
        Field("identity", LINE, "Who it is."),
        Field("identity-pattern", REGEX, "The same as a regular expression."),
        Field("issuer", LINE, "Who vouches for the identity."),
        Field("issuer-pattern", REGEX, "The same as a regular expression."),
    ),
)
_POLICY = Table(
    label="a table",
    doc="What is demanded of an image.",
    fields=(
        Field("signer", ListOf(item=_SIGNER, label="a list of signers"), _SIGNER.doc),
        Field("signers", Integer(low=1, high=100), "How many of them have to have signed."),
        Field("max-age", Text(label="an age", convert=_parse_age), "How old signatures may be."),
        # why not empty: that would read as nobody, and demand nothing.
        Field(
            "builders",
            ListOf(item=LINE, label="a list of builder ids", minimum=1),
            "Who may have built it.",
        ),
        Field("source-repository", LINE, "What the certificates have to be made for."),
        Field("sbom", Boolean(), "Whether an SBOM has to be there."),
        Field("forbid-packages", lists_of(LINE, "a list of patterns"), "What it may not hold."),
        Field("predicate", ListOf(item=_PREDICATE, label="a list of statements"), _PREDICATE.doc),
    ),
    homes=dict.fromkeys(("type", "where"), "a [[predicate]]"),
)


def read_policy(path: Path) -> Policy:
    """Read a policy file; raises UsageError with every mistake in it."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"the policy {path} can't be read: {error.strerror or error}") from error
    report = Report(str(path))
    try:
        record = _POLICY.read(parse_tree(data, path), report)
        policy = _make_policy(record, path.parent, report)
        report.raise_if_any("the policy")
    except DescriptionError as error:
        # why without hints of nixgen init: a policy is not begun by it.
        problems = [
            replace(each, hint=None) if (each.hint or "").startswith("nixgen init") else each
            for each in error.problems
        ]
        message = error.message.replace("the description", "the policy")
        raise UsageError(message, problems=problems) from error
    return policy


def _make_policy(record: Record, folder: Path, report: Report) -> Policy:
    values = record.values
    signers = [each for _, each in values.get("signer", ())]
    named = [_make_signer(each, folder, report) for each in signers]
    return Policy(
        keys=tuple(each for each in named if isinstance(each, Path)),
        identities=tuple(each for each in named if isinstance(each, Identity)),
        signers=values.get("signers", 1),
        max_age=values.get("max-age"),
        builders=tuple(text for _, text in values.get("builders", ())),
        source_repository=values.get("source-repository"),
        sbom=values.get("sbom", False),
        forbidden=tuple(text for _, text in values.get("forbid-packages", ())),
        predicates=tuple(_make_demanded(each, report) for _, each in values.get("predicate", ())),
    )


def _make_signer(record: Record, folder: Path, report: Report) -> Path | Identity | None:
    written = set(record.node.table)
    if written == {"key"}:
        key = record.values.get("key")
        return None if key is None else folder / key
    halves = [
        [name for name in (half, f"{half}-pattern") if name in written]
        for half in ("identity", "issuer")
    ]
    if "key" in written or any(len(half) != 1 for half in halves):
        report.add(
            record.node,
            "expected a key, or one of identity and identity-pattern together with one of issuer "
            "and issuer-pattern",
        )
        return None
    identity, issuer = (_wanted(record, name) for (name,) in halves)
    return (
        None if identity is None or issuer is None else Identity(identity=identity, issuer=issuer)
    )


def _wanted(record: Record, name: str) -> Wanted | None:
    text = record.values.get(name)
    return None if text is None else Wanted(text=text, pattern=name.endswith("-pattern"))


def _make_demanded(record: Record, report: Report) -> Demanded:
    conditions = [_make_condition(each, report) for _, each in record.values.get("where", ())]
    return Demanded(
        predicate_type=record.values.get("type", ""),
        where=tuple(each for each in conditions if each is not None),
    )


def _make_condition(record: Record, report: Report) -> Condition | None:
    tests = [name for name in TESTS if name in record.node.table]
    if len(tests) != 1:
        report.add(record.node, f"expected exactly one of {', '.join(TESTS)}")
        return None
    path, value = record.values.get("field"), record.values.get(tests[0])
    if path is None or value is None:
        return None
    return Condition(path=_path(path), test=tests[0], value=_plain(value))


def _path(value: Any) -> tuple[str, ...]:
    """A path of dots as it is, or the names of a list: those may hold dots themselves."""
    return tuple(each if isinstance(each, str) else each[1] for each in value)


def _plain(value: Any) -> Any:
    if isinstance(value, Node):
        return plain_value(value)
    if isinstance(value, tuple):
        return tuple(_plain(each) for _, each in value)
    return value
