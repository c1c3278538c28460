"""Admission policies for Kubernetes: what is demanded of an image, held by Kyverno.

An ImageValidatingPolicy of Kyverno 1.18 or newer reads Sigstore bundles that are attached as
referrers: https://kyverno.io/docs/policy-types/image-validating-policy/. What is written admits
nothing that nixgen would not verify. What can't be said there is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nixgen.attest.attestors import make_attestors, refuse_alike
from nixgen.attest.cel import write_condition
from nixgen.attest.certificates import Identity
from nixgen.attest.cyclonedx import CYCLONEDX_TYPE
from nixgen.attest.keys import PublicKey
from nixgen.attest.policy import Condition, Policy
from nixgen.attest.provenance import PROVENANCE_TYPE
from nixgen.attest.signing import SIGNATURE_TYPE
from nixgen.attest.spdx import SPDX_TYPE
from nixgen.errors import Problem, UsageError
from nixgen.registry import ImageReference

_HUBS = ("docker.io", "index.docker.io")
_SBOM_TYPES = (SPDX_TYPE, f"{SPDX_TYPE}/v2.3", CYCLONEDX_TYPE, f"{CYCLONEDX_TYPE}/v1.6")
# why: YAML 1.2 and Go read more text as numbers and booleans than the writer, which is of 1.1.
_MISREAD = re.compile(r"[0-9+.-].*|[yYnN]")
_IMAGES = "(images.containers + images.initContainers + images.ephemeralContainers)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """Whose word counts, and what is demanded beyond a signature.

    `keys` and `identities` are all of them, also those of `policy`; `trusted_root` is JSON, None
    for that of the public Sigstore.
    """

    keys: Sequence[PublicKey]
    identities: Sequence[Identity]
    policy: Policy
    trusted_root: str | None = None


def make_admission_policy(reference: ImageReference, demands: Demands) -> dict[str, Any]:
    """The policy for the images of a repository, or for the one digest that is named.

    Raises UsageError with everything in it that can't be said.
    """
    writer = _Writer(demands=demands)
    spec = writer.write_spec(reference)
    if writer.problems:
        raise UsageError("an admission policy can't say all of this", problems=writer.problems)
    # why: a trusted root of one's own is what 1.19 knows first.
    oldest = "1.18.0" if demands.trusted_root is None else "1.19.0"
    return {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ImageValidatingPolicy",
        "metadata": {
            "name": _name(reference),
            "annotations": {"policies.kyverno.io/minversion": oldest},
        },
        "spec": spec,
    }


def format_yaml(document: Any) -> str:
    """A document as YAML in ASCII: text of several lines stands as it is, no line is broken."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """The safe one, with a style of its own for text."""

    def write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        style = "'" if _MISREAD.fullmatch(text) else "|" if "\n" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, write_text)
    return str(yaml.dump(document, Dumper=Dumper, sort_keys=False, width=float("inf")))


@dataclass(slots=True, kw_only=True)
class _Writer:
    """Writes one policy. `statements` are the types of statements it names, with their names."""

    demands: Demands
    problems: list[Problem] = field(default_factory=list)
    statements: dict[str, str] = field(default_factory=lambda: {SIGNATURE_TYPE: "signature"})
    attestors: str = ""

    def write_spec(self, reference: ImageReference) -> dict[str, Any]:
        """Its `spec`; what can't be said is in `problems` then."""
        demands = self.demands
        attestors = make_attestors(
            demands.keys, demands.identities, self._refuse, trusted_root=demands.trusted_root
        )
        self.attestors = f"[{', '.join('attestors.' + each['name'] for each in attestors)}]"
        self._refuse_unsaid(len(attestors))
        checks = list(self._checks())
        pods = {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["pods", "pods/ephemeralcontainers"],
        }
        return {
            "failurePolicy": "Fail",
            "validationActions": ["Deny"],
            "webhookConfiguration": {"timeoutSeconds": 30},
            "matchConstraints": {"resourceRules": [pods]},
            "matchImageReferences": [{"glob": glob} for glob in _globs(reference)],
            "validationConfigurations": {
                "mutateDigest": True,
                "verifyDigest": True,
                "required": True,
            },
            "attestors": attestors,
            "attestations": [
                {"name": name, "intoto": {"type": kind}} for kind, name in self.statements.items()
            ],
            "validations": [
                {
                    "expression": f"{_IMAGES}.all(image, {check})",
                    "message": f"{reference.name}: {message}",
                }
                for check, message in checks
            ],
        }

    def _checks(self) -> Iterator[tuple[str, str]]:
        """Expressions that hold for an `image` as it should be, each with what is wrong if not."""
        policy = self.demands.policy
        signed = self._signed(SIGNATURE_TYPE, policy.signers)
        yield signed, f"signed by fewer than {policy.signers} of those named"
        if policy.sbom:
            yield " || ".join(map(self._signed, _SBOM_TYPES)), "there is no signed SBOM"
        if policy.builders:
            path = ("runDetails", "builder", "id")
            built = Condition(path=path, test="one-of", value=policy.builders)
            yield (
                self._says(PROVENANCE_TYPE, "builders", [built]),
                f"not built by {' or '.join(policy.builders)}",
            )
        for number, each in enumerate(policy.predicates):
            yield (
                self._says(each.predicate_type, f"predicate[{number}].where", each.where),
                f"there is no {each.predicate_type} as it is demanded",
            )

    def _signed(self, kind: str, least: int = 1) -> str:
        found = f"verifyAttestationSignatures(image, {self._named(kind)}, {self.attestors})"
        return f"{found} >= {least}"

    def _says(self, kind: str, key: str, conditions: Sequence[Condition]) -> str:
        predicate = f"extractPayload(image, {self._named(kind)}).predicate"
        parts = [self._signed(kind)]
        for condition in conditions:
            try:
                parts.append(write_condition(condition, predicate))
            except ValueError as error:
                self._refuse(key, f"{condition}: Kyverno can't be told of {error}")
        return " && ".join(parts)

    def _named(self, kind: str) -> str:
        name = self.statements.setdefault(kind, f"statement{len(self.statements)}")
        return f"attestations.{name}"

    def _refuse_unsaid(self, count: int) -> None:
        policy = self.demands.policy
        if policy.signers > 1:
            refuse_alike(self.demands.identities, self._refuse)
        if policy.signers > count:
            self._refuse("signers", f"{policy.signers} are demanded, and {count} are named")
        if policy.max_age is not None:
            self._refuse("max-age", "Kyverno does not tell when an image was signed")
        if policy.source_repository is not None:
            self._refuse(
                "source-repository",
                "Kyverno does not look at it; name the identity of the repository's workflow",
            )
        if policy.forbidden:
            self._refuse("forbid-packages", "Kyverno can't be told of every package of an SBOM")

    def _refuse(self, key: str, message: str) -> None:
        self.problems.append(Problem(key=key, message=message))


def _globs(reference: ImageReference) -> list[str]:
    """Every way that a pod may write the repository's images; `*` is any text there."""
    made = []
    for name in _written(reference):
        escaped = re.sub(r"([][*?{}\\!])", r"\\\1", name)
        if reference.digest is None:
            made += [escaped, f"{escaped}:*", f"{escaped}@*"]
        else:
            made += [f"{escaped}@{reference.digest}", f"{escaped}:*@{reference.digest}"]
    return made


def _written(reference: ImageReference) -> list[str]:
    """The name of the repository, and the short ones that Docker Hub has."""
    if reference.host not in _HUBS:
        return [reference.name]
    paths = [reference.repository]
    if reference.repository.startswith("library/"):
        paths.append(reference.repository.removeprefix("library/"))
    return [*(f"{host}/{path}" for host in _HUBS for path in paths), *paths]


def _name(reference: ImageReference) -> str:
    """A name for the policy that no other repository's has."""
    whole = reference.name if reference.digest is None else f"{reference.name}@{reference.digest}"
    readable = re.sub(r"[^a-z0-9]+", "-", reference.repository)[:40].strip("-")
    return f"verify-{readable}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
