"""Signing keylessly: an identity token for a certificate that lives ten minutes, and a log entry.

`sigstore` speaks to the services; it sets no limits of time on some of its requests, so they are
set here, around it. A token is a secret: it goes to the services and nowhere else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509

from nixgen.attest.bundle import Bundle, parse_bundle
from nixgen.attest.certificates import CertificateJudge, Identity, read_subject
from nixgen.attest.claims import Claims, parse_claims
from nixgen.attest.judging import Signatory
from nixgen.attest.statement import Statement
from nixgen.attest.trust import Trust
from nixgen.errors import NetworkError, UsageError
from nixgen.progress import printable

if TYPE_CHECKING:
    from sigstore.oidc import IdentityToken
    from sigstore.sign import Signer as SigstoreSigner

TOKEN_VARIABLE = "SIGSTORE_ID_TOKEN"  # noqa: S105 - the name of a variable
LIMIT_S = 60.0
"""How long the services together may take for one statement."""
BROWSER_LIMIT_S = 300.0
"""How long a user may take to log in."""
_LARGEST_TOKEN_BYTES = 64 << 10
_Result = TypeVar("_Result")


class TokenError(UsageError):
    """There is no identity token, or none that can be used."""

    kind = "token"


class SigningServiceError(NetworkError):
    """The services that certify and log a signature refused, failed or took too long."""

    kind = "signing-service"


class KeylessSigner:
    """Signs with an identity; see `Signer` of `signing`."""

    def __init__(
        self, trust: Trust, token: str, *, renews: bool = False, limit_s: float = LIMIT_S
    ) -> None:
        """With `renews`, all is signed anew: what was signed before tells an older time."""
        self._trust = trust
        self._renews = renews
        self._limit_s = limit_s
        self._identity, self._claims = _parse_token(token)
        self._config = trust.signing()
        self._signer: SigstoreSigner | None = None
        self._expected: Identity | None = None

    @property
    def name(self) -> str:
        """Who it is, for people."""
        return printable(str(self._claims))

    def expect(self, identity: Identity) -> None:
        """See `Signer`; nothing has been sent anywhere when it raises TokenError."""
        _demand(self._claims, identity)
        self._expected = identity

    def has_signed(self, bundle: Bundle) -> bool:
        """See `Signer`."""
        if self._renews or bundle.certificate is None:
            return False
        return isinstance(self._own.judge(bundle), Signatory)

    @cached_property
    def _own(self) -> CertificateJudge:
        """Who accepts what this identity has signed, under any name that it may have."""
        claims = self._claims
        names = [Identity.exactly(identity=name, issuer=claims.issuer) for name in claims.names]
        return CertificateJudge(self._trust, [self._expected] if self._expected else names)

    def sign(self, statement: Statement) -> Bundle:
        """A bundle of the statement; raises SigningServiceError, TokenError."""
        bundle = parse_bundle(within(self._limit_s, lambda: self._sign(statement)))
        if self._expected is not None:
            # why again: an instance of one's own may make another name of a token's claims.
            name, issuer = read_subject(x509.load_der_x509_certificate(bundle.certificate or b""))
            expected = self._expected
            if not (expected.identity.matches(name) and expected.issuer.matches(issuer)):
                who = f"the certificate is for {name}, vouched for by {issuer}"
                raise _unexpected(who, expected, "nothing was attached")
        return bundle

    def _sign(self, statement: Statement) -> bytes:
        from sigstore import dsse
        from sigstore.sign import SigningContext

        if self._signer is None:
            context = SigningContext.from_trust_config(self._config)
            # why not left: the context does nothing at its end.
            self._signer = context.signer(self._identity).__enter__()
        return self._signer.sign_dsse(dsse.Statement(statement.data)).to_json().encode()


def find_token(
    environ: Mapping[str, str],
    *,
    file: Path | None = None,
    trust: Trust,
    interactive: bool,
) -> str:
    """An identity token: of the file, of the variable, of the CI that this runs in, by a browser.

    Raises TokenError.
    """
    found = _find_given(environ, file)
    if found is not None:
        return found
    if not interactive:
        raise _nobody()
    return within(BROWSER_LIMIT_S, lambda: _ask(trust))


def check_token(
    environ: Mapping[str, str],
    *,
    file: Path | None = None,
    expected: Identity | None,
    interactive: bool,
) -> None:
    """Raise the TokenError that `find_token` and `expect` are going to raise, as far as is known.

    A browser is not asked, and nothing is sent but to the CI that gives the token.
    """
    token = _find_given(environ, file)
    if token is None:
        if interactive:
            return
        raise _nobody()
    _, claims = _parse_token(token)
    if expected is not None:
        _demand(claims, expected)


def _find_given(environ: Mapping[str, str], file: Path | None) -> str | None:
    """The token of the file, the variable or the CI; None where there is none of them."""
    if file is not None:
        return _read_token(file)
    if environ.get(TOKEN_VARIABLE):
        return environ[TOKEN_VARIABLE].strip()
    from sigstore import oidc

    try:
        found = within(LIMIT_S, oidc.detect_credential)
    except SigningServiceError as error:
        raise TokenError(
            "this CI offers an identity and does not hand it out",
            hint="on GitHub, permissions: id-token: write",
        ) from error
    return str(found) if found else None


def within(limit_s: float, work: Callable[[], _Result]) -> _Result:
    """The result of work that may hang; raises SigningServiceError where it fails or takes longer.

    What takes longer goes on in a thread that ends with the process.
    """
    done: list[_Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    if done:
        return done[0]
    if not failed:
        raise SigningServiceError(
            f"the signing services have not answered within {limit_s:g} s", hint="try again later"
        )
    if isinstance(failed[0], TokenError):
        raise failed[0]
    if type(failed[0]).__name__ in ("ExpiredIdentity", "ExpiredCertificate"):
        raise TokenError(
            "the identity token or its certificate has expired, or the clock is wrong",
            hint="get a new one",
        )
    # why only its name: what a service or library says may repeat what it was sent.
    raise SigningServiceError(
        f"the signing services refused or failed: {type(failed[0]).__name__}",
        hint="does the clock go right, and does the instance take this issuer's tokens?",
    )


def _nobody() -> TokenError:
    return TokenError(
        "there is no identity to sign with: no token, no CI that gives one, and no terminal",
        hint=f"set {TOKEN_VARIABLE}, name a file with --identity-token, or sign with --key",
    )


def _demand(claims: Claims, expected: Identity) -> None:
    named = any(expected.identity.matches(name) for name in claims.names)
    if not (named and expected.issuer.matches(claims.issuer)):
        raise _unexpected(f"the identity token is for {claims}", expected, "nothing was signed")


def _unexpected(who: str, expected: Identity, so: str) -> TokenError:
    wanted = f"{expected.identity.text}, vouched for by {expected.issuer.text}"
    return TokenError(
        printable(f"{who}, and [sign] names {wanted}"),
        hint=f"{so}: sign as the latter, or mend [sign] in app.toml",
    )


def _parse_token(token: str) -> tuple[IdentityToken, Claims]:
    from sigstore.oidc import IdentityError, IdentityToken

    try:
        return IdentityToken(token), parse_claims(token)
    except (IdentityError, ValueError) as error:
        cause = f"{error} {error.__cause__}".lower()
        why, hint = "is none that can be read", "get a new one"
        if "not yet valid" in cause:
            why, hint = "is not valid yet: the clock is wrong", "set this machine's clock"
        elif "validity" in cause or "expired" in cause:
            why = "has expired, or the clock is wrong"
        elif "audience" in cause:
            why, hint = "is not for Sigstore", "ask for one whose audience is sigstore"
        raise TokenError(f"the identity token {why}", hint=hint) from None


def _read_token(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST_TOKEN_BYTES + 1)
    except OSError as error:
        raise TokenError(f"{file}: {error.strerror or error}") from error
    if len(data) > _LARGEST_TOKEN_BYTES or not data.isascii():
        raise TokenError(f"{file} holds no identity token")
    return data.decode("ascii").strip()


def _ask(trust: Trust) -> str:
    from sigstore.oidc import Issuer

    return str(Issuer(trust.signing().signing_config.get_oidc_url()).identity_token())
