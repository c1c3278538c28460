"""Whom a Sigstore instance's certificates and logs are trusted by: the public one's or a file.

A file is a trusted root, which is enough to verify by, or a client trust configuration, which also
names the services to sign with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from nixgen.attest.errors import CantTellError
from nixgen.errors import NixgenError, UsageError
from nixgen.strictjson import LARGEST_BYTES, load_object

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig, TrustedRoot

Instance = Literal["public", "staging"]
_CONFIG = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_ROOT = "application/vnd.dev.sigstore.trustedroot+json"
_Loaded = TypeVar("_Loaded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """A file, or else an instance that is known; `offline` asks nobody for what is newer."""

    file: Path | None = None
    instance: Instance = "public"
    offline: bool = False

    def trusted_root(self) -> TrustedRoot:
        """What to verify by; raises UsageError for a wrong file, CantTellError without one."""
        from sigstore.models import TrustedRoot
        from sigstore_models.trustroot.v1 import TrustedRoot as Inner

        if self.file is None:
            return self._known().trusted_root
        document = _read(self.file)
        if str(document.get("mediaType", "")).startswith(_ROOT):
            return _parse(self.file, lambda: TrustedRoot(Inner.from_json(json.dumps(document))))
        return self._config(self.file, document).trusted_root

    def trusted_root_json(self) -> str | None:
        """The trusted root of the file as JSON, None without a file; raises UsageError."""
        if self.file is None:
            return None
        self.trusted_root()
        document = _read(self.file)
        return json.dumps(document.get("trustedRoot", document), separators=(",", ":"))

    def signing(self) -> ClientTrustConfig:
        """What to sign with; raises as `trusted_root`."""
        if self.file is None:
            return self._known()
        return self._config(self.file, _read(self.file))

    def _config(self, file: Path, document: dict[str, Any]) -> ClientTrustConfig:
        from sigstore.models import ClientTrustConfig

        if document.get("mediaType") != _CONFIG:
            raise UsageError(
                f"{file} is no trust configuration of Sigstore", hint=f"its mediaType is {_CONFIG}"
            )
        return _parse(file, lambda: ClientTrustConfig.from_json(json.dumps(document)))

    def _known(self) -> ClientTrustConfig:
        from sigstore.models import ClientTrustConfig

        make = (
            ClientTrustConfig.production if self.instance == "public" else ClientTrustConfig.staging
        )
        try:
            return make(offline=self.offline)
        except Exception as error:
            # why all: what fetches the root brings errors of several libraries.
            raise CantTellError(
                f"the trusted root of the {self.instance} Sigstore can't be had: "
                f"{type(error).__name__}",
                hint="name one you have: --trusted-root FILE",
            ) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return load_object(stream.read(LARGEST_BYTES + 1))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{file} is no trusted root: {error}") from error


def _parse(file: Path, load: Callable[[], _Loaded]) -> _Loaded:
    try:
        return load()
    except NixgenError:
        raise
    except Exception as error:
        raise UsageError(f"{file} is no trusted root: {type(error).__name__}") from error
