"""Bundles that others signed, on Sigstore's public and staging instances, and published as test
vectors: each verifies by the root that the library brings, at its own time, and nothing made of it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nixgen.attest.bundle import BUNDLE_TYPE, parse_bundle
from nixgen.attest.certificates import CertificateJudge, Identity
from nixgen.attest.judging import Fault, Refused, Signatory
from nixgen.attest.statement import PAYLOAD_TYPE
from nixgen.attest.trust import Instance, Trust
from tests.prepared import PREPARED

_CI = "https://token.actions.githubusercontent.com"
_LOGIN = "https://github.com/login/oauth"
_PUBLISH = "/attestations/publish/v1"
_FORGE = "https://github.com/trailofbits"


class Vector(NamedTuple):
    """What a bundle should be found to be: `source` is the signing workflow's repository, `kind`
    how the predicate's type ends.
    """

    instance: Instance
    identity: str
    issuer: str
    source: str | None
    time: str
    kind: str = _PUBLISH


_MODELS = Vector(
    "public",
    f"{_FORGE}/pypi-attestation-models/.github/workflows/release.yml@refs/tags/v0.0.4a2",
    _CI,
    f"{_FORGE}/pypi-attestation-models",
    "2024-06-10T19:47:25+00:00",
)
_ATTESTATIONS = Vector(
    "public",
    f"{_FORGE}/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19",
    _CI,
    f"{_FORGE}/pypi-attestations",
    "2024-12-04T23:14:01+00:00",
)
_STAGED = Vector(
    "staging", "william@yossarian.net", _LOGIN, None, "2024-06-06T18:39:05+00:00", _PUBLISH
)
_CIRCLE = Vector(
    "public",
    "https://circleci.com/api/v2/projects/fdd9283f-e619-46af-8f9c-851f7d3e8b2b"
    "/pipeline-definitions/8e4f8ab2-8d7c-4827-9f15-de076d6d647f",
    "https://oidc.circleci.com",
    "github.com/CircleCI-Public/sign-and-publish-examples",
    "2026-02-05T22:59:42+00:00",
)
VECTORS = {
    "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl.provenance": _CIRCLE,
    "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl.publish.attestation": _CIRCLE,
    "gitlab_oidc_project-0.0.3.tar.gz.publish.attestation": Vector(
        "public",
        "https://gitlab.com/facutuesca/gitlab-oidc-project//.gitlab-ci.yml@refs/heads/main",
        "https://gitlab.com",
        "https://gitlab.com/facutuesca/gitlab-oidc-project",
        "2024-11-19T17:37:00+00:00",
    ),
    "pypi_attestation_models-0.0.4a2.tar.gz.attestation": _MODELS,
    "pypi_attestation_models-0.0.4a2.tar.gz.sigstore": _MODELS,
    "pypi_attestations-0.0.19.tar.gz.provenance": _ATTESTATIONS,
    "pypi_attestations-0.0.19.tar.gz.publish.attestation": _ATTESTATIONS,
    "pypi_attestations-0.0.19.tar.gz.slsa.attestation": _ATTESTATIONS._replace(
        time="2024-12-04T23:13:46+00:00", kind="/provenance/v1"
    ),
    "gcb_attestation_test-0.0.0.tar.gz.provenance": Vector(
        "public",
        "919436158236-compute@developer.gserviceaccount.com",
        "https://accounts.google.com",
        None,
        "2025-04-21T15:02:27+00:00",
    ),
    "rfc8785-0.1.2-py3-none-any.whl.attestation": _STAGED,
    "rfc8785-0.1.2-py3-none-any.whl.sigstore": _STAGED,
    "rfc8785-0.1.2-py3-none-any.whl.publish.attestation": _STAGED,
    "spt3g-1.0-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl.publish.attestation": (
        _STAGED._replace(time="2025-06-03T02:11:48+00:00")
    ),
}


@pytest.fixture(scope="module")
def assets() -> Path:
    place = PREPARED / "sigstore-vectors/assets"
    assert place.exists(), "run tests/setup/sigstore-vectors, or `make setup`"
    return place


def read(place: Path) -> dict[str, Any]:
    """A vector as a bundle; PyPI's own form of them has the same parts by other names."""
    document = json.loads(place.read_bytes())
    if "dsseEnvelope" in document:
        found: dict[str, Any] = document
        return found
    if "attestation_bundles" in document:
        (bundle,) = document["attestation_bundles"]
        (document,) = bundle["attestations"]
    material, envelope = document["verification_material"], document["envelope"]
    return {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {
            "certificate": {"rawBytes": material["certificate"]},
            "tlogEntries": material["transparency_entries"],
        },
        "dsseEnvelope": {
            "payload": envelope["statement"],
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": envelope["signature"]}],
        },
    }


