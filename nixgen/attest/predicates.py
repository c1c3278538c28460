"""Predicates that somebody else has made: the result of an audit, of a scanner, of a review.

What they say is carried as it is. What nixgen says itself of the images it builds, it says of what
it knows; a file can't say that in its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nixgen.attest.cyclonedx import CYCLONEDX_TYPE
from nixgen.attest.provenance import PROVENANCE_TYPE
from nixgen.attest.reports import TEST_RESULT_TYPE
from nixgen.attest.signing import SIGNATURE_TYPE
from nixgen.attest.spdx import SPDX_TYPE
from nixgen.attest.statement import Statement, Subject, make_statement
from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.strictjson import load_object

LARGEST_BYTES = 16 << 20
_LONGEST_TYPE = 1000
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[!-~]+")
_OWN = (SIGNATURE_TYPE, PROVENANCE_TYPE, SPDX_TYPE, CYCLONEDX_TYPE, TEST_RESULT_TYPE)
_OWN_SPACE = "urn:nixgen:"
_VERSION = re.compile(r"/v[0-9.]+")


def parse_predicate_type(text: str) -> str:
    """The type of a predicate of others; raises UsageError for no URI and for nixgen's own."""
    if len(text) > _LONGEST_TYPE or not _URI.fullmatch(text):
        raise UsageError(
            f"--predicate-type {text[:80]!r} is no URI", hint="such as https://example.org/audit/v1"
        )
    bases = {_VERSION.split(own)[0].lower() for own in _OWN}
    spelled = text.lower()
    own = any(spelled == base or spelled.startswith(f"{base}/") for base in bases)
    if own or spelled.startswith(_OWN_SPACE):
        raise UsageError(
            f"{text} is what nixgen says itself, of what it knows of an image",
            hint="nixgen sign IMAGE --attach KIND",
        )
    return text


def read_predicate(file: Path) -> dict[str, Any]:
    """The JSON object of a file, read strictly; raises UsageError."""
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_BYTES + 1)
        return load_object(data, largest_bytes=LARGEST_BYTES)
    except OSError as error:
        raise UsageError(f"--predicate {file}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"--predicate {file} is no predicate: {error}") from error


def make_foreign_statement(
    subjects: Sequence[Digest], predicate_type: str, predicate: Mapping[str, Any]
) -> Statement:
    """The statement that says a predicate of those manifests.

    Raises UsageError for a predicate that is at the bounds of what is read, and beyond with it.
    """
    named = [Subject(name="", digest=digest) for digest in subjects]
    try:
        return make_statement(named, predicate_type, predicate)
    except ValueError as error:
        raise UsageError(f"a statement can't carry the predicate: {error}") from error
