"""Logins: challenges, tokens for each scope, and what must never leave."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from nixgen.oci import Descriptor
from nixgen.registry import Credentials, Login, Registry, push
from nixgen.registry.auth import Authorizer, TokenRequest, pull_scope, push_scope
from nixgen.registry.challenge import Challenge, parse_challenge
from nixgen.registry.errors import (
    CredentialsError,
    DeniedError,
    MalformedAnswerError,
    UnavailableError,
)
from tests.fakes.registry import PASSWORD, FakeRegistry, Handler, serving
from tests.unit.registry.actions import DATA, DIGEST, redirect, send, status
from tests.unit.registry.conftest import LIMITS, LOGIN, open_registry
from tests.unit.registry.images import LAYER_TYPE, describe, make_layout, stored

BEARER = Challenge(scheme="bearer", realm="https://t.example/token", service="s", scope="a:b:pull")
GIVEN = 'Bearer realm="https://t.example/token",service="s",scope="a:b:pull"'
BASIC = Challenge(scheme="basic", realm="here")


def fetch(registry: Registry) -> bytes:
    got = bytearray()
    descriptor: Descriptor = describe(LAYER_TYPE, DATA)
    registry.read_blob(descriptor, lambda data, _offset: got.extend(data))
    return bytes(got)


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        (GIVEN, BEARER),
        ('bearer  realm = "https://t.example/token" , service=s, scope="a:b:pull"', BEARER),
        ('Basic realm="here"', BASIC),
        (
            'Basic realm="here", Bearer realm="https://t.example/token",service=s,scope="a:b:pull"',
            BEARER,
        ),
        (
            'Bearer realm="https://t.example/token",service=s,scope="a:b:pull", Basic realm="x"',
            BEARER,
        ),
        ('Negotiate, Basic realm="here"', BASIC),
        ('Negotiate YWJj==, Digest realm="Bearer realm=x", nonce="a,b", Basic realm="here"', BASIC),
        ('Digest realm="a \\" Bearer realm=b", Basic realm="here"', BASIC),
        ('Bearer error="x", Basic realm="here"', BASIC),
        ("Basic", Challenge(scheme="basic")),
        ('Bearer realm=""', None),
        ('NotBearer realm="x"', None),
        ('"Bearer realm=x"', None),
        ("", None),
        (",,, ,", None),
        ("=", None),
    ],
)
def test_challenges_are_told_apart(header: str, challenge: Challenge | None) -> None:
    assert parse_challenge(header) == challenge


def scopes(fake: FakeRegistry) -> list[list[str]]:
    return [parse_qs(urlsplit(seen.path).query)["scope"] for seen in fake.requests("GET", "/token")]


def test_reading_asks_for_less_than_writing() -> None:
    with serving(auth="bearer") as fake, open_registry(fake, credentials=LOGIN) as registry:
        assert registry.head_manifest("v1") is None
        send(registry)
        assert registry.has_blob(DIGEST)
    assert scopes(fake) == [[*pull_scope("team/app")], [*push_scope("team/app")]]


def test_a_registry_that_wants_a_wider_token_gets_one() -> None:
    wider = "repository:upstream/app:pull"

    def insufficient(handler: Handler) -> None:
        realm = f"http://{handler.registry.host}/token"
        header = f'Bearer realm="{realm}",scope="{wider}",error="insufficient_scope"'
        handler.refuse(401, "UNAUTHORIZED", WWW_Authenticate=header)

    with serving(auth="bearer") as fake, open_registry(fake, credentials=LOGIN) as registry:
        registry.head_manifest("v1")
        fake.misbehave("HEAD", "/manifests/", insufficient)
        registry.head_manifest("v1")
    assert scopes(fake) == [[*pull_scope("team/app")], [*pull_scope("team/app"), wider]]


def test_a_token_server_that_fails_is_asked_again() -> None:
    with serving(auth="bearer") as fake, open_registry(fake, credentials=LOGIN) as registry:
        fake.misbehave("GET", "/token", status(500))
        fake.misbehave("GET", "/token", Handler.drop)
        fake.misbehave("GET", "/token", status(429, Retry_After="0"))
        assert registry.head_manifest("v1") is None


@pytest.mark.parametrize(
    ("code", "error"), [(500, UnavailableError), (401, CredentialsError), (403, DeniedError)]
)
def test_a_token_server_that_refuses_is_told(code: int, error: type[Exception]) -> None:
    with serving(auth="bearer") as fake, open_registry(fake, credentials=LOGIN) as registry:
        fake.misbehave("GET", "/token", status(code), times=100)
        with pytest.raises(error, match="get a token"):
            registry.head_manifest("v1")
        assert len(fake.requests("GET", "/token")) <= LIMITS.tries


def test_a_registry_that_takes_no_token_ends() -> None:
    def never(handler: Handler) -> None:
        header = f'Bearer realm="http://{handler.registry.host}/token"'
        handler.refuse(401, "UNAUTHORIZED", WWW_Authenticate=header)

    with serving(auth="bearer") as fake, open_registry(fake, credentials=LOGIN) as registry:
        fake.misbehave("HEAD", "/manifests/", never, times=100)
        with pytest.raises(CredentialsError, match="were refused"):
            registry.head_manifest("v1")
        assert len(fake.requests("HEAD")) == 2


class Clock:
    """A time that stands still unless it is moved."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_token_is_got_anew_before_it_runs_out() -> None:
    clock, asked = Clock(), []

    def give(request: TokenRequest) -> bytes:
        asked.append(request.url)
        return json.dumps({"token": f"t{len(asked)}", "expires_in": 100}).encode()

    authorizer = Authorizer(None, fetch=give, allow_http=False, clock=clock)
    scope = pull_scope("a")
    assert authorizer.header(scope) is None
    assert authorizer.challenged(scope, 'Bearer realm="https://t.example/"', None)
    for clock.now_s, token in [(0, "t1"), (90, "t1"), (99, "t2"), (150, "t2"), (500, "t3")]:
        assert authorizer.header(scope) == f"Bearer {token}"


