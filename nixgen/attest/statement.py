"""in-toto statements: what is said of which artifacts.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md. The bytes of a statement are
made once, by `make_statement`, or kept as they came, by `parse_statement`; what is signed and
verified are those bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nixgen.digest import Digest
from nixgen.oci.image import canonical_json
from nixgen.strictjson import load_object

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
# why the older too: `cosign attest` writes it. Its members are the same and mean the same.
_KNOWN_TYPES = frozenset({STATEMENT_TYPE, "https://in-toto.io/Statement/v0.1"})
PAYLOAD_TYPE = "application/vnd.in-toto+json"

_HEX = re.compile(r"[0-9a-f]{64}")
_MOST_SUBJECTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An artifact that a statement is about. `name` is for people and may be empty."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement. `data` are its bytes, from which all else was read.

    `predicate` is the JSON object that says it; `predicate_type` the URI that tells how to read it.
    Of the subjects of foreign statements only those named by a SHA-256 are here.
    """

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Mapping[str, Any]
    data: bytes

    def is_about(self, digest: Digest) -> bool:
        """Whether the artifact of that digest is a subject."""
        return any(subject.digest == digest for subject in self.subjects)


def make_statement(
    subjects: Sequence[Subject], predicate_type: str, predicate: Mapping[str, Any]
) -> Statement:
    """A statement in the one form that nixgen writes: canonical JSON, subjects in order of digest.

    Raises ValueError where there is no subject, or `predicate_type` is no URI.
    """
    ordered = sorted(subjects, key=lambda each: (each.digest, each.name))
    document = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": subject.name, "digest": {"sha256": subject.digest.hex}} for subject in ordered
        ],
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }
    return parse_statement(canonical_json(document))


def parse_statement(data: bytes) -> Statement:
    """Read a statement strictly; raises ValueError saying what is wrong."""
    document = load_object(data)
    version = document.get("_type")
    if not isinstance(version, str) or version not in _KNOWN_TYPES:
        raise ValueError(f"no in-toto statement v1 or v0.1: _type is {str(version)[:80]!r}")
    kind = document.get("predicateType")
    if not isinstance(kind, str) or ":" not in kind or not kind.isprintable() or " " in kind:
        raise ValueError("predicateType is no URI")
    predicate = document.get("predicate")
    if predicate is None:
        # why null too: it may be left out, and some signers write it so.
        predicate = {}
    if not isinstance(predicate, dict):
        raise ValueError("predicate is no object")
    entries = document.get("subject")
    if not isinstance(entries, list) or not 0 < len(entries) <= _MOST_SUBJECTS:
        raise ValueError(f"subject is no list of 1 to {_MOST_SUBJECTS} artifacts")
    found = [_parse_subject(entry) for entry in entries]
    return Statement(
        subjects=tuple(subject for subject in found if subject is not None),
        predicate_type=kind,
        predicate=predicate,
        data=data,
    )


def _parse_subject(entry: Any) -> Subject | None:
    """None where it is named by other digests than SHA-256 only."""
    digests = entry.get("digest") if isinstance(entry, dict) else None
    if not isinstance(digests, dict) or not digests:
        raise ValueError("a subject has no digest")
    name = entry.get("name", "")
    if not isinstance(name, str):
        raise ValueError("the name of a subject is no text")
    hexadecimal = digests.get("sha256")
    if hexadecimal is None:
        return None
    if not isinstance(hexadecimal, str) or not _HEX.fullmatch(hexadecimal):
        raise ValueError("the sha256 of a subject is not 64 lower-case hexadecimal digits")
    return Subject(name=name, digest=Digest(hexadecimal))
