"""SLSA provenance v1 of an image: what it was made from, and by what.

https://slsa.dev/spec/v1.0/provenance. What a build type of ours means stands in
docs/reference/provenance.md. Everything but `runDetails` is the same for each build of the same
inputs on the same kind of machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nixgen.digest import Digest

PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:nixgen:image-build:v1"
LOCAL_BUILDER = "urn:nixgen:local-builder:v1"
"""Who builds unless told: whoever ran the command, on a machine that nobody vouches for."""

_CONDITIONS = "urn:nixgen:build-conditions:v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Something that a build took in: a resource descriptor of in-toto.

    `digest` maps algorithms to hexadecimal text; `narHash` is the SHA-256 of a NAR serialisation.
    https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md
    """

    name: str
    uri: str | None = None
    digest: Mapping[str, str]
    annotations: Mapping[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """What materials are sorted by; equal for equal ones only, but for annotations."""
        return self.name, self.uri or "", tuple(sorted(self.digest.items()))

    def as_json(self) -> dict[str, Any]:
        """The descriptor as a JSON object."""
        return {
            "name": self.name,
            **({} if self.uri is None else {"uri": self.uri}),
            "digest": dict(sorted(self.digest.items())),
            **({"annotations": dict(self.annotations)} if self.annotations else {}),
        }


def in_order(materials: Iterable[Material]) -> tuple[Material, ...]:
    """Materials sorted, each once."""
    return tuple(each for _, each in sorted({each.order: each for each in materials}.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformBuild:
    """How the image of one platform came about.

    `derivation` is the store path of its conf's derivation, `writer` the digest of all else that
    its bytes depend on. `variants` names the packages that stand in place of others, by these.
    """

    platform: str
    build_system: str
    strategy: str
    derivation: str
    variants: Mapping[str, str] = field(default_factory=dict)
    writer: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Who built, and under which conditions, as far as could be seen.

    `version` maps programs to versions. `conditions` are JSON values by name.
    """

    id: str = LOCAL_BUILDER
    version: Mapping[str, str]
    conditions: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The provenance of one image, for one platform or several.

    `lock` is the digest of the lockfile's pins, `package_set` the set's kind and digest,
    `generated` the NAR hash of the generated Nix.
    """

    description: Digest
    description_name: str
    profile: str | None
    variables: Mapping[str, str]
    tags: Sequence[str]
    lock: Digest
    package_set: tuple[str, Digest]
    generated: Digest
    builds: Sequence[PlatformBuild]
    materials: Sequence[Material]
    builder: Builder

    def predicate(self) -> dict[str, Any]:
        """The predicate as a JSON object."""
        return {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": self._external(),
                "internalParameters": self._internal(),
                "resolvedDependencies": [each.as_json() for each in in_order(self.materials)],
            },
            "runDetails": {
                "builder": {"id": self.builder.id, "version": dict(self.builder.version)},
                "byproducts": [
                    {
                        "name": "conditions",
                        "uri": _CONDITIONS,
                        "annotations": dict(self.builder.conditions),
                    }
                ],
            },
        }

    def _external(self) -> dict[str, Any]:
        kind, digest = self.package_set
        return {
            "description": {
                "name": self.description_name,
                "digest": {"sha256": self.description.hex},
            },
            "lock": {"digest": {"sha256": self.lock.hex}},
            "packages": {"kind": kind, "digest": {"sha256": digest.hex}},
            "platforms": [each.platform for each in self.builds],
            "profile": self.profile or "",
            "tags": list(self.tags),
            "variables": dict(sorted(self.variables.items())),
        }

    def _internal(self) -> dict[str, Any]:
        return {
            "generated": {"digest": {"narHash": self.generated.hex}},
            "builds": [
                {
                    "platform": each.platform,
                    "buildSystem": each.build_system,
                    "strategy": each.strategy,
                    "derivation": each.derivation,
                    "variants": dict(sorted(each.variants.items())),
                    "writer": {"sha256": each.writer.hex},
                }
                for each in self.builds
            ],
        }
