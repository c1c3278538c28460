"""What goes wrong with registries, as errors that programs can tell apart by their kind."""

from __future__ import annotations

import math
from urllib.parse import urlsplit

from nixgen.errors import NetworkError
from nixgen.progress import printable
from nixgen.registry.foreign import load_json

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""The status codes after which another try may go better."""

_LONGEST_WORDS = 300


class UnreachableError(NetworkError):
    """No connection could be made, or it broke again and again."""

    kind = "unreachable"


class CertificateError(NetworkError):
    """The registry's certificate is not trusted here."""

    kind = "certificate"


class CredentialsError(NetworkError):
    """The registry wants a login, or refuses the one it got."""

    kind = "credentials"


class DeniedError(CredentialsError):
    """The login is known and may not do this."""

    kind = "denied"


class NotFoundError(NetworkError):
    """The registry does not have the repository, manifest or blob."""

    kind = "not-found"


class ImmutableTagError(NetworkError):
    """The tag names another image, and the registry lets no tag be moved."""

    kind = "immutable-tag"


class UnavailableError(NetworkError):
    """The registry was overloaded or failing, and stayed so.

    `wait_s` is how long it asks to be left alone, where it does.
    """

    kind = "unavailable"

    def __init__(
        self, message: str, *, hint: str | None = None, wait_s: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.wait_s = wait_s


class RefusedError(NetworkError):
    """The registry refused the request for a reason of its own."""

    kind = "refused"


class WrongDigestError(NetworkError):
    """What the registry sent, or says it stored, has another digest or size than was asked for."""

    kind = "wrong-digest"


class MalformedAnswerError(NetworkError):
    """The registry's answer is not what the distribution specification says."""

    kind = "malformed-answer"


def shown_url(url: str) -> str:
    """An address for messages: without login, query and fragment, any of which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def bounded(text: str) -> str:
    """Foreign words in one printable line of bounded length."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= _LONGEST_WORDS else line[: _LONGEST_WORDS - 1] + "…"


def registry_words(body: bytes) -> str:
    """What the body of a failed request says, or nothing.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
    """
    try:
        errors = load_json(body)["errors"]
        words = [f"{error.get('code', '')}: {error.get('message', '')}" for error in errors]
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""
    return bounded("; ".join(words))


def refusal(
    status: int, *, what: str, host: str, words: str, logged_in: bool, wait_s: float | None = None
) -> NetworkError:
    """The error for an answer that is a refusal. `what` was asked: "get the manifest x of y"."""
    said = f" ({words})" if words else ""
    message = f"can't {what}: {host} answers {status}{said}"
    if status == 401:
        why = "the credentials for it were refused" if logged_in else "it wants a login"
        return CredentialsError(f"{message}: {why}", hint=f"docker login {host}")
    if "immutable" in words.lower() or "overwritten" in words.lower():
        return ImmutableTagError(message, hint="push under a tag that is not taken yet")
    if status == 403:
        hint = f"docker login {host}, as a user who may do this"
        return DeniedError(message, hint=hint)
    if "MANIFEST_BLOB_UNKNOWN" in words:
        return RefusedError(message, hint="it names something that the repository does not have")
    if status == 404:
        hint = f"docker login {host}, if it is there: registries hide what one may not see"
        return NotFoundError(message, hint=hint)
    if status in BUSY or status >= 500:
        hint = "try again later" if wait_s is None else f"try again in {math.ceil(wait_s)} s"
        if status == 429 and not logged_in:
            hint += f", or docker login {host}: some let those who are known ask for more"
        return UnavailableError(message, hint=hint, wait_s=wait_s)
    return RefusedError(message)