@pytest.mark.parametrize("auth", [None, "bearer"])
def test_cookies_are_not_sent_back(auth: str | None) -> None:
    def cookie(handler: Handler) -> None:
        handler.reply(404, Set_Cookie="session=secret; Path=/")

    with serving(auth=auth) as fake, open_registry(fake, credentials=LOGIN) as registry:
        fake.misbehave("HEAD", "/manifests/", cookie)
        registry.head_manifest("v1")
        registry.head_manifest("v1")
    assert len(fake.seen) >= 2
    assert not any("Cookie" in seen.headers for seen in fake.seen)


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_another_host_gets_no_login(auth: str) -> None:
    with serving() as storage, serving(auth=auth) as fake:
        storage.misbehave("GET", "/stored", lambda handler: handler.reply(200, DATA))
        with open_registry(fake, credentials=LOGIN) as registry:
            registry.head_manifest("v1")
            fake.misbehave("GET", "/blobs/", redirect(f"http://{storage.host}/stored?sig=x"))
            assert fetch(registry) == DATA
        assert [str(seen) for seen in storage.seen] == ["GET /stored?sig=x"]
        assert "Authorization" not in storage.seen[0].headers
        assert any("Authorization" in seen.headers for seen in fake.seen)


def test_a_token_is_used_again_and_got_anew_when_refused(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    with serving(auth="bearer") as fake, open_registry(fake, credentials=LOGIN) as registry:
        push(stored(layout), registry)
        assert len(fake.requests("GET", "/token")) == 1
        for scopes in fake.tokens.values():
            scopes.clear()
        push(stored(layout), registry)
        assert len(fake.requests("GET", "/token")) == 2


def test_an_identity_token_is_exchanged_by_post() -> None:
    known = Credentials(explicit=Login(identity_token="identity"))
    with serving(auth="bearer") as fake, open_registry(fake, credentials=known) as registry:
        assert registry.head_manifest("v1") is None
        assert len(fake.requests("POST", "/token")) == 1


@pytest.mark.parametrize(
    "header",
    ["", "Digest x", "Bearer", 'Bearer realm=""', "Basic realm", 'Bearer realm="ftp://x"', "\xff"],
)
def test_a_login_that_leads_nowhere_ends(fake: FakeRegistry, header: str) -> None:
    def refuse(handler: Handler) -> None:
        handler.refuse(401, "UNAUTHORIZED", WWW_Authenticate=header)

    fake.misbehave("GET", "/manifests/", refuse, times=100)
    refused = pytest.raises((CredentialsError, MalformedAnswerError))
    with open_registry(fake, credentials=LOGIN) as registry, refused:
        registry.get_manifest("v1")
    assert len(fake.seen) <= 2


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"token": 1}', b'{"token": "a\\nb"}', b'{"expires_in": "x"}']
)
def test_a_token_that_is_none_is_told(body: bytes) -> None:
    with serving(auth="bearer") as fake, open_registry(fake, credentials=LOGIN) as registry:
        fake.misbehave("GET", "/token", lambda handler: handler.reply(200, body))
        with pytest.raises((CredentialsError, MalformedAnswerError)):
            registry.get_manifest("v1")


def test_secrets_that_the_registry_sends_back_are_not_told() -> None:
    def echo(handler: Handler) -> None:
        given = handler.headers["Authorization"]
        handler.refuse(403, "DENIED", f"{given} {PASSWORD}\x1b[31m\n" + "x" * 5000)

    with serving(auth="basic") as fake, open_registry(fake, credentials=LOGIN) as registry:
        registry.head_manifest("v1")
        fake.misbehave("GET", "/manifests/", echo)
        with pytest.raises(DeniedError) as caught:
            registry.get_manifest("v1")
    message = caught.value.message
    assert PASSWORD not in message
    assert LOGIN.explicit is not None
    assert LOGIN.explicit.basic().removeprefix("Basic ") not in message
    assert message.isprintable()
    assert len(message) < 600
