"""Whom a certificate would name for an identity token, before the token is sent anywhere.

Fulcio makes the name of a certificate out of the token's claims, for each issuer in its own way:
https://github.com/sigstore/fulcio/blob/main/config/identity/config.yaml. For issuers that the
public instance knows, the name is known; an instance of one's own may take other issuers, or these
in another way, so that any name that can be made of the claims is possible.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nixgen.strictjson import load_object

_GITHUB = "https://token.actions.githubusercontent.com"
_KUBERNETES = "kubernetes.io"
_BY_EMAIL = frozenset(
    {
        "https://accounts.google.com",
        "https://oauth2.sigstore.dev/auth",
        "https://oauth2.sigstage.dev/auth",
    }
)
_BY_PIPELINE = frozenset(
    {_GITHUB, "https://gitlab.com", "https://agent.buildkite.com", "https://oidc.circleci.com"}
)
_CIRCLECI = "oidc.circleci.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Who a token is for: the names that a certificate may have, the likeliest first.

    `issuer` is who vouches for them, as the certificate tells it.
    """

    names: tuple[str, ...]
    issuer: str

    def __str__(self) -> str:
        return f"{self.names[0]}, vouched for by {self.issuer}"


def parse_claims(token: str) -> Claims:
    """Read what a token claims, without judging it; raises ValueError."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("a token has three parts")
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    except (binascii.Error, ValueError) as error:
        raise ValueError("the claims are no base64") from error
    claims = load_object(payload)
    issuer = _text(claims, "iss")
    pipeline = tuple(_pipelines(claims))
    any_name = (*pipeline, *_accounts(claims), *_texts(claims, "email", "sub"))
    if issuer in _BY_EMAIL:
        names = tuple(_texts(claims, "email"))
    elif issuer in _BY_PIPELINE or str(issuer).startswith(f"{_GITHUB}/"):
        names = pipeline or any_name
    else:
        names = any_name
    if issuer is None or not names:
        raise ValueError("the claims name nobody")
    return Claims(names=tuple(dict.fromkeys(names)), issuer=_connector(claims) or issuer)


def _pipelines(claims: Mapping[str, Any]) -> Iterator[str]:
    """The names of jobs of GitHub Actions, GitLab, Buildkite and CircleCI."""
    for name in _texts(claims, "job_workflow_ref"):
        yield f"https://github.com/{name}"
    for name in _texts(claims, "ci_config_ref_uri"):
        yield f"https://{name}"
    organization, pipeline = _text(claims, "organization_slug"), _text(claims, "pipeline_slug")
    if organization and pipeline:
        yield f"https://buildkite.com/{organization}/{pipeline}"
    project = _text(claims, f"{_CIRCLECI}/project-id")
    definition = _text(claims, f"{_CIRCLECI}/pipeline-definition-id")
    if project and definition:
        yield (f"https://circleci.com/api/v2/projects/{project}/pipeline-definitions/{definition}")


def _accounts(claims: Mapping[str, Any]) -> Iterator[str]:
    """The name of a service account of Kubernetes."""
    inner = claims.get(_KUBERNETES)
    account = inner.get("serviceaccount") if isinstance(inner, dict) else None
    if isinstance(inner, dict) and isinstance(account, dict):
        namespace, name = _text(inner, "namespace"), _text(account, "name")
        if namespace and name:
            yield f"https://kubernetes.io/namespaces/{namespace}/serviceaccounts/{name}"


def _connector(claims: Mapping[str, Any]) -> str | None:
    """Who vouched to an issuer that passes on what others say."""
    inner = claims.get("federated_claims")
    return _text(inner, "connector_id") if isinstance(inner, dict) else None


def _texts(claims: Mapping[str, Any], *names: str) -> Iterator[str]:
    found = (_text(claims, name) for name in names)
    return (text for text in found if text)


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) else None
