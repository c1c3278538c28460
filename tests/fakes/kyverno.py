"""Kyverno, as far as an ImageValidatingPolicy goes: its CEL is evaluated, over statements given.

What it would ask cosign for is taken as given: who signed which statement about the image.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import celpy
import re2
from celpy import celtypes

_FUNCTIONS = ("verifyAttestationSignatures", "extractPayload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A statement about the image: of a key in PEM, or of an identity and its issuer."""

    kind: str
    predicate: dict[str, Any]
    key: str | None = None
    identity: str | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kyverno:
    """A cluster that holds one policy."""

    policy: Any

    def matches(self, image: str) -> bool:
        """Whether the policy is about an image, as a pod writes it."""
        return any(_glob(each["glob"], image) for each in self._spec["matchImageReferences"])

    def admits(self, image: str, statements: Sequence[Signed]) -> bool:
        """Whether a pod of one container with the image is let in; an error is a no."""
        if not self.matches(image):
            return True
        limit = sys.getrecursionlimit()
        try:
            return self._holds(image, statements)
        finally:
            # why: the evaluator changes it for the whole process.
            sys.setrecursionlimit(limit)

    def _holds(self, image: str, statements: Sequence[Signed]) -> bool:
        verified: dict[str, Any] = {}

        def verify(_image: Any, name: Any, attestors: Any) -> Any:
            kind = self._kinds[str(name)]
            count = 0
            for attestor in attestors:
                found = [
                    each.predicate
                    for each in statements
                    if each.kind == kind and _is_by(self._attestors[str(attestor)], each)
                ]
                if found:
                    # why: it keeps one statement of a type, the last.
                    verified[kind] = found[-1]
                    count += 1
            return celtypes.IntType(count)

        def extract(_image: Any, name: Any) -> Any:
            return celpy.json_to_cel({"predicate": _doubles(verified[self._kinds[str(name)]])})

        images = {"containers": [image], "initContainers": [], "ephemeralContainers": []}
        known = {
            "images": celpy.json_to_cel(images),
            "attestors": celpy.json_to_cel({name: name for name in self._attestors}),
            "attestations": celpy.json_to_cel({name: name for name in self._kinds}),
        }
        functions = dict(zip(_FUNCTIONS, (verify, extract), strict=True))
        environment = celpy.Environment()
        for validation in self._spec["validations"]:
            program = environment.program(
                environment.compile(validation["expression"]), functions=functions
            )
            try:
                if not program.evaluate(known):
                    return False
            except (celpy.CELEvalError, KeyError):
                return False
        return True

    @property
    def _spec(self) -> Any:
        return self.policy["spec"]

    @property
    def _kinds(self) -> dict[str, str]:
        return {each["name"]: each["intoto"]["type"] for each in self._spec["attestations"]}

    @property
    def _attestors(self) -> dict[str, Any]:
        return {each["name"]: each["cosign"] for each in self._spec["attestors"]}


def _glob(glob: str, image: str) -> bool:
    parts = re.findall(r"\\.|.", glob)
    texts = [".*" if part == "*" else re.escape(part[-1]) for part in parts]
    return re.fullmatch("".join(texts), image) is not None


def _is_by(cosign: Any, signed: Signed) -> bool:
    """Whether an attestor made it; a pattern may be found anywhere, as in Go."""
    if "key" in cosign:
        return bool(cosign["key"]["data"] == signed.key)
    (wanted,) = cosign["keyless"]["identities"]
    if signed.identity is None or signed.issuer is None:
        return False
    return all(
        re2.search(wanted[f"{name}RegExp"], value) is not None
        if f"{name}RegExp" in wanted
        else wanted[name] == value
        for name, value in (("subject", signed.identity), ("issuer", signed.issuer))
    )


def _doubles(value: Any) -> Any:
    """JSON as Go reads it: every number is a double."""
    if isinstance(value, dict):
        return {name: _doubles(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_doubles(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
