"""The exceptions of the HTTP libraries, told in nixgen's own."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from nixgen.registry.errors import CertificateError, MalformedAnswerError, bounded, shown_url

_URL = re.compile(r"\w+://[^\s'\"]+")
_CONNECTION = re.compile(r"^<?\w*Connection\w*(?:\(host=[^)]*\)| object at \w+>): ")


class Broken(Exception):  # noqa: N818  why: no end of the work, but of one try
    """A connection that failed; another try may go better."""


@contextlib.contextmanager
def translated(host: str) -> Iterator[None]:
    """Raise CertificateError, MalformedAnswerError or Broken for what the libraries raise."""
    import requests
    import urllib3

    try:
        yield
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError) as error:
        raise CertificateError(
            f"the certificate of {host} is not trusted: {_plain(error)}",
            hint="name the file of the authority that signed it: --ca-file FILE",
        ) from error
    except (
        requests.exceptions.InvalidSchema,
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidHeader,
        urllib3.exceptions.LocationParseError,
        ValueError,
    ) as error:
        raise MalformedAnswerError(f"{host} points to no usable address") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise Broken(_plain(error)) from error


def _plain(error: BaseException) -> str:
    """The innermost cause in one line: the libraries wrap it several times."""
    inner = error
    for _ in range(10):
        reasons = [getattr(inner, "reason", None), *inner.args]
        nested = next((arg for arg in reasons if isinstance(arg, BaseException)), None)
        if nested is None:
            break
        inner = nested
    text = _URL.sub(lambda match: shown_url(match[0]), str(inner))
    return bounded(_CONNECTION.sub("", text)) or type(inner).__name__
