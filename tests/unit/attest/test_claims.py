"""Whom a certificate would name, as the claims of a token tell before it is sent."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from nixgen.attest.claims import parse_claims
from tests.fakes.sigstore import IDENTITY, ISSUER, make_token

GITHUB = "https://token.actions.githubusercontent.com"
TWICE = base64.urlsafe_b64encode(b'{"iss": "i", "sub": "a", "sub": "b"}').decode()
WORKFLOW = "team/shop/.github/workflows/release.yml@refs/heads/main"


@pytest.mark.parametrize(
    ("issuer", "claims", "names"),
    [
        (ISSUER, {}, (IDENTITY,)),
        (ISSUER, {"email": "ci@example.org"}, ("ci@example.org", IDENTITY)),
        (GITHUB, {"job_workflow_ref": WORKFLOW}, (f"https://github.com/{WORKFLOW}",)),
        (f"{GITHUB}/team", {"job_workflow_ref": WORKFLOW}, (f"https://github.com/{WORKFLOW}",)),
        (
            "https://gitlab.com",
            {"ci_config_ref_uri": "gitlab.com/team/shop//.gitlab-ci.yml@refs/heads/main"},
            ("https://gitlab.com/team/shop//.gitlab-ci.yml@refs/heads/main",),
        ),
        (
            "https://gitlab.example",
            {"ci_config_ref_uri": "gitlab.example/a//b@c"},
            ("https://gitlab.example/a//b@c", IDENTITY),
        ),
        (
            "https://agent.buildkite.com",
            {"organization_slug": "team", "pipeline_slug": "shop"},
            ("https://buildkite.com/team/shop",),
        ),
        (
            "https://oidc.circleci.com",
            {
                "oidc.circleci.com/project-id": "p",
                "oidc.circleci.com/pipeline-definition-id": "d",
            },
            ("https://circleci.com/api/v2/projects/p/pipeline-definitions/d",),
        ),
        ("https://accounts.google.com", {"email": "ci@example.org"}, ("ci@example.org",)),
        (
            ISSUER,
            {"kubernetes.io": {"namespace": "ns", "serviceaccount": {"name": "ci"}}},
            ("https://kubernetes.io/namespaces/ns/serviceaccounts/ci", IDENTITY),
        ),
    ],
)
def test_names_are_those_that_certificates_have(
    issuer: str, claims: dict[str, Any], names: tuple[str, ...]
) -> None:
    found = parse_claims(make_token(issuer=issuer, **claims))
    assert (found.names, found.issuer) == (names, issuer)


def test_who_passes_on_the_word_of_others_names_them() -> None:
    token = make_token(
        issuer="https://oauth2.sigstore.dev/auth",
        email="ci@example.org",
        federated_claims={"connector_id": "https://github.com/login/oauth"},
    )
    found = parse_claims(token)
    assert str(found) == "ci@example.org, vouched for by https://github.com/login/oauth"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.!.c",
        "a.e30.c",
        make_token(issuer=GITHUB, subject=""),
        make_token(issuer="https://accounts.google.com", email=7),
        f"a.{TWICE}.c",
    ],
)
def test_claims_that_name_nobody_or_two_are_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_claims(token)
