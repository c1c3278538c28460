"""Which authorities are trusted: those of this machine, not those that came with a library."""

from __future__ import annotations

import os
import ssl
from pathlib import Path


def trusted_certificates(ca_file: Path | None) -> str | bool:
    """What requests checks servers by, as its `verify` wants it: a file, a folder or its own.

    `ca_file` alone where it is given; else the variables that requests knows, then OpenSSL's
    (`SSL_CERT_FILE`, `SSL_CERT_DIR`) and the place where this machine's OpenSSL has them.
    """
    if ca_file is not None:
        return str(ca_file)
    if os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        return True
    places = ssl.get_default_verify_paths()
    if places.cafile:
        return places.cafile
    # why hashed names: OpenSSL finds no others, and an empty folder must not stand for all.
    if places.capath and any(Path(places.capath).glob("*.[0-9]")):
        return places.capath
    return True