def judged(
    document: dict[str, Any], vector: Vector, *, instance: Instance | None = None
) -> Signatory | Refused:
    identity = Identity.exactly(identity=vector.identity, issuer=vector.issuer)
    trust = Trust(instance=instance or vector.instance, offline=True)
    try:
        bundle = parse_bundle(json.dumps(document).encode())
    except ValueError as error:
        return Refused(fault=Fault.BAD, reason=str(error))
    return CertificateJudge(trust, [identity]).judge(bundle)


def test_no_vector_is_passed_over(assets: Path) -> None:
    assert {each.name for each in assets.iterdir()} == set(VECTORS)


@pytest.mark.parametrize(("name", "vector"), VECTORS.items(), ids=list(VECTORS))
def test_a_vector_verifies(name: str, vector: Vector, assets: Path) -> None:
    document = read(assets / name)
    signatory = judged(document, vector)
    assert isinstance(signatory, Signatory), signatory
    assert signatory.time == datetime.fromisoformat(vector.time)
    assert signatory.source_repository == vector.source
    statement = parse_bundle(json.dumps(document).encode()).statement()
    assert statement.predicate_type.endswith(vector.kind)
    assert len(statement.subjects) == 1


@pytest.mark.parametrize(("name", "vector"), VECTORS.items(), ids=list(VECTORS))
def test_by_another_root_or_of_another_it_does_not(name: str, vector: Vector, assets: Path) -> None:
    document = read(assets / name)
    other: Instance = "staging" if vector.instance == "public" else "public"
    foreign = judged(document, vector, instance=other)
    assert isinstance(foreign, Refused)
    assert foreign.fault is Fault.BAD
    stranger = judged(document, vector._replace(issuer=vector.issuer + "/"))
    assert isinstance(stranger, Refused)
    assert stranger.fault is Fault.WRONG_SIGNER


def altered(whole: dict[str, Any], other: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A bundle with parts left out, and exchanged for those of another."""

    def edit(change: Callable[[Any, Any, Any], object]) -> dict[str, Any]:
        edited = copy.deepcopy(whole)
        material = edited["verificationMaterial"]
        change(edited, material, material["tlogEntries"][0])
        return edited

    envelope, material = other["dsseEnvelope"], other["verificationMaterial"]
    yield "another's envelope", edit(lambda b, m, e: b.update(dsseEnvelope=envelope))
    for part in ("payload", "signatures"):
        yield (
            f"another's {part}",
            edit(lambda b, m, e, part=part: b["dsseEnvelope"].update({part: envelope[part]})),
        )
    for part in ("certificate", "tlogEntries"):
        yield (
            f"another's {part}",
            edit(lambda b, m, e, part=part: m.update({part: material[part]})),
        )
    yield "no entry", edit(lambda b, m, e: m.update(tlogEntries=[]))
    yield "an entry twice", edit(lambda b, m, e: m["tlogEntries"].append(e))
    for part in ("inclusionProof", "inclusionPromise", "canonicalizedBody", "integratedTime"):
        yield f"no {part}", edit(lambda b, m, e, part=part: e.pop(part))
        theirs = material["tlogEntries"][0][part]
        yield (
            f"another's {part}",
            edit(lambda b, m, e, part=part, theirs=theirs: e.update({part: theirs})),
        )
    for part, value in (("logIndex", "0"), ("treeSize", "1"), ("hashes", [])):
        yield (
            f"{part} of the proof is {value}",
            edit(lambda b, m, e, part=part, value=value: e["inclusionProof"].update({part: value})),
        )
    later = str(int(whole["verificationMaterial"]["tlogEntries"][0]["integratedTime"]) + 86400)
    yield "a day later", edit(lambda b, m, e: e.update(integratedTime=later))
    yield (
        "two signatures",
        edit(lambda b, m, e: b["dsseEnvelope"]["signatures"].extend(envelope["signatures"])),
    )
    yield (
        "of version 0.1",
        edit(lambda b, m, e: b.update(mediaType=f"{BUNDLE_TYPE[:-9]}+json;version=0.1")),
    )


@pytest.mark.parametrize(
    ("name", "other"),
    [
        (
            "pypi_attestations-0.0.19.tar.gz.publish.attestation",
            "pypi_attestations-0.0.19.tar.gz.slsa.attestation",
        ),
        (
            "pypi_attestation_models-0.0.4a2.tar.gz.sigstore",
            "gitlab_oidc_project-0.0.3.tar.gz.publish.attestation",
        ),
    ],
)
def test_nothing_made_of_it_verifies(name: str, other: str, assets: Path) -> None:
    forged = dict(altered(read(assets / name), read(assets / other)))
    assert len(forged) > 15
    taken = [each for each in forged if isinstance(judged(forged[each], VECTORS[name]), Signatory)]
    assert taken == []
